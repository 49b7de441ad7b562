package io.keelmq.broker.raft;

import io.keelmq.broker.state.BodyAddresses;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Table;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.raftlog.SegmentSummary;
import io.keelmq.raftlog.SegmentedLog;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes segments of the log in which no message lies any more: those before the oldest entry that
 * a row names, and before the logical first index, which the last snapshot has moved.
 *
 * <p>What is needed is read from the rows rather than counted: a count that is wrong once is wrong
 * for ever. A row that goes away meanwhile only makes the answer cautious. Rows that a restart
 * takes up may be older than those that were read, and name entries that are gone: applying what
 * follows takes these rows away again before anybody is served.
 *
 * <p>{@link #check} is called by one thread; the work is done on another one.
 */
final class LogRetention {

  private static final Logger LOG = LoggerFactory.getLogger(LogRetention.class);

  private static final Duration DURABLE_LIMIT = Duration.ofSeconds(10);

  private final SegmentedLog log;
  private final RocksTables store;
  private final StateView state;
  private final GroupSnapshots snapshots;
  private final Executor background;
  private final LongSupplier nanos;
  private final Supplier<Duration> rest;
  private final AtomicBoolean busy = new AtomicBoolean();
  private final SnapshotCounters counters;
  private final ReadingRest resting;
  private volatile long notBeforeNanos;

  LogRetention(
      SegmentedLog log,
      RocksTables store,
      StateView state,
      GroupSnapshots snapshots,
      Executor background,
      LongSupplier nanos,
      Supplier<Duration> rest,
      SnapshotCounters counters) {
    this.log = log;
    this.store = store;
    this.state = state;
    this.snapshots = snapshots;
    this.background = background;
    this.nanos = nanos;
    this.rest = rest;
    this.counters = counters;
    this.resting = new ReadingRest(nanos);
    this.notBeforeNanos = nanos.getAsLong();
  }

  /** Between two looks, at least; less while this disk is nearly full. */
  long restNanos() {
    return rest.get().toNanos();
  }

  /** Called about once a second. */
  void check() {
    if (nanos.getAsLong() - notBeforeNanos < 0
        || log.segmentsBefore(log.logicalFirst()) == 0
        || !busy.compareAndSet(false, true)) {
      return;
    }
    try {
      background.execute(this::run);
    } catch (RejectedExecutionException e) {
      LOG.debug("the replica ends, nothing is freed any more", e);
    }
  }

  private void run() {
    resting.begin();
    try {
      free();
    } catch (RuntimeException e) {
      // A store that cannot be read, or a log that cannot be written, has told its owner.
      LOG.warn("no segments were freed: {}", e.toString());
    } finally {
      notBeforeNanos = resting.nextNotBefore(restNanos());
      busy.set(false);
    }
  }

  private void free() {
    // A snapshot that is brought in replaces the log first and the rows later: by the rows of
    // before, which may be none, nothing of the log of after would be needed.
    OptionalLong loads = snapshots.loads();
    if (loads.isEmpty()) {
      return;
    }
    // What is applied from now on may be named by rows that are not read.
    long unread = state.applied().index() + 1;
    long needed = Math.min(oldestNeeded(), unread);
    if (snapshots.isStopped()) {
      return;
    }
    Failpoint.TRIM_DECIDED.hit();
    if (!isDurable(state.applied().index())) {
      LOG.info("freed nothing: what made it needless is not durable yet");
      return;
    }
    if (!snapshots.unlessLoadedSince(loads.getAsLong(), () -> retain(needed))) {
      LOG.info("freed nothing: a snapshot has replaced log and rows meanwhile");
    }
  }

  /**
   * What has made an entry needless, a copy of it for one, must not be lost before it is: with
   * {@code log.sync=os} a power loss takes what was written lately, and would leave neither.
   */
  private boolean isDurable(long index) {
    try {
      return log.awaitDurable(index, DURABLE_LIMIT);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void retain(long needed) {
    List<SegmentSummary> before = log.sealedSegments();
    long first = log.retain(needed);
    List<SegmentSummary> gone =
        before.stream().filter(segment -> segment.lastIndex() < first).toList();
    int freed = gone.size();
    if (freed > 0) {
      Failpoint.LOG_FREED.hit();
      counters.freedSegments.add(freed);
      counters.freedBytes.addAndGet(gone.stream().mapToLong(SegmentSummary::bytes).sum());
      LOG.info("freed segments of the log, segments={} first_index={}", freed, first);
    }
  }

  /**
   * The oldest entry that a row names, or one of the first segment: then nothing can be freed, and
   * the other rows need not be read. Of no message: beyond all entries.
   */
  private long oldestNeeded() {
    var oldest = new AtomicLong(Long.MAX_VALUE);
    long lastOfFirst =
        log.sealedSegments().stream().findFirst().map(SegmentSummary::lastIndex).orElse(0L);
    // In this order: a message that gets its offset meanwhile moves from the one to the other.
    store.scan(
        Table.HELD,
        (key, value) -> {
          long needed = oldest.accumulateAndGet(BodyAddresses.ofHeld(key, value), Math::min);
          return needed > lastOfFirst && !snapshots.isStopped();
        });
    if (oldest.get() <= lastOfFirst) {
      return oldest.get();
    }
    store.scan(
        Table.RUNS,
        (key, value) -> {
          long needed = oldest.accumulateAndGet(BodyAddresses.ofRun(value), Math::min);
          return needed > lastOfFirst && !snapshots.isStopped();
        });
    return oldest.get();
  }
}
