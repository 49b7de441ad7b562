package io.keelmq.broker.api.testing;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Leadership.Role;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.state.BrokerState;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Effect;
import io.keelmq.broker.state.Feature;
import io.keelmq.broker.state.LogEntryInfo;
import io.keelmq.broker.state.Outcome;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.testing.MapTables;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Replicas that share one log and one state, and behave towards their edges as a Raft group does:
 * leadership moves, of what a deposed leader had taken a part is stored and a part is not and
 * nobody is told which, proposals are turned away.
 *
 * <p>One thread applies; the queue of proposals and leadership are guarded by the group's lock.
 */
public final class FakeGroup implements AutoCloseable {

  /** Bytes before an entry's first record, so that positions are not by chance right. */
  private final Map<Integer, Throwable> departures = new ConcurrentHashMap<>();

  private static final int HEADER_BYTES = 11;

  private record Taken(int node, long term, Proposal proposal) {}

  private record Waiting(Consumer<ReadPoint> done) {}

  private final MapTables tables = new MapTables();
  private final BrokerState state = new BrokerState(tables);
  private final StateView view = new StateView(tables);
  private final Map<Long, ByteBuffer> entries = new ConcurrentHashMap<>();
  private final ScheduledExecutorService apply = Executors.newSingleThreadScheduledExecutor();
  private final List<Consumer<List<Effect>>> listeners = new CopyOnWriteArrayList<>();
  private final ArrayDeque<Taken> queue = new ArrayDeque<>();
  private final List<Waiting> waiting = new ArrayList<>();
  private final List<String> addresses = new CopyOnWriteArrayList<>();
  private final SplittableRandom random;
  private int leader = -1;
  private long term;
  private long index;
  private final AtomicLong timeMillis = new AtomicLong(1_000_000);
  private final AtomicInteger misses = new AtomicInteger();
  private int mostQueued;
  private boolean uninitialized;
  private volatile int overloadedPercent;
  private volatile boolean overloaded;
  private volatile boolean applyPaused;
  private volatile boolean readPointsPaused;
  private volatile boolean entriesAreMissing;
  private volatile boolean diskIsFull;

  public FakeGroup(long seed, int nodes) {
    this.random = new SplittableRandom(seed);
    for (int node = 0; node < nodes; node++) {
      addresses.add("");
    }
  }

  void left(int node, Throwable why) {
    departures.put(node, why);
  }

  /** Which replicas were told to leave, and why. */
  public Map<Integer, Throwable> departures() {
    return Map.copyOf(departures);
  }

  public FakeReplica replica(int node) {
    return new FakeReplica(this, node);
  }

  public void serves(int node, String address) {
    addresses.set(node, address);
  }

  public synchronized void uninitialize() {
    uninitialized = true;
  }

  public void overloadPercent(int percent) {
    overloadedPercent = percent;
  }

  public void overload(boolean on) {
    overloaded = on;
  }

  public void fillDisk(boolean full) {
    diskIsFull = full;
  }

  public void hideEntries(boolean hidden) {
    entriesAreMissing = hidden;
  }

  /** Proposals are taken and neither applied nor answered. */
  public void pauseApply(boolean pause) {
    applyPaused = pause;
    apply.execute(this::drain);
  }

  /** Read points are asked for and not reached. */
  public void pauseReadPoints(boolean pause) {
    readPointsPaused = pause;
    apply.execute(this::answerWaiting);
  }

  /** Read points that are asked for and not reached. */
  public synchronized int waitingReadPoints() {
    return waiting.size();
  }

  public void passTime(long millis) {
    timeMillis.addAndGet(millis);
  }

  /** Log time of the last entry; the next one is later. */
  public long timeMillis() {
    return timeMillis.get();
  }

  public StateView state() {
    return view;
  }

  /** Proposals that waited to be applied together at most. */
  public synchronized int mostQueued() {
    return mostQueued;
  }

  /** Entries so far. */
  public long applied() {
    return view.applied().index();
  }

  public synchronized int leader() {
    return leader;
  }

  /**
   * Ends the term. What the leader had taken is stored up to somewhere, and its outcome is unknown.
   * Returns when the next one leads, which it does after all of that is applied.
   *
   * @param next who leads now; -1: nobody
   */
  public void elect(int next) {
    List<Taken> cutOff = new ArrayList<>();
    var done = new CompletableFuture<Void>();
    synchronized (this) {
      term++;
      leader = -1;
      cutOff.addAll(queue);
      queue.clear();
    }
    apply.execute(
        () -> {
          int stored;
          synchronized (this) {
            stored = random.nextInt(cutOff.size() + 1);
          }
          for (int i = 0; i < cutOff.size(); i++) {
            if (i < stored) {
              applyOne(cutOff.get(i));
            }
          }
          synchronized (this) {
            leader = next;
          }
          for (Taken taken : cutOff) {
            taken.proposal().done().accept(new ProposalOutcome.Unknown("the leader was deposed"));
          }
          listeners.forEach(listener -> listener.accept(List.of()));
          answerWaiting();
          done.complete(null);
        });
    done.orTimeout(20, TimeUnit.SECONDS).join();
  }

  private void answerWaiting() {
    List<Waiting> now = new ArrayList<>();
    synchronized (this) {
      if (leader >= 0 && !readPointsPaused) {
        now.addAll(waiting);
        waiting.clear();
      }
    }
    now.forEach(one -> one.done().accept(new ReadPoint.Reached(index)));
  }

  /** The node of a name; without one, any but {@code not}. */
  Optional<Integer> nodeNamed(Optional<String> name, int not) {
    for (int node = 0; node < addresses.size(); node++) {
      if (name.isPresent() ? name.get().equals("n" + node) : node != not) {
        return Optional.of(node);
      }
    }
    return Optional.empty();
  }

  void propose(int node, Proposal proposal) {
    Optional<ProposalOutcome.Reason> refused = Optional.empty();
    boolean later;
    synchronized (this) {
      later = random.nextBoolean();
      if (node != leader || proposal.isOfAnotherTerm(term)) {
        refused = Optional.of(ProposalOutcome.Reason.NOT_LEADER);
      } else if (overloaded || random.nextInt(100) < overloadedPercent) {
        refused = Optional.of(ProposalOutcome.Reason.OVERLOADED);
      } else if (diskIsFull && proposal.command() instanceof Command.SendMessages) {
        refused = Optional.of(ProposalOutcome.Reason.DISK_FULL);
      } else {
        queue.add(new Taken(node, term, proposal));
        mostQueued = Math.max(mostQueued, queue.size());
      }
    }
    if (refused.isEmpty()) {
      apply.execute(this::drain);
      return;
    }
    var outcome = new ProposalOutcome.NotProposed(refused.get(), "by the fake group");
    if (later) {
      apply.execute(() -> proposal.done().accept(outcome));
    } else {
      proposal.done().accept(outcome);
    }
  }

  private void drain() {
    while (!applyPaused) {
      Taken taken;
      synchronized (this) {
        taken = queue.poll();
      }
      if (taken == null) {
        return;
      }
      Reply reply = applyOne(taken);
      taken.proposal().done().accept(new ProposalOutcome.Applied(index, reply));
    }
  }

  /** Applies a proposal as an entry of its own; its effects are told at once. */
  private Reply applyOne(Taken taken) {
    index++;
    Proposal proposal = taken.proposal();
    ByteBuffer entry = ByteBuffer.allocate(HEADER_BYTES + proposal.recordBytes());
    entry.position(HEADER_BYTES);
    proposal.records().forEach(records -> entry.put(records.duplicate()));
    entries.put(index, entry.flip().asReadOnlyBuffer());
    var info = new LogEntryInfo(index, taken.term(), timeMillis.incrementAndGet());
    Outcome outcome = state.apply(info, proposal.origin(), placed(proposal.command()));
    state.finish(info);
    if (!outcome.effects().isEmpty()) {
      listeners.forEach(listener -> listener.accept(outcome.effects()));
    }
    return outcome.reply();
  }

  private static Command placed(Command command) {
    if (command instanceof Command.RelocateBodies relocate) {
      var bodies = new ArrayList<Command.Body>();
      int position = HEADER_BYTES;
      for (Command.Body body : relocate.bodies()) {
        bodies.add(new Command.Body(body.from(), position, body.bytes(), body.runs(), body.held()));
        position += body.bytes();
      }
      return new Command.RelocateBodies(bodies);
    }
    if (!(command instanceof Command.SendMessages send)) {
      return command;
    }
    var runs = new ArrayList<Command.Run>();
    int position = HEADER_BYTES;
    for (Command.Run run : send.runs()) {
      runs.add(
          new Command.Run(
              run.topic(),
              run.queue(),
              run.count(),
              position,
              run.bytes(),
              run.messageIds(),
              run.placing()));
      position += run.bytes();
    }
    return new Command.SendMessages(send.dedup(), runs);
  }

  void readPoint(long timeoutMillis, Consumer<ReadPoint> done) {
    var one = new Waiting(done);
    synchronized (this) {
      waiting.add(one);
    }
    apply.execute(this::answerWaiting);
    apply.schedule(
        () -> {
          boolean late;
          synchronized (this) {
            late = waiting.remove(one);
          }
          if (late) {
            done.accept(new ReadPoint.NotReached("no leader within " + timeoutMillis + " ms"));
          }
        },
        timeoutMillis,
        TimeUnit.MILLISECONDS);
  }

  synchronized Leadership leadership(int node) {
    if (uninitialized) {
      return Leadership.UNINITIALIZED;
    }
    Role role = node == leader ? Role.LEADER : Role.FOLLOWER;
    return leader < 0
        ? new Leadership(role, term, Optional.empty(), Optional.empty())
        : new Leadership(role, term, Optional.of("n" + leader), Optional.of(addresses.get(leader)));
  }

  Optional<ByteBuffer> entry(long at) {
    Optional<ByteBuffer> found =
        entriesAreMissing
            ? Optional.empty()
            : Optional.ofNullable(entries.get(at)).map(ByteBuffer::duplicate);
    if (found.isEmpty()) {
      misses.incrementAndGet();
    }
    return found;
  }

  /** How often an entry was asked for that is not there. */
  public int misses() {
    return misses.get();
  }

  /** Copies the bytes of a run or a held run to the head of the log, and lets the old ones go. */
  public void relocate(StoredRun run, List<Command.RunKey> runs, List<Command.HeldKey> held) {
    ByteBuffer records = entries.get(run.logIndex()).slice(run.position(), run.bytes());
    var body = new Command.Body(run.address(), 0, run.bytes(), runs, held);
    apply(new Command.RaiseLevel(Feature.RELOCATED_BODIES.level(), "test"));
    apply(new Command.RelocateBodies(List.of(body)), records);
    dropEntry(run.logIndex());
  }

  /** The bytes of an entry go, as when retention lets a segment go. */
  public void dropEntry(long at) {
    entries.remove(at);
  }

  void onApplied(Consumer<List<Effect>> listener) {
    listeners.add(listener);
  }

  /** Proposes at whoever leads and waits. */
  public Reply apply(Command command, ByteBuffer... records) {
    var done = new CompletableFuture<ProposalOutcome>();
    propose(leader(), new Proposal(Optional.empty(), command, List.of(records), done::complete));
    return ((ProposalOutcome.Applied) done.orTimeout(20, TimeUnit.SECONDS).join()).reply();
  }

  @Override
  public void close() {
    apply.shutdownNow();
  }
}
