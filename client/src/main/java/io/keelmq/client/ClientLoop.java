package io.keelmq.client;

import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The client's one thread: it owns routes, sessions and streams, and completes the futures of
 * applications. Everything that runs on it is short. Thread-safe.
 */
final class ClientLoop {

  private static final Logger LOG = LoggerFactory.getLogger(ClientLoop.class);

  private final ScheduledThreadPoolExecutor executor;
  private final LongSupplier nanos;
  private volatile Thread thread;

  ClientLoop(String name, LongSupplier nanos) {
    this.nanos = nanos;
    executor =
        new ScheduledThreadPoolExecutor(
            1,
            work -> {
              var made = new Thread(work, name);
              made.setDaemon(true);
              thread = made;
              return made;
            },
            // Events of streams that end after close concern nobody.
            new ThreadPoolExecutor.DiscardPolicy());
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  long nanoTime() {
    return nanos.getAsLong();
  }

  /** True on the loop's own thread, which must not wait for anything. */
  boolean isCurrent() {
    return Thread.currentThread() == thread;
  }

  void execute(Runnable work) {
    executor.execute(guarded(work));
  }

  Future<?> schedule(Runnable work, long delayMillis) {
    return executor.schedule(guarded(work), delayMillis, TimeUnit.MILLISECONDS);
  }

  /** Runs what was handed over before, and nothing after. */
  void close() {
    executor.shutdown();
  }

  private static Runnable guarded(Runnable work) {
    return () -> {
      try {
        work.run();
      } catch (RuntimeException e) {
        LOG.error("client loop: an event failed, the rest goes on", e);
      }
    };
  }
}
