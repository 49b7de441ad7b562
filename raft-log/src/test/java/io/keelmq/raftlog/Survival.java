package io.keelmq.raftlog;

import java.util.List;
import java.util.random.RandomGenerator;

/** Which of the changes since the last force a power loss leaves. */
enum Survival {
  NONE,
  ALL,
  /** The earlier ones, the last of them perhaps in part. */
  PREFIX,
  /** Any, in part or whole: the disk reorders. */
  ANY;

  static Survival random(RandomGenerator random) {
    return values()[random.nextInt(values().length)];
  }

  <T> List<T> of(List<T> changes, RandomGenerator random) {
    return switch (this) {
      case NONE -> List.of();
      case ALL -> changes;
      case PREFIX -> changes.subList(0, random.nextInt(changes.size() + 1));
      case ANY -> changes.stream().filter(change -> random.nextBoolean()).toList();
    };
  }
}
