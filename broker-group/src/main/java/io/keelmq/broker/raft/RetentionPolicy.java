package io.keelmq.broker.raft;

import io.keelmq.broker.state.Feature;
import io.keelmq.broker.state.StateView;
import java.time.Duration;
import java.util.function.Predicate;

/**
 * How a leader makes room. Immutable.
 *
 * @param relocateBytesPerSecond of records that outlive their segments, copied at most; 0: none are
 * @param trimBelowBytes with less than this free on a disk the oldest messages go; 0: {@link
 *     #trimBelowPercent} counts
 * @param trimBelowPercent of the whole disk; 0, with 0 bytes: never
 * @param trimKeep what is younger never goes for want of disk
 * @param rest between two looks at what can be done, at least
 * @param allowed whether all replicas of the group understand the commands for it and the settings
 *     of topics that came with them
 */
public record RetentionPolicy(
    long relocateBytesPerSecond,
    long trimBelowBytes,
    int trimBelowPercent,
    Duration trimKeep,
    Duration rest,
    Predicate<StateView> allowed) {

  public static final RetentionPolicy DEFAULT =
      new RetentionPolicy(
          8L << 20,
          0,
          0,
          Duration.ofHours(1),
          Duration.ofSeconds(10),
          state -> state.features().allows(Feature.RELOCATED_BODIES));

  /** So many times as often is looked while messages go for want of disk. */
  private static final int PRESSED = 10;

  public RetentionPolicy {
    if (relocateBytesPerSecond < 0
        || trimBelowBytes < 0
        || trimBelowPercent < 0
        || trimBelowPercent > 90
        || trimKeep.isNegative()) {
      throw new IllegalArgumentException(
          "relocate %d bytes/s, trim below %d bytes or %d percent, keep %s: expected nothing"
                  .formatted(relocateBytesPerSecond, trimBelowBytes, trimBelowPercent, trimKeep)
              + " negative, at most 90 percent");
    }
  }

  /** Whether messages ever go that their topics would keep. */
  public boolean trimsForWantOfDisk() {
    return trimBelowBytes > 0 || trimBelowPercent > 0;
  }

  /**
   * Between two looks, at least.
   *
   * @param pressed this disk has less free than it should
   */
  Duration rest(boolean pressed) {
    return pressed ? rest.dividedBy(PRESSED) : rest;
  }

  /** A disk with less than this free wants messages to go; 0: none ever does. */
  public long trimBelow(long diskBytes) {
    return trimBelowBytes > 0 ? trimBelowBytes : diskBytes / 100 * trimBelowPercent;
  }

  public RetentionPolicy with(
      long newBytesPerSecond, long newTrimBelowBytes, int newTrimBelowPercent, Duration newKeep) {
    return new RetentionPolicy(
        newBytesPerSecond, newTrimBelowBytes, newTrimBelowPercent, newKeep, rest, allowed);
  }

  RetentionPolicy withRest(Duration value) {
    return new RetentionPolicy(
        relocateBytesPerSecond, trimBelowBytes, trimBelowPercent, trimKeep, value, allowed);
  }

  public RetentionPolicy withAllowed(Predicate<StateView> predicate) {
    return new RetentionPolicy(
        relocateBytesPerSecond, trimBelowBytes, trimBelowPercent, trimKeep, rest, predicate);
  }
}
