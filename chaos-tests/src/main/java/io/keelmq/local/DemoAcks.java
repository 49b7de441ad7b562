package io.keelmq.local;

import org.HdrHistogram.Histogram;

/**
 * The answers to the demo's sends. Thread-safe: its lock guards the counts; answers come on the
 * client's thread.
 */
final class DemoAcks {

  private static final long MAX_MICROS = 600_000_000;

  private final Histogram micros = new Histogram(MAX_MICROS, 3);
  private long acked;
  private long failed;
  private String firstFailure = "";
  private long lastAckNanos;
  private long killNanos = Long.MAX_VALUE;
  private long longestGapNanos;
  private boolean answeredAfterKill;

  synchronized void ack(long sentNanos, long nowNanos) {
    acked++;
    micros.recordValue(Math.min(MAX_MICROS, Math.max(0, (nowNanos - sentNanos) / 1_000)));
    // Only gaps that end behind the kill count as the pause around it.
    if (nowNanos >= killNanos && lastAckNanos != 0) {
      longestGapNanos = Math.max(longestGapNanos, nowNanos - lastAckNanos);
    }
    answeredAfterKill |= sentNanos > killNanos;
    lastAckNanos = nowNanos;
  }

  synchronized void fail(Throwable failure) {
    failed++;
    if (firstFailure.isEmpty()) {
      firstFailure = failure.toString();
    }
  }

  synchronized void killedAt(long nanos) {
    killNanos = nanos;
  }

  synchronized long acked() {
    return acked;
  }

  synchronized long failed() {
    return failed;
  }

  synchronized String firstFailure() {
    return firstFailure;
  }

  synchronized double millisAtPercentile(double percentile) {
    return micros.getValueAtPercentile(percentile) / 1e3;
  }

  synchronized double longestPauseMillis() {
    return longestGapNanos / 1e6;
  }

  /** A message that was sent after the kill has been acknowledged: another one leads. */
  synchronized boolean answeredAfterKill() {
    return answeredAfterKill;
  }

  synchronized long settled() {
    return acked + failed;
  }
}
