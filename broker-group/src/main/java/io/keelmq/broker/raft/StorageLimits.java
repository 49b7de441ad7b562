package io.keelmq.broker.raft;

import java.time.Duration;

/**
 * What a replica expects of its disk. Immutable.
 *
 * @param stall a force that takes longer is taken for a broken disk: the replica does not lead
 * @param minFreeBytes below it the replica is low on disk; 0: {@link #minFreePercent} counts
 * @param minFreePercent of the whole disk, and at most {@link #MOST_BY_PERCENT}
 * @param standAfter how long after its start the replica does not stand for election
 */
public record StorageLimits(
    Duration stall, long minFreeBytes, int minFreePercent, Duration standAfter) {

  /** A percentage of a large disk would leave more unused than anybody needs for coming back. */
  static final long MOST_BY_PERCENT = 1L << 30;

  public static final StorageLimits DEFAULT =
      new StorageLimits(Duration.ofSeconds(5), 0, 5, Duration.ZERO);

  public StorageLimits {
    if (stall.toMillis() < 100 || minFreeBytes < 0 || minFreePercent < 0 || minFreePercent > 50) {
      throw new IllegalArgumentException(
          "stall %s, min free %d bytes or %d percent: expected 100ms or more, not negative, at most"
                  .formatted(stall, minFreeBytes, minFreePercent)
              + " 50 percent");
    }
  }

  /** A replica with less than this is low on disk. */
  public long lowBelow(long diskBytes) {
    return minFreeBytes > 0
        ? minFreeBytes
        : Math.min(MOST_BY_PERCENT, diskBytes / 100 * minFreePercent);
  }

  /** With this much free it is low no more; between the two it stays what it is. */
  public long enoughFrom(long diskBytes) {
    long low = lowBelow(diskBytes);
    return low + low / 4;
  }

  public StorageLimits withStandAfter(Duration value) {
    return new StorageLimits(stall, minFreeBytes, minFreePercent, value);
  }
}
