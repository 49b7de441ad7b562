package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Closure;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.ReplicaControl.Snapshot;
import io.keelmq.raftlog.SegmentedLog;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks JRaft for snapshots, one at a time, when the log has grown enough or somebody wants one, and
 * never when it would do harm. Thread-safe.
 *
 * <p>JRaft takes a wish for a snapshot of a group in which nothing has happened since the last one
 * as leave to cut the whole log before it: after that each follower that lags by an entry has to be
 * sent everything. And a new snapshot cancels the sending of the one before.
 */
final class SnapshotTrigger {

  private static final Logger LOG = LoggerFactory.getLogger(SnapshotTrigger.class);

  private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(60);

  private static final long COUNT_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long COUNT_POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** What is asked of Raft. */
  interface Raft {
    void snapshot(Closure done);

    /** The last entry, Raft's own included, that Raft counts as applied. */
    long appliedIndex();
  }

  private final SnapshotPolicy policy;
  private final SegmentedLog log;
  private final ApplyLoop applyLoop;
  private final GroupSnapshots snapshots;
  private final GroupSnapshotStorage storage;
  private final SnapshotCounters counters;
  private final Raft raft;
  private final LogRetention retention;
  private final BooleanSupplier shortOfRoom;
  private final ExecutorService thread;
  private final LongSupplier nanos;
  private final AtomicBoolean busy = new AtomicBoolean();

  /** When the last one was taken here, or this replica was opened. */
  private volatile long lastNanos;

  /** Written by the timer. */
  private long notBeforeNanos;

  /** Whether the last one that was due was taken. */
  private volatile boolean succeeded;

  SnapshotTrigger(
      SnapshotPolicy policy,
      SegmentedLog log,
      ApplyLoop applyLoop,
      GroupSnapshots snapshots,
      GroupSnapshotStorage storage,
      SnapshotCounters counters,
      Raft raft,
      LogRetention retention,
      BooleanSupplier shortOfRoom,
      ExecutorService thread,
      LongSupplier nanos) {
    this.policy = policy;
    this.log = log;
    this.applyLoop = applyLoop;
    this.snapshots = snapshots;
    this.storage = storage;
    this.counters = counters;
    this.raft = raft;
    this.retention = retention;
    this.shortOfRoom = shortOfRoom;
    this.thread = thread;
    this.nanos = nanos;
    this.lastNanos = nanos.getAsLong();
    this.notBeforeNanos = lastNanos;
  }

  /** The thread on which snapshots are asked for and finished. */
  static ExecutorService thread(String node) {
    return Executors.newSingleThreadExecutor(
        task -> {
          var thread = new Thread(task, "snapshot-" + node);
          thread.setDaemon(true);
          return thread;
        });
  }

  /** The bytes by which the log has grown since the last snapshot. */
  long grownBytes() {
    return log.bytesAfter(snapshots.published().index());
  }

  /** Called about once a second by the timer. */
  void check() {
    // A snapshot lets the log begin later.
    retention.check();
    long now = nanos.getAsLong();
    boolean makesRoom = makesRoom();
    boolean rested =
        now - notBeforeNanos >= 0
            || (makesRoom && succeeded && now - lastNanos >= retention.restNanos());
    if (!rested
        || !(policy.due(grownBytes() + counters.freedBytes.get(), now - lastNanos) || makesRoom)
        || refusal().isPresent()) {
      return;
    }
    notBeforeNanos = now + RETRY_NANOS;
    succeeded = false;
    now()
        .whenComplete(
            (taken, failure) -> {
              succeeded = failure == null;
              tell(failure);
            });
  }

  /**
   * The last snapshot has links to segments that were freed since. With the next one the log may
   * begin at the last one; a segment that was sealed since needs both. So there are two or three
   * for each segment that fills, and none of a log that does not grow.
   */
  private boolean makesRoom() {
    if (!shortOfRoom.getAsBoolean()) {
      return false;
    }
    long last = snapshots.published().index();
    return counters.freedBytes.get() > 0
        || log.segmentsBefore(last) > log.segmentsBefore(log.logicalFirst() - 1)
        || log.segmentsBefore(Long.MAX_VALUE) > log.segmentsBefore(last);
  }

  private static void tell(Throwable failure) {
    if (failure != null) {
      LOG.warn("a snapshot that was due was not taken: {}", failure.getMessage());
    }
  }

  /**
   * Takes a snapshot. Completes when it is published, exceptionally with {@link Refused} if not.
   */
  CompletableFuture<Snapshot> now() {
    var done = new CompletableFuture<Snapshot>();
    if (!busy.compareAndSet(false, true)) {
      done.completeExceptionally(refused("a snapshot is being taken already"));
      return done;
    }
    long began = nanos.getAsLong();
    try {
      // Making room for it deletes files, for which neither timer nor caller should wait.
      thread.execute(
          () ->
              ask(
                  failure -> {
                    busy.set(false);
                    failure.ifPresentOrElse(
                        why -> done.completeExceptionally(refused(why)),
                        () -> done.complete(taken(began)));
                  }));
    } catch (RejectedExecutionException e) {
      busy.set(false);
      done.completeExceptionally(refused("this replica is shutting down"));
    }
    return done;
  }

  private void ask(Consumer<Optional<String>> done) {
    awaitRaftsCount();
    Optional<String> refusal = refusal();
    if (refusal.isPresent()) {
      done.accept(refusal);
      return;
    }
    try {
      raft.snapshot(
          status ->
              done.accept(status.isOk() ? Optional.empty() : Optional.of(status.getErrorMsg())));
    } catch (RuntimeException e) {
      done.accept(Optional.of(String.valueOf(e.getMessage())));
    }
  }

  /**
   * Whoever was told of an entry may ask for a snapshot of it before Raft has counted it, which it
   * does when the apply thread returns.
   */
  private void awaitRaftsCount() {
    long deadline = nanos.getAsLong() + COUNT_NANOS;
    while (applyLoop.committedIndex() > snapshots.published().applied()
        && raft.appliedIndex() <= snapshots.published().index()
        && nanos.getAsLong() - deadline < 0) {
      LockSupport.parkNanos(COUNT_POLL_NANOS);
    }
  }

  private Snapshot taken(long began) {
    GroupSnapshots.Published now = snapshots.publishedSaved();
    counters.freedBytes.set(0);
    lastNanos = nanos.getAsLong();
    counters.lastMillis = TimeUnit.NANOSECONDS.toMillis(lastNanos - began);
    LOG.info(
        "took a snapshot, index={} bytes={} millis={}",
        now.index(),
        now.bytes(),
        counters.lastMillis);
    return new Snapshot(now.index(), now.bytes(), counters.lastMillis);
  }

  private static Refused refused(String why) {
    return new Refused(Refused.Reason.PRECONDITION, "no snapshot was taken: " + why);
  }

  private Optional<String> refusal() {
    GroupSnapshots.Published last = snapshots.published();
    // Both counts: the rows are written before Raft hears of it.
    if (applyLoop.committedIndex() <= last.applied() || raft.appliedIndex() <= last.index()) {
      return Optional.of("nothing was applied since the one at entry " + last.index());
    }
    if (snapshots.isInstalling()) {
      return Optional.of("this replica is being brought one by the leader");
    }
    if (storage.isSending()) {
      return Optional.of("another replica is being sent the one at entry " + last.index());
    }
    return Optional.empty();
  }
}
