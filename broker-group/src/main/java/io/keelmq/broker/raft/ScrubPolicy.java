package io.keelmq.broker.raft;

import java.time.Duration;

/**
 * How a replica reads its sealed segments and the files of its rows again to find damage.
 * Immutable.
 *
 * @param bytesPerSecond at most; 0: not at all
 * @param pause between the end of one pass and the beginning of the next
 */
public record ScrubPolicy(long bytesPerSecond, Duration pause) {

  public static final ScrubPolicy DEFAULT = new ScrubPolicy(8L << 20, Duration.ofHours(1));

  public ScrubPolicy {
    if (bytesPerSecond < 0 || pause.isNegative()) {
      throw new IllegalArgumentException(
          "scrub of %d bytes per second with a pause of %s: expected no negative ones"
              .formatted(bytesPerSecond, pause));
    }
  }
}
