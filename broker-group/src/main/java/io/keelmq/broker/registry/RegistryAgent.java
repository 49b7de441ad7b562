package io.keelmq.broker.registry;

import io.keelmq.common.HostPort;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.DoubleSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reports this replica to every name server: every second, and at once when something changed. Each
 * name server has a connection of its own, so none that hangs or dies delays the reports to the
 * others. Nothing survives a crash, and nothing has to.
 *
 * <p>Thread-safe. The links are owned by the registry thread.
 */
public final class RegistryAgent implements AutoCloseable {

  static final long REPORT_INTERVAL_MILLIS = 1_000;

  private static final Logger log = LoggerFactory.getLogger(RegistryAgent.class);

  private static final long CLOSE_MILLIS = 1_000;

  private final ScheduledThreadPoolExecutor registryThread;
  private final List<NameServerLink> links;
  private final AtomicBoolean changeNoted = new AtomicBoolean();
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * @param nameServers may be empty: then nobody is told anything
   * @param jitter gives 0 (inclusive) to 1 (exclusive); spreads the reconnects of many replicas
   */
  public RegistryAgent(List<HostPort> nameServers, ReplicaFacts facts, DoubleSupplier jitter) {
    registryThread =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              var thread = new Thread(task, "registry");
              thread.setDaemon(true);
              return thread;
            });
    registryThread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    registryThread.setRemoveOnCancelPolicy(true);
    links =
        nameServers.stream()
            .map(address -> new NameServerLink(address, facts, registryThread, jitter))
            .toList();
  }

  /**
   * Begins to connect and to report. Returns at once, whether or not a name server can be reached.
   */
  public void start() {
    registryThread.execute(() -> links.forEach(link -> guarded(link::open)));
    registryThread.scheduleWithFixedDelay(
        () -> links.forEach(link -> guarded(link::tick)),
        REPORT_INTERVAL_MILLIS,
        REPORT_INTERVAL_MILLIS,
        TimeUnit.MILLISECONDS);
  }

  /**
   * Something in the facts changed: reports at once. From any thread, never blocks; calls that come
   * before the report is made share it.
   */
  public void changed() {
    if (closed.get() || !changeNoted.compareAndSet(false, true)) {
      return;
    }
    try {
      registryThread.execute(
          () -> {
            // Before the facts are read: a change from now on asks again.
            changeNoted.set(false);
            links.forEach(link -> guarded(link::report));
          });
    } catch (RejectedExecutionException e) {
      log.debug("change not reported while closing", e);
    }
  }

  /** How many name servers have answered the last report; for metrics. */
  public int reachedNameServers() {
    return (int) links.stream().filter(NameServerLink::isReached).count();
  }

  /**
   * Ends the streams, so that the name servers drop this replica at once, and waits for that for a
   * second at the most. Also without a start, and again.
   */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    registryThread.execute(() -> links.forEach(link -> guarded(link::close)));
    long deadlineNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(CLOSE_MILLIS);
    try {
      for (NameServerLink link : links) {
        link.awaitClosed(deadlineNanos - System.nanoTime());
      }
      registryThread.shutdown();
      registryThread.awaitTermination(CLOSE_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      registryThread.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }

  private static void guarded(Runnable step) {
    try {
      step.run();
    } catch (RuntimeException e) {
      // A thread's root: one link's failure must end neither the ticks nor the other links.
      log.error("reporting to a name server failed, trying again with the next report", e);
    }
  }
}
