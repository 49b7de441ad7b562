package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.Task;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ProposalOutcome.NotProposed;
import io.keelmq.broker.ProposalOutcome.Reason;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.StateView;
import io.keelmq.v1.log.LogCommand;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Group commit: gathers commands into entries and hands them to Raft, in the order in which they
 * came.
 *
 * <p>An idle proposer sends what it gets at once. While {@link #PARTIAL_WINDOW} entries are on
 * their way, commands gather, and a batch goes out when it is full or when an entry comes back. One
 * thread of its own lays out entries and calls Raft; it never waits for disk or network. Any thread
 * may propose. The lock guards the queue and the counts; nobody is called while it is held.
 */
final class Proposer {

  private static final Logger LOG = LoggerFactory.getLogger(Proposer.class);

  /** A batch is sent when it has this many bytes. */
  static final int BATCH_BYTES = 64 << 10;

  /** A larger command cannot be stored: the greatest request, and room for its header. */
  static final int MAX_COMMAND_BYTES = (8 << 20) + (1 << 20);

  /**
   * Entries on their way at which batches that are not full wait. Few, and a second caller waits
   * for the first one's disk; many, and batches stay small.
   */
  static final int PARTIAL_WINDOW = 8;

  /** Entries on their way at which full batches wait too; JRaft queues twice as many. */
  static final int FULL_WINDOW = 1_024;

  private static final long CLOSE_MILLIS = 5_000;

  private final Consumer<Task> raft;
  private final LogClock clock;
  private final Replies replies;
  private final AckPolicy acks;
  private final StateView state;
  private final long maxBytesInFlight;
  private final Supplier<Optional<String>> noRoom;
  private final Thread thread;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Deque<PendingCommand> queue = new ArrayDeque<>();
  private long queuedBytes;
  private int entriesInFlight;
  private boolean closing;

  /** The term in which commands are taken; 0 while this replica does not lead. */
  private volatile long term;

  private final AtomicLong bytesInFlight = new AtomicLong();
  private final Set<EntryInFlight> inFlight = ConcurrentHashMap.newKeySet();
  private final LongAdder commandsSent = new LongAdder();
  private final LongAdder entriesSent = new LongAdder();
  private final LongAdder bytesSent = new LongAdder();
  private final LongAdder overloads = new LongAdder();
  private final LongAdder refusedForRoom = new LongAdder();

  /**
   * @param raft takes an entry without blocking, or fails it
   * @param maxBytesInFlight of commands that were taken and not yet answered
   * @param noRoom why nothing with a body may be stored now
   */
  Proposer(
      Consumer<Task> raft,
      LogClock clock,
      Replies replies,
      AckPolicy acks,
      StateView state,
      long maxBytesInFlight,
      Supplier<Optional<String>> noRoom) {
    if (maxBytesInFlight < MAX_COMMAND_BYTES) {
      throw new IllegalArgumentException(
          "bytes in flight %d: expected %d or more, or the largest command never fits"
              .formatted(maxBytesInFlight, MAX_COMMAND_BYTES));
    }
    this.raft = raft;
    this.clock = clock;
    this.replies = replies;
    this.acks = acks;
    this.state = state;
    this.maxBytesInFlight = maxBytesInFlight;
    this.noRoom = noRoom;
    this.thread = new Thread(this::run, "raft-proposer");
    this.thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /** See {@link io.keelmq.broker.Replica#propose}. */
  void propose(Proposal proposal) {
    long now = term;
    if (now == 0 || proposal.isOfAnotherTerm(now)) {
      proposal.done().accept(notLeader());
      return;
    }
    if (!proposal.records().isEmpty() && !(proposal.command() instanceof Command.RelocateBodies)) {
      // Only new bodies: what settles or deletes takes little, and may be what makes room; whoever
      // relocates has seen to it that it does.
      Optional<String> full = noRoom.get();
      if (full.isPresent()) {
        refusedForRoom.increment();
        proposal.done().accept(new NotProposed(Reason.DISK_FULL, full.get()));
        return;
      }
    }
    int level = proposal.command().neededLevel();
    if (level > LevelRange.FIRST && !state.features().reaches(level)) {
      // It would do no harm in the log but to replicas that cannot read it, which would stop.
      proposal.done().accept(levelTooLow(level, state.features().level()));
      return;
    }
    var command = new PendingCommand(proposal);
    if (command.bytes() > MAX_COMMAND_BYTES) {
      command.tell(
          new NotProposed(
              Reason.TOO_LARGE,
              "the command takes %d bytes in the log, at most %d are allowed: send fewer messages at once"
                  .formatted(command.bytes(), MAX_COMMAND_BYTES)));
      return;
    }
    if (bytesInFlight.addAndGet(command.bytes()) > maxBytesInFlight) {
      bytesInFlight.addAndGet(-command.bytes());
      overloads.increment();
      command.tell(
          new NotProposed(
              Reason.OVERLOADED,
              "%d bytes are being stored already: try again when some are answered"
                  .formatted(maxBytesInFlight)));
      return;
    }
    if (!enqueue(command)) {
      bytesInFlight.addAndGet(-command.bytes());
      command.tell(new NotProposed(Reason.SHUTTING_DOWN, "this replica is shutting down"));
    }
  }

  private boolean enqueue(PendingCommand command) {
    lock.lock();
    try {
      if (closing) {
        return false;
      }
      queue.add(command);
      queuedBytes += command.bytes();
      if (maySend()) {
        work.signal();
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Guarded by the lock. */
  private boolean maySend() {
    return !queue.isEmpty()
        && (entriesInFlight < PARTIAL_WINDOW
            || (queuedBytes >= BATCH_BYTES && entriesInFlight < FULL_WINDOW));
  }

  /** Called when this replica may serve as leader of {@code newTerm}. */
  void lead(long newTerm) {
    clock.lead();
    term = newTerm;
  }

  /** Called when it no longer leads. What is queued ends as not proposed. */
  void follow() {
    term = 0;
    clock.follow();
  }

  private void run() {
    for (List<PendingCommand> batch = take(); !batch.isEmpty(); batch = take()) {
      send(batch);
    }
  }

  /** Waits for a batch; empty when closing. */
  private List<PendingCommand> take() {
    lock.lock();
    try {
      while (!maySend() && !closing) {
        work.awaitUninterruptibly();
      }
      var batch = new ArrayList<PendingCommand>();
      if (closing) {
        return batch;
      }
      long bytes = 0;
      while (!queue.isEmpty() && (batch.isEmpty() || bytes + queue.peek().bytes() <= BATCH_BYTES)) {
        PendingCommand command = queue.remove();
        bytes += command.bytes();
        batch.add(command);
      }
      queuedBytes -= bytes;
      entriesInFlight++;
      return batch;
    } finally {
      lock.unlock();
    }
  }

  private void send(List<PendingCommand> batch) {
    long bytes = batch.stream().mapToLong(PendingCommand::bytes).sum();
    var entry = new EntryInFlight(batch, bytes, this::ended);
    inFlight.add(entry);
    long expectedTerm = term;
    if (expectedTerm == 0
        || batch.stream().anyMatch(one -> one.proposal().isOfAnotherTerm(expectedTerm))) {
      // The others of the batch too: their callers know what to do, and terms change seldom.
      entry.fail(notLeader());
      return;
    }
    try {
      ByteBuffer data = encode(batch);
      tellEarly(batch);
      entriesSent.increment();
      commandsSent.add(batch.size());
      bytesSent.add(data.remaining());
      // Without the term an entry could slip into a later leadership of this replica, behind
      // entries of others that its sender has never seen.
      raft.accept(new Task(data, entry, expectedTerm));
    } catch (RuntimeException e) {
      // Whatever it was, it must not end the thread: nobody elects another leader because of it.
      LOG.error("an entry of {} commands was not handed to Raft", batch.size(), e);
      entry.fail(new ProposalOutcome.Unknown("Raft did not take the entry: " + e.getMessage()));
    }
  }

  private ByteBuffer encode(List<PendingCommand> batch) {
    var commands = new ArrayList<LogCommand>(batch.size());
    var records = new ArrayList<ByteBuffer>(batch.size());
    for (PendingCommand command : batch) {
      commands.add(command.encoded());
      records.addAll(command.proposal().records());
    }
    return LogEntryBytes.encode(clock.stamp(), commands, records);
  }

  private void tellEarly(List<PendingCommand> batch) {
    if (acks == AckPolicy.AFTER_APPLY) {
      return;
    }
    for (PendingCommand command : batch) {
      acks.early(command.proposal().command(), state)
          .ifPresent(reply -> command.tell(new ProposalOutcome.Applied(0, reply)));
    }
  }

  /** An entry was applied or failed: lets its callers be told and makes room. */
  private void ended(EntryInFlight entry, Runnable tell) {
    inFlight.remove(entry);
    // Before there is room for others, whose own ends would overtake this one.
    replies.tell(
        () -> {
          try {
            tell.run();
          } finally {
            // Only now: answers that nobody takes count against the bound too.
            bytesInFlight.addAndGet(-entry.bytes());
          }
        });
    lock.lock();
    try {
      entriesInFlight--;
      if (maySend()) {
        work.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  private static ProposalOutcome levelTooLow(int needed, int level) {
    return new NotProposed(
        Reason.FEATURE_LEVEL,
        "it needs feature level %d, this group is at %d: `keelmq cluster status` tells what keeps it there"
            .formatted(needed, level));
  }

  private static ProposalOutcome notLeader() {
    return new NotProposed(Reason.NOT_LEADER, "this replica does not lead its group");
  }

  long commandsSent() {
    return commandsSent.sum();
  }

  long entriesSent() {
    return entriesSent.sum();
  }

  long bytesSent() {
    return bytesSent.sum();
  }

  long overloads() {
    return overloads.sum();
  }

  /** Sends refused because of full disks. */
  long refusedForRoom() {
    return refusedForRoom.sum();
  }

  long bytesInFlight() {
    return bytesInFlight.get();
  }

  /** Takes no more; what was not handed to Raft ends as not proposed. */
  void stop() throws InterruptedException {
    List<PendingCommand> left;
    lock.lock();
    try {
      closing = true;
      left = List.copyOf(queue);
      queue.clear();
      queuedBytes = 0;
      work.signal();
    } finally {
      lock.unlock();
    }
    var refused = new NotProposed(Reason.SHUTTING_DOWN, "this replica is shutting down");
    for (PendingCommand command : left) {
      replies.tell(() -> command.tell(refused));
      bytesInFlight.addAndGet(-command.bytes());
    }
    if (thread.isAlive()) {
      thread.join(CLOSE_MILLIS);
    }
  }

  /** To be called when Raft has ended: whatever it did not answer may be in the log or not. */
  void abandon() {
    for (EntryInFlight entry : List.copyOf(inFlight)) {
      entry.fail(new ProposalOutcome.Unknown("this replica stopped before the entry was applied"));
    }
  }
}
