package io.keelmq.local;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Waiting for what another process does, by looking again and again. Stateless. */
public final class Waiting {

  private static final long POLL_MILLIS = 10;

  private Waiting() {}

  /** False if the time was over first. Looks at least once. */
  public static boolean until(Duration deadline, BooleanSupplier condition) {
    long endNanos = System.nanoTime() + deadline.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - endNanos > 0) {
        return false;
      }
      aMoment();
    }
    return true;
  }

  /**
   * Until the next look.
   *
   * @throws ClusterFailure if this thread is interrupted
   */
  static void aMoment() {
    try {
      TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClusterFailure(ClusterFailure.Kind.FAILED, "interrupted while waiting", e);
    }
  }
}
