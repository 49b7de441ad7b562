package io.keelmq.raftlog;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one lock of a log, under which all changes are made, and its end: a change that fails poisons
 * the log, and nothing changes it any more. Thread-safe; nothing of it survives a crash.
 */
final class LogLock {

  private static final Logger LOG = LoggerFactory.getLogger(LogLock.class);

  private final Path folder;
  private final LongSupplier nanos;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  private boolean closed;
  private volatile PoisonedLogException poison;

  /**
   * @param nanos a monotonic clock
   */
  LogLock(Path folder, LongSupplier nanos) {
    this.folder = folder;
    this.nanos = nanos;
  }

  /** What is done under the lock; it may throw, which poisons nothing by itself. */
  interface Action<E extends Exception> {
    void run() throws E;
  }

  /** Runs checks and changes of a log that can still be changed. */
  <E extends Exception> void locked(Action<E> checksAndChange) throws E {
    lock.lock();
    try {
      requireUsable();
      checksAndChange.run();
    } finally {
      lock.unlock();
    }
  }

  /**
   * The root of every change: whatever goes wrong in one, nobody knows what is on disk. To be
   * called under the lock.
   */
  void change(String action, Action<IOException> change) {
    try {
      change.run();
    } catch (Throwable failure) {
      throw poisoned(action, failure);
    } finally {
      changed.signalAll();
    }
  }

  /** Ends all changes for something that went wrong beside them, unless they have ended already. */
  void poison(String action, Throwable failure) {
    lock.lock();
    try {
      if (!closed && poison == null) {
        poisoned(action, failure);
      }
    } finally {
      changed.signalAll();
      lock.unlock();
    }
  }

  private PoisonedLogException poisoned(String action, Throwable failure) {
    poison = new PoisonedLogException(action, failure);
    LOG.error("the log is poisoned, folder={}", folder, poison);
    return poison;
  }

  /**
   * Waits for what changes bring.
   *
   * @param help tried under the lock after each change
   * @return whether it was reached within {@code limit}
   * @throws PoisonedLogException if it never will be
   */
  boolean await(BooleanSupplier reached, Runnable help, Duration limit)
      throws InterruptedException {
    long began = nanos.getAsLong();
    if (!lock.tryLock(limit.toNanos(), TimeUnit.NANOSECONDS)) {
      return false;
    }
    try {
      long remaining = limit.toNanos() - (nanos.getAsLong() - began);
      while (true) {
        requireUsable();
        help.run();
        if (reached.getAsBoolean() || remaining <= 0) {
          return reached.getAsBoolean();
        }
        remaining = changed.awaitNanos(remaining);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Ends all changes. Idempotent.
   *
   * @param last the last change, unless the log is poisoned
   * @param release what has to be let go of in any case
   */
  void close(Action<IOException> last, Runnable release) {
    lock.lock();
    try {
      if (!closed && poison == null) {
        change("closing", last);
      }
    } finally {
      closed = true;
      changed.signalAll();
      release.run();
      lock.unlock();
    }
  }

  Optional<PoisonedLogException> poison() {
    return Optional.ofNullable(poison);
  }

  private void requireUsable() {
    if (poison != null) {
      throw poison;
    }
    if (closed) {
      throw new IllegalStateException("the log in " + folder + " is closed");
    }
  }
}
