package io.keelmq.client.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A wish to end early, as by Ctrl-C: loops look at {@link #requested}, and a command that is
 * blocked where nobody can wake it leaves what is to be done in its place. Thread-safe.
 */
final class Stop {
  private final CountDownLatch finished = new CountDownLatch(1);
  private final AtomicReference<Runnable> instead = new AtomicReference<>();
  private volatile boolean requested;

  boolean requested() {
    return requested;
  }

  /** Sets what the stopping thread does for the command, which is then taken as finished. */
  void instead(Runnable action) {
    instead.set(action);
  }

  /** The command has come to its end by itself. */
  void finished() {
    finished.countDown();
  }

  /** Asks the command to end and waits until it has, for {@code patience} at the most. */
  void request(Duration patience) {
    requested = true;
    if (finished.getCount() == 0) {
      return;
    }
    Runnable action = instead.getAndSet(null);
    if (action != null) {
      action.run();
      return;
    }
    try {
      if (!finished.await(patience.toNanos(), TimeUnit.NANOSECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
