package io.keelmq.broker.rocketmq;

import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;

/** Times of the protocol in milliseconds; absurd ones come to the ends of what there is. */
final class Times {

  /** Nothing here lasts longer; sums with it stay within a long. */
  private static final long MOST_SECONDS = Long.MAX_VALUE / 4_000;

  private Times() {}

  static long millis(Timestamp at) {
    return clamp(at.getSeconds()) * 1_000 + clampNanos(at.getNanos()) / 1_000_000;
  }

  /** Rounded up, so that a little more than a limit is more than it. */
  static long millis(Duration duration) {
    return clamp(duration.getSeconds()) * 1_000
        + (clampNanos(duration.getNanos()) + 999_999) / 1_000_000;
  }

  private static long clamp(long seconds) {
    return Math.max(-MOST_SECONDS, Math.min(MOST_SECONDS, seconds));
  }

  private static int clampNanos(int nanos) {
    return Math.max(0, Math.min(999_999_999, nanos));
  }

  /** Not negative, and no second in its nanoseconds. */
  static boolean isSound(Duration duration) {
    return duration.getSeconds() >= 0
        && duration.getNanos() >= 0
        && duration.getNanos() <= 999_999_999;
  }

  static Timestamp timestamp(long millis) {
    return Timestamp.newBuilder()
        .setSeconds(Math.floorDiv(millis, 1_000L))
        .setNanos((int) Math.floorMod(millis, 1_000L) * 1_000_000)
        .build();
  }

  static Duration duration(long millis) {
    return Duration.newBuilder()
        .setSeconds(millis / 1_000)
        .setNanos((int) (millis % 1_000) * 1_000_000)
        .build();
  }
}
