package io.keelmq.broker.raft;

import java.time.Duration;

/**
 * When a replica takes a snapshot by itself: when its log has grown by {@code bytes} since the last
 * one, or by {@code agedBytes} if the last one is older than {@code age}. Never by time alone: a
 * group that rests needs none, and JRaft would cut its whole log away.
 *
 * <p>Between the last snapshot but one and now a follower that was away catches up from the log;
 * beyond it gets a snapshot. Large values cost no disk, as segments stay anyway.
 */
public record SnapshotPolicy(long bytes, Duration age, long agedBytes) {

  public static final SnapshotPolicy DEFAULT =
      new SnapshotPolicy(4L << 30, Duration.ofMinutes(30), 64L << 20);

  public SnapshotPolicy {
    if (bytes < 1 || agedBytes < 1 || age.isNegative() || age.isZero()) {
      throw new IllegalArgumentException(
          "snapshots after %d bytes, or %d and %s: expected 1 or more"
              .formatted(bytes, agedBytes, age));
    }
  }

  /**
   * @param grown bytes appended since the last snapshot
   * @param sinceNanos how long ago that was
   */
  boolean due(long grown, long sinceNanos) {
    return grown >= bytes || (grown >= agedBytes && sinceNanos >= age.toNanos());
  }
}
