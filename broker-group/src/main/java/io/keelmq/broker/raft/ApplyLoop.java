package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Iterator;
import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.raft.LogEntryBytes.Decoded;
import io.keelmq.broker.raft.LogEntryBytes.Placed;
import io.keelmq.broker.state.BrokerState;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Effect;
import io.keelmq.broker.state.Features;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.LogEntryInfo;
import io.keelmq.broker.state.Outcome;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.raftlog.SegmentedLog;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Feeds committed entries into the state machine, in log order.
 *
 * <p>Owned by JRaft's apply thread. Entries that the rows hold already, after a restart, are passed
 * over without their bytes being read. Rows of several entries are committed together; replies and
 * effects are handed over only then, so that whoever is told can read. An exception out of here is
 * fatal: JRaft puts the node into its error state.
 */
final class ApplyLoop {

  /** Row bytes after which rows are committed within one run of JRaft's iterator. */
  static final long BATCH_BYTES = 1L << 20;

  /** Entries after which JRaft is told how far we are, so that it lets go of what it holds. */
  static final int ENTRIES_PER_COMMIT = 1_024;

  /** How long the log may take to become durable before the apply thread gives up. */
  private static final Duration DURABLE_LIMIT = Duration.ofSeconds(60);

  /** How long the timer waits for it; there will be another time. */
  private static final Duration FLUSH_PATIENCE = Duration.ofSeconds(1);

  /** Puts the rows of a checkpoint in the place of a store's. */
  interface Restorer {
    void restore(RocksTables store, Path checkpoint);
  }

  /** An entry's end, to be told after the commit. */
  private record Applied(long index, EntryInFlight entry, List<Reply> replies) {}

  private final RocksTables store;
  private final SegmentedLog log;
  private final LogClock clock;
  private final Replies replies;
  private final Restorer restorer;
  private final Consumer<List<Effect>> onEffects;
  private final PassOver passOver;
  private final AppliedTerms terms;
  private final ApplyPace pace;
  private final ReplicaVersion version;
  private final RowSums rowSums;

  /** Made anew when the rows are replaced: nothing that it kept in memory is true any more. */
  private BrokerState state;

  /** Entries up to here were in the log when this process began. */
  private long oldEntries;

  /**
   * Guards that what is flushed is what the applied index says: held by the apply thread around a
   * commit, and by the timer around a flush.
   */
  private final ReentrantLock commitLock = new ReentrantLock();

  /** Written under the commit lock. */
  private volatile long committedIndex;

  private volatile long seenIndex;

  private final List<Applied> ended = new ArrayList<>();
  private final List<Effect> effects = new ArrayList<>();
  private final LongAdder entriesApplied = new LongAdder();
  private final LongAdder entriesSkipped = new LongAdder();
  private final LongAdder commandsApplied = new LongAdder();

  /**
   * @param onEffects told on the reply thread
   */
  ApplyLoop(
      BrokerState state,
      RocksTables store,
      SegmentedLog log,
      LogClock clock,
      Replies replies,
      PassOver passOver,
      AppliedTerms terms,
      ApplyPace pace,
      ReplicaVersion version,
      RowSums rowSums,
      Restorer restorer,
      Consumer<List<Effect>> onEffects) {
    this.state = state;
    this.store = store;
    this.log = log;
    this.clock = clock;
    this.replies = replies;
    this.passOver = passOver;
    this.terms = terms;
    this.pace = pace;
    this.version = version;
    this.rowSums = rowSums;
    this.restorer = restorer;
    this.onEffects = onEffects;
    this.oldEntries = log.last();
    this.committedIndex = state.applied().index();
    markLevel();
  }

  /** Applies what JRaft says is committed. */
  void apply(Iterator entries) {
    int sinceCommit = 0;
    long passedUpTo = state.applied().index();
    while (entries.hasNext()) {
      long index = entries.getIndex();
      if (index <= passedUpTo) {
        entriesSkipped.increment();
      } else {
        applyEntry(entries, index);
      }
      seenIndex = index;
      if (store.batchBytes() >= BATCH_BYTES || ++sinceCommit >= ENTRIES_PER_COMMIT) {
        commit();
        sinceCommit = 0;
        // Also for entries passed over: JRaft keeps those it thinks are not applied in memory.
        entries.commit();
      }
      if (index <= passedUpTo) {
        passOver.leave(entries);
      } else {
        entries.next();
      }
    }
    commit();
  }

  private void applyEntry(Iterator entries, long index) {
    pace.beforeEntry();
    Decoded entry = LogEntryBytes.decode(index, entries.getData());
    var info = new LogEntryInfo(index, entries.getTerm(), entry.timeMillis());
    var told = new ArrayList<Reply>(entry.commands().size());
    // All of them first: the rows of half an entry must not be there to be committed.
    entry.commands().forEach(placed -> requireUnderstood(index, placed.command()));
    for (Placed placed : entry.commands()) {
      Outcome outcome = state.apply(info, placed.origin(), placed.command());
      told.add(outcome.reply());
      effects.addAll(outcome.effects());
      if (placed.command() instanceof Command.RaiseLevel) {
        markLevel();
      }
    }
    var before = state.applied();
    state.finish(info);
    terms.applied(index, info.term());
    if (index <= oldEntries) {
      // Of later ones the clock has heard when they arrived.
      clock.observe(entry.timeMillis(), false);
    }
    entriesApplied.increment();
    commandsApplied.add(told.size());
    Closure done = entries.done();
    if (done instanceof EntryInFlight inFlight) {
      ended.add(new Applied(index, inFlight, told));
    }
    if (rowSums.isDue(before, state.applied())) {
      commit();
      rowSums.begin(state.applied());
    }
  }

  /** A version that was never meant to read an entry could take it for another one. */
  private void requireUnderstood(long index, Command command) {
    int level = command.understoodFrom();
    if (level > version.levels().most()) {
      String raisedBy =
          command instanceof Command.RaiseLevel raise
              ? raise.softwareVersion()
              : state.features().raisedBy();
      UnsupportedLevelException.require(
          version, new Features(level, raisedBy, index), "log entry " + index);
    }
  }

  /** Versions from before levels do not look at the row that has it. */
  private void markLevel() {
    if (state.features().level() > LevelRange.FIRST) {
      store.refuseVersionsBeforeLevels();
    }
  }

  private void commit() {
    if (state.applied().index() == committedIndex) {
      return;
    }
    commitLock.lock();
    try {
      store.commit();
      committedIndex = state.applied().index();
      if (store.flushDue()) {
        flushHoldingLock();
      }
    } finally {
      commitLock.unlock();
    }
    tell();
  }

  private void tell() {
    for (Applied applied : ended) {
      applied.entry().applied(applied.index(), applied.replies());
    }
    ended.clear();
    if (!effects.isEmpty()) {
      List<Effect> told = List.copyOf(effects);
      effects.clear();
      try {
        replies.tellBatch(() -> onEffects.accept(told));
      } catch (InterruptedException e) {
        throw new IllegalStateException("the apply thread was interrupted", e);
      }
    }
  }

  /**
   * Makes the rows durable, if there is anything new and the log's disk answers. Any thread; the
   * apply thread waits meanwhile, for the log's force and not for RocksDB's.
   */
  void flush() {
    commitLock.lock();
    try {
      if (store.dirty() && isDurable(committedIndex, FLUSH_PATIENCE)) {
        store.flush();
      }
    } finally {
      commitLock.unlock();
    }
  }

  /** Like {@link #flush}, and waits for RocksDB; for the end, when nothing is applied any more. */
  void flushAndWait() {
    commitLock.lock();
    try {
      // Rows that outlive their entries would be taken for proof that these are on the disk.
      if (isDurable(committedIndex, FLUSH_PATIENCE)) {
        store.flushAndWait();
      }
    } finally {
      commitLock.unlock();
    }
  }

  /**
   * Copies the rows as they are now, after their entries have become durable. Called by the apply
   * thread, between entries.
   *
   * @param target not there yet
   * @return the last entry that they hold
   */
  long checkpoint(Path target) {
    commitLock.lock();
    try {
      requireDurable(committedIndex);
      store.checkpoint(target);
      return committedIndex;
    } finally {
      commitLock.unlock();
    }
  }

  /**
   * Replaces the rows by those of a checkpoint, and all that was known of the old ones. Called by
   * the apply thread, when the log holds what the new rows come from.
   *
   * @param lastIndex the last entry that they cover, Raft's own included
   */
  void restore(Path checkpoint, long lastIndex) {
    commitLock.lock();
    try {
      rowSums.clear();
      restorer.restore(store, checkpoint);
      state = new BrokerState(store);
      UnsupportedLevelException.require(
          version, state.features(), "the snapshot up to entry " + lastIndex);
      markLevel();
      committedIndex = state.applied().index();
      seenIndex = lastIndex;
      oldEntries = Math.min(oldEntries, lastIndex);
    } finally {
      commitLock.unlock();
    }
    terms.clear();
    clock.observe(state.applied().timeMillis(), false);
    // Whoever waits for something has to look again. Those who only know topics do so too.
    effects.add(new Effect.StateReplaced());
    effects.add(new Effect.TopicsChanged());
    tell();
  }

  /** Rows and log go on from a snapshot that they hold already. Called by the apply thread. */
  void loaded(long lastIndex) {
    seenIndex = lastIndex;
  }

  /** What the group may use after the last applied entry. Called by the apply thread. */
  Features features() {
    return state.features();
  }

  /** The last entry that the rows hold. Called by the apply thread. */
  long appliedIndex() {
    return state.applied().index();
  }

  private void flushHoldingLock() {
    // A leader applies an entry that two followers have before it is on its own disk. Rows that
    // outlive a crash which takes their entries would make the next entries at the same indexes
    // look applied.
    requireDurable(committedIndex);
    store.flush();
  }

  private void requireDurable(long index) {
    if (!isDurable(index, DURABLE_LIMIT)) {
      throw new IllegalStateException(
          "the log is durable up to entry %d, expected %d within %s: the disk does not keep up"
              .formatted(log.durableLast(), index, DURABLE_LIMIT));
    }
  }

  /**
   * Whether the log holds what was applied at an index. It may hold an entry of an older leader
   * there, which is durable too, and goes when the disk gets to it.
   */
  private boolean isDurable(long index, Duration limit) {
    try {
      return log.awaitDurable(index, limit)
          && log.term(index).stream().allMatch(term -> terms.fits(index, term));
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted while waiting for the log", e);
    }
  }

  /** The last entry whose rows everybody can read. */
  long committedIndex() {
    return committedIndex;
  }

  /** The last entry that JRaft handed over, passed over or not. */
  long seenIndex() {
    return seenIndex;
  }

  long entriesApplied() {
    return entriesApplied.sum();
  }

  long entriesSkipped() {
    return entriesSkipped.sum();
  }

  long commandsApplied() {
    return commandsApplied.sum();
  }
}
