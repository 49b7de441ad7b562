package io.keelmq.broker.raft;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Membership;
import io.keelmq.broker.MessageLog;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.RowEvidence;
import io.keelmq.broker.SnapshotCopy;
import io.keelmq.broker.raft.ReplicaIdentity.Stage;
import io.keelmq.broker.state.Effect;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One member of a broker group on its data folder: uninitialized, prepared, or running in its
 * group.
 *
 * <p>{@link #open} opens the folder and, if the replica was started before, goes on where it was;
 * an empty folder waits for {@link #prepare} and {@link #start}. Thread-safe; the lock guards the
 * way from one stage to the next.
 */
public final class RaftReplica implements Replica, ReplicaControl {

  private static final Logger LOG = LoggerFactory.getLogger(RaftReplica.class);

  static final long TICK_MILLIS = 50;
  private static final long WATCH_MILLIS = 1_000;

  private final RaftReplicaOptions options;
  private final ReplicaFolder folder;
  private final ReplicaParts parts;
  private final List<Consumer<List<Effect>>> listeners = new CopyOnWriteArrayList<>();
  private final Departure departure;
  private final MessageLog messages;
  private final ReplicaGauges gauges;
  private final ReplicaMembership membership;
  private final ReplicaReport report;
  private final Object stageLock = new Object();

  /** Null until Raft runs. Written under the lock. */
  private volatile RaftMember member;

  private volatile boolean closed;

  private RaftReplica(
      RaftReplicaOptions options, ReplicaFolder folder, ReplicaParts parts, Departure departure) {
    this.options = options;
    this.folder = folder;
    this.parts = parts;
    this.departure = departure;
    this.messages = new CommittedLog(folder.log().reader(), parts.terms());
    this.gauges =
        new ReplicaGauges(
            () -> closed ? Optional.empty() : Optional.ofNullable(member), folder, parts.replies());
    this.membership =
        new ReplicaMembership(
            options,
            folder,
            () -> closed ? Optional.empty() : Optional.ofNullable(member),
            parts,
            this::rejoin);
    this.report =
        new ReplicaReport(folder, parts.view(), departure, membership, options.version().levels());
  }

  /**
   * Opens the data folder, and starts Raft if it ran there before. Blocks for the recovery of log
   * and store.
   *
   * @throws UnusableFolderException if the folder is in use, belongs to another replica, is damaged
   *     or has lost something that a member must not lose
   * @throws IOException if the folder or the Raft address cannot be used
   * @throws RuntimeException of log or store, if they are damaged or of a newer format
   */
  public static RaftReplica open(RaftReplicaOptions options)
      throws IOException, UnusableFolderException {
    return open(options, RocksTables::restore);
  }

  /**
   * @param restorer brings the rows of a snapshot into the store
   */
  static RaftReplica open(RaftReplicaOptions options, ApplyLoop.Restorer restorer)
      throws IOException, UnusableFolderException {
    RaftProperties.ensure();
    AckPolicy acks = AckPolicy.fromProperties();
    var departure = new Departure(options.onFatal());
    ReplicaFolder folder = ReplicaFolder.open(options, departure::damaged);
    departure.of(folder);
    ScheduledExecutorService timer =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              var thread = new Thread(task, "raft-timer-" + options.node());
              thread.setDaemon(true);
              return thread;
            });
    var parts =
        new ReplicaParts(
            new StateView(folder.store().committed()),
            new LogClock(folder.state().applied().timeMillis(), options.wall(), options.nanos()),
            new Replies(options.node()),
            new AppliedTerms(),
            timer,
            acks,
            restorer,
            departure);
    var replica = new RaftReplica(options, folder, parts, departure);
    boolean started = false;
    try {
      replica.resume();
      started = true;
      return replica;
    } finally {
      if (!started) {
        replica.close();
      }
    }
  }

  private void resume() throws IOException {
    synchronized (stageLock) {
      if (!folder.identity().map(ReplicaIdentity::isBeforeRaft).orElse(true)) {
        member = new RaftMember(options, folder, parts, this::tellListeners);
      }
    }
    every(TICK_MILLIS, this::tick);
    every(WATCH_MILLIS, this::watch);
    every(RaftMember.millisBetweenFlushes(), RaftMember::flush);
  }

  @Override
  public void propose(Proposal proposal) {
    RaftMember running = member;
    if (running == null || closed) {
      var reason =
          closed ? ProposalOutcome.Reason.SHUTTING_DOWN : ProposalOutcome.Reason.NOT_LEADER;
      proposal
          .done()
          .accept(new ProposalOutcome.NotProposed(reason, "this replica is not running"));
      return;
    }
    running.proposer().propose(proposal);
  }

  @Override
  public void readPoint(long timeoutMillis, Consumer<ReadPoint> done) {
    RaftMember running = member;
    if (running == null || closed) {
      done.accept(new ReadPoint.NotReached("this replica is not running"));
      return;
    }
    running.readPoints().ask(timeoutMillis, done);
  }

  @Override
  public Leadership leadership() {
    RaftMember running = member;
    return running == null ? Leadership.UNINITIALIZED : running.leadership();
  }

  @Override
  public StateView state() {
    return parts.view();
  }

  @Override
  public MessageLog log() {
    return messages;
  }

  @Override
  public void onApplied(Consumer<List<Effect>> listener) {
    listeners.add(listener);
  }

  private void tellListeners(List<Effect> effects) {
    listeners.forEach(listener -> listener.accept(effects));
  }

  @Override
  public void prepare(Plan plan) throws Refused {
    synchronized (stageLock) {
      Optional<String> flaw =
          ReplicaIdentity.flawOfNew(
              plan, options.node(), options.brokerGroup(), options.raftAdvertised());
      if (flaw.isPresent()) {
        throw new Refused(Refused.Reason.INVALID, flaw.get());
      }
      Optional<ReplicaIdentity> identity = folder.identity();
      if (identity.isPresent()) {
        identity.get().requireSame(plan);
        return;
      }
      write(new ReplicaIdentity(plan, options.node(), Stage.PREPARED));
    }
  }

  @Override
  public void start(String clusterId) throws Refused {
    synchronized (stageLock) {
      ReplicaIdentity identity =
          folder
              .identity()
              .filter(found -> found.stage() != Stage.EMPTIED)
              .orElseThrow(
                  () ->
                      new Refused(
                          Refused.Reason.NOT_INITIALIZED,
                          "node %s is not prepared: prepare every replica of the plan first"
                              .formatted(options.node())));
      if (!identity.plan().clusterId().equals(clusterId)) {
        throw new Refused(
            Refused.Reason.IDENTITY_MISMATCH,
            "node %s belongs to cluster %s, not %s"
                .formatted(identity.node(), identity.plan().clusterId(), clusterId));
      }
      if (member != null) {
        return;
      }
      // Before Raft runs: from now on there may be a vote in this folder.
      write(identity.at(Stage.STARTED));
      startOrRefuse();
    }
  }

  private void startOrRefuse() throws Refused {
    try {
      member = new RaftMember(options, folder, parts, this::tellListeners);
    } catch (IOException e) {
      throw new Refused(Refused.Reason.PRECONDITION, e.getMessage());
    }
  }

  @Override
  public Membership membership() {
    return membership;
  }

  /** Raft starts under an incarnation that nobody had before, and knows no members. */
  private void rejoin(Plan plan) throws Refused {
    synchronized (stageLock) {
      Optional<ReplicaIdentity> former = folder.identity();
      Optional<String> flaw =
          ReplicaIdentity.flaw(
                  plan, options.node(), options.brokerGroup(), options.raftAdvertised())
              .or(() -> former.flatMap(found -> found.flawOfReturn(plan)));
      if (flaw.isPresent()) {
        throw new Refused(Refused.Reason.INVALID, flaw.get());
      }
      if (closed || former.filter(found -> found.stage() != Stage.EMPTIED).isPresent()) {
        return;
      }
      write(new ReplicaIdentity(plan, options.node(), Stage.REJOINING));
      Failpoint.INCARNATION_TAKEN.hit();
      startOrRefuse();
    }
  }

  private void write(ReplicaIdentity identity) throws Refused {
    try {
      folder.write(identity);
    } catch (IOException e) {
      throw new Refused(
          Refused.Reason.PRECONDITION,
          "the identity could not be written to %s: %s".formatted(options.dataFolder(), e));
    }
  }

  @Override
  public CompletableFuture<Leadership> transferLeadership(Optional<String> node) {
    RaftMember running = member;
    if (running == null) {
      return notRunning();
    }
    if (node.isPresent() && running.voter(node.get()).isEmpty()) {
      return CompletableFuture.failedFuture(
          new Refused(Refused.Reason.INVALID, "node \"%s\" is no member".formatted(node.get())));
    }
    return running.transfer(node);
  }

  /**
   * Hands leadership over, if this replica leads, so that its end is no election. Waits at most
   * {@code limit}; whether somebody took over does not matter to what comes next.
   */
  public void leaveGracefully(Duration limit) throws InterruptedException {
    if (!leadership().isLeader()) {
      return;
    }
    try {
      transferLeadership(Optional.empty()).get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.warn("leadership was not handed over: {}", e.getMessage());
    }
  }

  @Override
  public Status status() {
    return report.of(Optional.ofNullable(member), closed);
  }

  @Override
  public CompletableFuture<Snapshot> snapshotNow() {
    return running().map(now -> now.snapshotTrigger().now()).orElseGet(RaftReplica::notRunning);
  }

  @Override
  public CompletableFuture<SnapshotCopy> lendSnapshot() {
    return running().map(RaftMember::lendSnapshot).orElseGet(RaftReplica::notRunning);
  }

  private static <T> CompletableFuture<T> notRunning() {
    return CompletableFuture.failedFuture(
        new Refused(Refused.Reason.NOT_INITIALIZED, "this replica is not running"));
  }

  /** Empty before it takes part in its group, and when it ends. */
  private Optional<RaftMember> running() {
    return closed ? Optional.empty() : Optional.ofNullable(member);
  }

  @Override
  public SnapshotStatus snapshotStatus() {
    return Optional.ofNullable(member).map(RaftMember::snapshotStatus).orElse(SnapshotStatus.NONE);
  }

  @Override
  public RowEvidence rowEvidence() {
    return folder.rowProof();
  }

  @Override
  public void heard(String node, DiskTrouble trouble) {
    Optional.ofNullable(member).ifPresent(running -> running.storage().heard(node, trouble));
  }

  @Override
  public void heardLevels(String peerId, LevelRange levels) {
    running().ifPresent(now -> now.members().heardLevels(peerId, levels));
  }

  @Override
  public Set<DiskTrouble> diskTroubles() {
    return Optional.ofNullable(member).map(now -> now.storage().troubles()).orElse(Set.of());
  }

  public RaftStats raftStats() {
    return gauges.stats();
  }

  public SnapshotStats snapshotStats() {
    return gauges.snapshots();
  }

  public ReplicaGauges gauges() {
    return gauges;
  }

  @Override
  public void leave(Throwable why) {
    departure.accept(why);
  }

  private void every(long millis, Consumer<RaftMember> task) {
    Runnable guarded = () -> guarded(() -> running().ifPresent(task));
    parts.timer().scheduleWithFixedDelay(guarded, millis, millis, TimeUnit.MILLISECONDS);
  }

  private void guarded(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException | Error e) {
      // A timer task that throws is never called again, and its work is not optional.
      parts.onFatal().accept(e);
    }
  }

  private void tick(RaftMember running) {
    running.tick();
    try {
      folder.noteJoined(stageLock);
    } catch (IOException e) {
      parts.onFatal().accept(new IllegalStateException("the identity could not be written", e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void watch(RaftMember running) {
    running.watch();
    membership.look();
  }

  /**
   * Ends the replica: takes no more, lets Raft end, makes log and rows durable. Bounded in time.
   * Proposals under way end as unknown. Idempotent.
   */
  public void close() {
    synchronized (stageLock) {
      if (closed) {
        return;
      }
      closed = true;
    }
    parts.timer().shutdownNow();
    if (departure.isOfFullDisk()) {
      // For the rows: the log writes no more.
      new ReserveFile(options.dataFolder()).release();
    }
    try {
      if (member != null) {
        member.stop();
        if (departure.cause().isEmpty()) {
          member.applyLoop().flushAndWait();
        }
      }
      parts.replies().stop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      LOG.warn("the rows were not flushed; they come back from the log", e);
    }
    try {
      folder.close();
    } catch (IOException e) {
      LOG.warn("closing the data folder failed", e);
    }
  }
}
