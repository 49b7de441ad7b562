package io.keelmq.broker.state;

/**
 * What a group may use, by its row. Immutable.
 *
 * @param level the group's feature level, from {@link LevelRange#FIRST}
 * @param raisedBy the software version of the leader that raised it; empty at the first level
 * @param raisedAt the log index of that; 0 at the first level
 */
public record Features(int level, String raisedBy, long raisedAt) {

  /** Of a group that has never been raised: also of one that knows nothing of levels. */
  public static final Features FIRST = new Features(LevelRange.FIRST, "", 0);

  /** Whether a command that uses it may be proposed. What is true once stays true. */
  public boolean allows(Feature feature) {
    return reaches(feature.level());
  }

  public boolean reaches(int neededLevel) {
    return level >= neededLevel;
  }
}
