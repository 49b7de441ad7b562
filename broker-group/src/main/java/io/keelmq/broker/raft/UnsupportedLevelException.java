package io.keelmq.broker.raft;

import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.state.Features;
import io.keelmq.broker.state.LevelRange;

/**
 * The group has a feature level that this replica does not support. It stops, and nothing of what
 * it does not understand has been applied; another version goes on with the same folder.
 */
public final class UnsupportedLevelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private UnsupportedLevelException(String message) {
    super(message);
  }

  /**
   * @param where the level was met
   * @throws UnsupportedLevelException unless {@code own} supports the level
   */
  static void require(ReplicaVersion own, Features group, String where) {
    if (!own.levels().covers(group.level())) {
      throw new UnsupportedLevelException(message(own, group, where));
    }
  }

  /** What is wrong, and what to do. */
  static String message(ReplicaVersion own, Features group, String where) {
    int level = group.level();
    String supported = own.levels().toString();
    if (level < own.levels().least()) {
      return "%s: this group runs at feature level %d, this version (%s) supports %s: start an earlier version, and this one when the group has been raised"
          .formatted(where, level, own.software(), supported);
    }
    if (level <= LevelRange.NEWEST) {
      return "%s: this group runs at feature level %d, feature.level.max lets this replica support %s: take that option out"
          .formatted(where, level, supported);
    }
    return "%s: this group runs at feature level %d, this version (%s) supports %s: start version %s or later"
        .formatted(where, level, own.software(), supported, raisedBy(group));
  }

  private static String raisedBy(Features group) {
    return group.raisedBy().isEmpty() ? "that of the other replicas" : group.raisedBy();
  }
}
