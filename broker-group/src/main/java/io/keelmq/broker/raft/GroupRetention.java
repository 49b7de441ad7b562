package io.keelmq.broker.raft;

import io.keelmq.broker.MessageLog;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.raftlog.SegmentSummary;
import io.keelmq.raftlog.SegmentedLog;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes room, while this replica leads: proposes that queues lose what their topics do not keep by
 * size, that the oldest messages go when a disk is nearly full, and that bodies are relocated that
 * keep old segments from being freed. All of it is decided by applying the commands, so that every
 * replica comes to the same; what each of them can free then is told by {@link LogRetention}.
 *
 * <p>Relocation writes before it frees. While sends are refused because disks are low, it may be
 * all that makes room again, so it goes on: in parts that are small against what is left, each of
 * which is freed before the next is planned.
 *
 * <p>{@link #check} is called by the timer; the work is done on another thread, which owns all that
 * is neither final nor volatile, one step at a time.
 */
final class GroupRetention {

  private static final Logger LOG = LoggerFactory.getLogger(GroupRetention.class);

  /** Dead segments that are left alone however little is live. */
  private static final int SLACK_SEGMENTS = 2;

  /** Messages may go for want of disk every second. */
  private static final long WARN_NANOS = TimeUnit.MINUTES.toNanos(1);

  /** What is asked of the replica. */
  interface Host {

    /** Whether it leads and its group understands the commands. */
    boolean mayPropose();

    /** Whether a disk of the group has less free than it should. */
    boolean isShortOfRoom();

    /** Whether it is this one. */
    boolean isMissingBytes();

    /** How many of the oldest bytes of the log have to go for it, of live ones and dead ones. */
    long bytesToTrim();

    /**
     * While the group has no room for bodies: how many bytes may be copied all the same before what
     * they free is free. Empty while it has.
     */
    OptionalLong spareBytes();

    boolean isStopped();
  }

  private final RetentionPolicy policy;
  private final SegmentedLog log;
  private final long segmentBytes;
  private final RocksTables store;
  private final StateView state;
  private final Host host;
  private final Consumer<Proposal> proposer;
  private final Executor background;
  private final LongSupplier nanos;
  private final RetentionCounters counters = new RetentionCounters();
  private final QueueTrims trims;
  private final Relocation relocation;
  private final AtomicBoolean busy = new AtomicBoolean();

  private final ReadingRest resting;
  private volatile long readNotBefore;
  private volatile long sizesNotBefore;

  /** Bytes that may be copied now. */
  private long credit;

  private long creditedNanos;

  /** Whether what is planned was to fit into {@link Host#spareBytes}. */
  private boolean plannedToFit;

  private long warnNotBefore;

  /** The last index that was applied when a nearly full disk was looked at last. */
  private long seenIndex = -1;

  GroupRetention(
      RetentionPolicy policy,
      SegmentedLog log,
      long segmentBytes,
      RocksTables store,
      StateView state,
      MessageLog messages,
      Host host,
      Consumer<Proposal> proposer,
      Executor background,
      LongSupplier nanos) {
    this.policy = policy;
    this.log = log;
    this.segmentBytes = segmentBytes;
    this.store = store;
    this.state = state;
    this.host = host;
    this.proposer = proposer;
    this.background = background;
    this.nanos = nanos;
    this.trims = new QueueTrims(store, state);
    this.relocation = new Relocation(store, messages, proposer, counters);
    this.resting = new ReadingRest(nanos);
    this.readNotBefore = nanos.getAsLong();
    this.sizesNotBefore = readNotBefore;
    this.creditedNanos = readNotBefore;
    this.warnNotBefore = readNotBefore;
  }

  RetentionCounters counters() {
    return counters;
  }

  /** Called about once a second. */
  void check() {
    if (busy.compareAndSet(false, true)) {
      later(this::step);
    }
  }

  private void later(Runnable task) {
    try {
      background.execute(
          () -> {
            try {
              task.run();
            } catch (RuntimeException e) {
              // A store or log that fails has told its owner.
              LOG.warn("no room was made: {}", e.toString());
              relocation.forget();
              rest();
            }
          });
    } catch (RejectedExecutionException e) {
      LOG.debug("the replica ends, no room is made any more", e);
    }
  }

  private void rest() {
    readNotBefore = nanos.getAsLong() + policy.rest().toNanos();
    sizesNotBefore = readNotBefore;
    busy.set(false);
  }

  private void step() {
    if (!host.mayPropose() || host.isStopped()) {
      relocation.forget();
      busy.set(false);
    } else if (isDue(sizesNotBefore)) {
      trimBySize();
    } else if (relocation.isPlanned()) {
      relocate();
    } else if (isDue(readNotBefore)) {
      read();
    } else {
      busy.set(false);
    }
  }

  private boolean isDue(long notBefore) {
    return nanos.getAsLong() - notBefore >= 0;
  }

  private void trimBySize() {
    resting.begin();
    List<Command.Trim> tooLarge = trims.hasSizes() ? trims.bySize(host::isStopped) : List.of();
    sizesNotBefore = afterRest();
    if (tooLarge.isEmpty()) {
      step();
    } else {
      counters.trimsBySize.add(tooLarge.size());
      trim(tooLarge, Long.MIN_VALUE);
    }
  }

  private long afterRest() {
    return resting.nextNotBefore(policy.rest(host.isMissingBytes()).toNanos());
  }

  /**
   * A command takes some rows only, so it is repeated while it takes any.
   *
   * @param before sum of the queues' first offsets before the last command
   */
  private void trim(List<Command.Trim> which, long before) {
    List<Command.Trim> left =
        which.stream().filter(trim -> firstOffset(trim) < trim.toOffset()).toList();
    long now = which.stream().mapToLong(this::firstOffset).sum();
    if (left.isEmpty()) {
      step();
    } else if (now == before || !host.mayPropose()) {
      // The topics have other settings by now, or are gone: another reading tells.
      rest();
    } else {
      Failpoint.QUEUE_TRIM_DECIDED.hit();
      proposer.accept(
          new Proposal(
              Optional.empty(),
              new Command.TrimQueues(left),
              List.of(),
              outcome -> later(() -> ended(outcome, () -> trimmed(which, now)))));
    }
  }

  private void trimmed(List<Command.Trim> which, long before) {
    Failpoint.QUEUES_TRIMMED.hit();
    trim(which, before);
  }

  private long firstOffset(Command.Trim trim) {
    return state.bounds(trim.topicId(), trim.queue()).firstOffset();
  }

  private void ended(ProposalOutcome outcome, Runnable goOn) {
    if (outcome instanceof ProposalOutcome.Applied) {
      goOn.run();
    } else {
      // Whoever leads now reads for itself what is left to do.
      relocation.forget();
      rest();
    }
  }

  /** Reads all rows and decides what to do about the oldest segments. */
  private void read() {
    resting.begin();
    boolean pressed = host.isShortOfRoom();
    OptionalLong spare = host.spareBytes();
    boolean urgent = pressed || spare.isPresent();
    List<SegmentSummary> sealed = log.sealedSegments();
    long beforeIndex = log.logicalFirst() - 1;
    long slack = SLACK_SEGMENTS * segmentBytes;
    long freeable =
        sealed.stream()
            .filter(segment -> segment.lastIndex() < beforeIndex)
            .mapToLong(SegmentSummary::bytes)
            .sum();
    if (sealed.isEmpty() || (!urgent && freeable <= slack)) {
      readNotBefore = afterRest();
      busy.set(false);
      return;
    }
    Optional<LogUse> read = LogUse.read(store, sealed, host::isStopped);
    if (read.isPresent()) {
      LogUse use = read.get();
      counters.liveBytes = use.totalLiveBytes();
      counters.deadBytes = use.deadBytesBefore(beforeIndex);
      // What is dead already only waits to be freed: no message has to go for it.
      OptionalLong tooMuch = pressed ? use.trimUpTo(host.bytesToTrim()) : OptionalLong.empty();
      if (tooMuch.isPresent() && trimByDisk(tooMuch.getAsLong())) {
        return;
      }
      if (urgent && !use.isOldestLive() && isStandingStill()) {
        readNotBefore = afterRest();
        move();
        return;
      }
      boolean atAnyPrice = urgent && use.isOldestLive();
      OptionalLong upTo =
          use.relocateUpTo(beforeIndex, slack, atAnyPrice, spare.orElse(Long.MAX_VALUE));
      if (policy.relocateBytesPerSecond() > 0 && upTo.isPresent()) {
        plannedToFit = spare.isPresent();
        relocation.plan(upTo.getAsLong(), host::isStopped);
      }
    }
    readNotBefore = afterRest();
    step();
  }

  private boolean isStandingStill() {
    long before = seenIndex;
    seenIndex = state.applied().index();
    return seenIndex == before;
  }

  /**
   * Segments are freed behind snapshots, and nobody takes one of nothing new. A group that refuses
   * sends for want of disk may have nothing else to apply, and would refuse them for ever.
   */
  private void move() {
    proposer.accept(
        new Proposal(
            Optional.empty(),
            new Command.TrimQueues(List.of()),
            List.of(),
            outcome -> later(() -> ended(outcome, () -> busy.set(false)))));
  }

  /** True if there was something to trim. */
  private boolean trimByDisk(long lastIndex) {
    long keepMillis = policy.trimKeep().toMillis();
    List<Command.Trim> old = trims.byDisk(lastIndex, keepMillis, host::isStopped);
    if (old.isEmpty()) {
      return false;
    }
    if (isDue(warnNotBefore)) {
      warnNotBefore = nanos.getAsLong() + WARN_NANOS;
      LOG.warn(
          "a disk is nearly full: the oldest messages of {} queues go, though their topics would"
              + " keep them; none younger than {} ms",
          old.size(),
          keepMillis);
    }
    counters.trimsByDisk.add(old.size());
    trim(old, Long.MIN_VALUE);
    return true;
  }

  private void relocate() {
    if (host.spareBytes().isPresent() != plannedToFit) {
      // It may cost more than there is now, or be less than could be: another reading tells.
      relocation.forget();
      rest();
      return;
    }
    if (!hasCredit()) {
      busy.set(false);
      return;
    }
    boolean proposed =
        relocation.next(
            policy.relocateBytesPerSecond(),
            (outcome, bytes) ->
                later(
                    () -> {
                      credit -= bytes;
                      ended(outcome, this::relocated);
                    }));
    if (!proposed) {
      step();
    }
  }

  private void relocated() {
    Failpoint.RELOCATED.hit();
    if (!relocation.isPlanned()) {
      LOG.info(
          "relocated messages, rows={} bytes={} since the start",
          counters.relocatedRows.sum(),
          counters.relocatedBytes.sum());
    }
    step();
  }

  /** A second's worth at most, so that a pause is not made up for. */
  private boolean hasCredit() {
    long now = nanos.getAsLong();
    long rate = policy.relocateBytesPerSecond();
    double seconds = Math.min(1, (now - creditedNanos) / (double) TimeUnit.SECONDS.toNanos(1));
    creditedNanos = now;
    credit = Math.min(rate, credit + (long) (seconds * rate));
    return credit > 0;
  }
}
