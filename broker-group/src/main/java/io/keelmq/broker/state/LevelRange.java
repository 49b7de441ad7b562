package io.keelmq.broker.state;

/**
 * The feature levels that a replica supports. Immutable.
 *
 * @param least from {@link #FIRST}
 * @param most not below {@code least}
 */
public record LevelRange(int least, int most) {

  /** Of every group until it is raised. */
  public static final int FIRST = 1;

  /** The highest that this version knows. */
  public static final int NEWEST = 3;

  /** What this version supports. */
  public static final LevelRange OF_THIS_VERSION = new LevelRange(FIRST, NEWEST);

  /** What versions support that know nothing of levels. */
  public static final LevelRange OF_BEFORE = new LevelRange(FIRST, FIRST);

  public LevelRange {
    if (least < FIRST || most < least) {
      throw new IllegalArgumentException("feature levels %d to %d".formatted(least, most));
    }
  }

  /**
   * As told by a replica.
   *
   * @param most 0: it told none, because it is of a version that knows nothing of levels
   */
  public static LevelRange told(int least, int most) {
    boolean told = most >= FIRST && most >= least;
    return told ? new LevelRange(Math.max(FIRST, least), most) : OF_BEFORE;
  }

  public boolean covers(int level) {
    return level >= least && level <= most;
  }

  /** Held at a level by an operator. */
  public LevelRange heldAt(int level) {
    return new LevelRange(least, Math.min(most, level));
  }

  @Override
  public String toString() {
    return least == most ? String.valueOf(least) : least + " to " + most;
  }
}
