package io.keelmq.client;

import java.util.concurrent.ThreadLocalRandom;

/**
 * How long to wait before trying again: doubling from {@code first} to {@code most}, each shortened
 * by up to a half at random, so that the clients of a dead leader do not come back all at once.
 * Owned by one thread.
 */
final class RetryPolicy {

  private final long firstMillis;
  private final long mostMillis;
  private final boolean firstAtOnce;
  private int failures;

  private RetryPolicy(long firstMillis, long mostMillis, boolean firstAtOnce) {
    this.firstMillis = firstMillis;
    this.mostMillis = mostMillis;
    this.firstAtOnce = firstAtOnce;
  }

  /** For streams and calls to replicas: the first retry is immediate. */
  static RetryPolicy forReplicas() {
    return new RetryPolicy(10, 250, true);
  }

  static RetryPolicy forNameServers() {
    return new RetryPolicy(50, 1_000, false);
  }

  /** Counts a failure. */
  long nextDelayMillis() {
    int failure = failures++;
    if (firstAtOnce) {
      if (failure == 0) {
        return 0;
      }
      failure--;
    }
    long full = Math.min(mostMillis, firstMillis << Math.min(failure, 20));
    return full - ThreadLocalRandom.current().nextLong(full / 2 + 1);
  }

  /** Something worked. */
  void reset() {
    failures = 0;
  }
}
