package io.keelmq.broker.api;

import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What others tell a planner, until its pass looks; and the passes, of which one runs at a time.
 *
 * <p>Thread-safe: guarded by its lock, under which nobody is called.
 */
final class PlannerMail {

  private static final Logger LOG = LoggerFactory.getLogger(PlannerMail.class);

  private final Executor readers;
  private final BooleanSupplier pass;

  /** Reasons for a pass since the last one began; a pass is queued or runs while it is not 0. */
  private final AtomicInteger calls = new AtomicInteger();

  private final ArrayDeque<Attachment> arrivals = new ArrayDeque<>();
  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final BitSet grown = new BitSet();

  /** By queue, the offset below which no batch became ready. */
  private final Map<Integer, Long> readied = new HashMap<>();

  private boolean closed;

  /**
   * @param pass works, and says whether there is more to do at once
   */
  PlannerMail(Executor readers, BooleanSupplier pass) {
    this.readers = readers;
    this.pass = pass;
  }

  /** Asks for a pass; any thread. */
  void call() {
    if (calls.getAndIncrement() == 0) {
      queuePass();
    }
  }

  private void queuePass() {
    try {
      readers.execute(this::run);
    } catch (RejectedExecutionException e) {
      // Only when the server is closed, which ends the streams too.
      LOG.debug("a planner was left", e);
    }
  }

  private void run() {
    int seen = calls.get();
    if (pass.getAsBoolean() || !calls.compareAndSet(seen, 0)) {
      queuePass();
    }
  }

  /** A stream has come; false if it is too late. */
  boolean arrive(Attachment stream) {
    synchronized (this) {
      if (closed) {
        return false;
      }
      arrivals.add(stream);
    }
    call();
    return true;
  }

  /** A task for the pass, after those before it; dropped if it is too late. */
  void post(Runnable task) {
    synchronized (this) {
      if (closed) {
        return;
      }
      tasks.add(task);
    }
    call();
  }

  /** A queue has grown. Asks for no pass. */
  synchronized void grown(int queue) {
    grown.set(queue);
  }

  /** A queue may have batches that are ready. Asks for no pass. */
  synchronized void readied(int queue, long fromOffset) {
    readied.merge(queue, fromOffset, Math::min);
  }

  synchronized boolean hasNotes() {
    return !grown.isEmpty() || !readied.isEmpty();
  }

  synchronized void takeNotes(PlannerQueues queues) {
    queues.activate(grown, readied);
    grown.clear();
    readied.clear();
  }

  synchronized Optional<Attachment> nextArrival() {
    return Optional.ofNullable(arrivals.poll());
  }

  synchronized Optional<Runnable> nextTask() {
    return Optional.ofNullable(tasks.poll());
  }

  synchronized boolean isClosed() {
    return closed;
  }

  /** Takes nothing more, unless something waits; says so. */
  synchronized boolean closeIfEmpty() {
    closed |= tasks.isEmpty() && arrivals.isEmpty();
    return closed;
  }

  /** Takes nothing more, and forgets all but the streams that have come meanwhile. */
  synchronized List<Attachment> close() {
    closed = true;
    tasks.clear();
    List<Attachment> left = List.copyOf(arrivals);
    arrivals.clear();
    return left;
  }
}
