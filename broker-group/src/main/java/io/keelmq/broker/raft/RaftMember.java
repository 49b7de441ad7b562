package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.RaftGroupService;
import com.alipay.sofa.jraft.core.State;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.option.NodeOptions;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Peer;
import io.keelmq.broker.ReplicaControl.SnapshotStatus;
import io.keelmq.broker.SnapshotCopy;
import io.keelmq.broker.state.Effect;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A replica that takes part in its group: the running Raft node and what feeds it and is fed by it.
 *
 * <p>Made when the identity is on disk. Timer work runs on the replica's timer thread.
 */
final class RaftMember {

  private static final Logger LOG = LoggerFactory.getLogger(RaftMember.class);

  private static final long JOIN_MILLIS = 10_000;
  private static final long TRANSFER_SLACK_MILLIS = 2_000;

  private final ReplicaFolder folder;
  private final ReplicaIdentity identity;
  private final ScheduledExecutorService timer;
  private final Consumer<Throwable> onFatal;
  private final LogClock clock;
  private final LeadershipView leadership;
  private final LeaderLook leaderLook;
  private final Proposer proposer;
  private final ApplyLoop applyLoop;
  private final SnapshotCounters snapshotCounters = new SnapshotCounters();
  final GroupRetention retention;
  private final GroupSnapshotStorage snapshotStorage;
  private final GroupSnapshots snapshots;
  private final SnapshotTrigger snapshotTrigger;
  private final ExecutorService snapshotThread;
  private final PassOver passOver = new PassOver();
  private final ReadPoints readPoints;
  private final DeadlineTicker ticker;
  private final Watchdog watchdog;
  private final StorageWatch storage;
  private final PeerWatch peerWatch =
      new PeerWatch(
          peer -> LOG.warn("peer does not answer, peer={}", peer),
          peer -> LOG.info("peer answers again, peer={}", peer));
  private final Transfers transfers;
  private final Roster roster;
  private final Successors successors;
  private final MemberCalls members;
  private final boolean startedAsLearner;
  private final RaftServer server;
  private final RaftGroupService service;
  private final Node node;
  private final NodeView view;

  /**
   * Starts the node.
   *
   * @throws IOException if the address cannot be listened on or the node does not start
   */
  RaftMember(
      RaftReplicaOptions options,
      ReplicaFolder folder,
      ReplicaParts parts,
      Consumer<List<Effect>> listeners)
      throws IOException {
    this.folder = folder;
    this.identity = folder.identity().orElseThrow();
    this.view = new NodeView(identity.peerId(), this::node);
    this.timer = parts.timer();
    this.onFatal = parts.onFatal();
    var replies = parts.replies();
    this.clock = parts.clock();
    this.roster = new Roster(identity, parts.view());
    boolean votes =
        folder
            .members()
            .last()
            .map(last -> last.voters().contains(identity.peerId()))
            .orElse(!identity.wasGiven());
    // An empty configuration is no learner's to JRaft.
    this.startedAsLearner = !votes && folder.members().last().isPresent();
    this.leadership =
        new LeadershipView(
            identity.peerId(),
            roster,
            votes,
            () -> {
              replies.tell(() -> listeners.accept(List.of()));
              later(this::tick);
            });
    this.leaderLook =
        new LeaderLook(
            identity.node(), leadership, () -> this.node().getLeaderId(), options.nanos());
    this.successors = new Successors(identity.peerId(), this::node, roster, options.nanos());
    this.storage =
        new StorageWatch(
            options,
            folder,
            identity.peerId(),
            this::node,
            leadership::current,
            roster,
            successors,
            onFatal);
    this.proposer =
        new Proposer(
            task -> this.node().apply(task),
            clock,
            replies,
            parts.acks(),
            parts.view(),
            options.maxBytesInFlight(),
            storage::refusal);
    this.ticker =
        new DeadlineTicker(
            clock, options.nanos(), () -> leadership.current().isLeader(), proposer::propose);
    this.applyLoop =
        new ApplyLoop(
            folder.state(),
            folder.store(),
            folder.log(),
            clock,
            replies,
            passOver,
            parts.terms(),
            ApplyPace.fromProperties(),
            options.version(),
            folder.rowProof().rowSums(),
            parts.restorer(),
            effects -> {
              if (effects.stream().anyMatch(Effect.MembersChanged.class::isInstance)) {
                leadership.refresh();
                members().membersChanged();
              }
              ticker.observe(effects);
              listeners.accept(effects);
            });
    this.snapshotThread = SnapshotTrigger.thread(identity.node());
    NodeOptions raft = RaftOptionsFactory.node(options.electionTimeout());
    this.snapshotStorage =
        new GroupSnapshotStorage(
            folder.snapshotFolder(),
            raft.getRaftOptions(),
            folder.log(),
            options.disk(),
            snapshotCounters,
            options.nanos(),
            identity.node());
    this.snapshots =
        new GroupSnapshots(
            identity,
            options.version(),
            folder.log(),
            applyLoop,
            folder.rowProof().inherited(),
            snapshotStorage,
            snapshotCounters,
            snapshotThread);
    this.snapshotTrigger =
        new SnapshotTrigger(
            options.snapshots(),
            folder.log(),
            applyLoop,
            snapshots,
            snapshotStorage,
            snapshotCounters,
            view,
            new LogRetention(
                folder.log(),
                folder.store(),
                parts.view(),
                snapshots,
                snapshotThread,
                options.nanos(),
                () -> options.retention().rest(storage.isMissingBytes()),
                snapshotCounters),
            storage::wantsSnapshot,
            snapshotThread,
            options.nanos());
    this.retention =
        new RoomOfGroup(options, parts, leadership, storage, snapshots, snapshotCounters)
            .retention(folder, proposer::propose, snapshotThread);
    this.readPoints =
        new ReadPoints(
            (context, done) -> this.node().readIndex(context, done),
            replies,
            timer,
            options.nanos());
    this.watchdog = new Watchdog(options.nanos(), new Remedies());
    this.transfers =
        new Transfers(
            successors::handOver,
            leadership::current,
            identity.node(),
            options.nanos(),
            2 * options.electionTimeout().toMillis() + TRANSFER_SLACK_MILLIS);
    this.members = members(options, parts);
    RaftOptionsFactory.registerThreadPool(options.brokerGroup());
    this.server =
        RaftServer.listen(
            options.raftListen(), () -> folder.log().poison().isPresent(), snapshots::published);
    this.service =
        new RaftGroupService(
            options.brokerGroup(), identity.peerId(), configured(raft), server.rpcServer(), true);
    try {
      storage.start();
      this.node = service.start(false);
    } catch (RuntimeException e) {
      storage.stop();
      server.close();
      snapshotThread.shutdown();
      throw new IOException(
          "Raft did not start as %s: %s"
              .formatted(
                  identity.peerId(),
                  snapshots
                      .loadFailure()
                      .map(Throwable::toString)
                      .orElse(e.getMessage() + "; the log lines before this tell why")),
          snapshots.loadFailure().orElse(e));
    }
    proposer.start();
    leaderLook.start();
  }

  private MemberCalls members(RaftReplicaOptions options, ReplicaParts parts) {
    var levels =
        new LevelDriver(
            options.version(),
            identity.peerId(),
            this::node,
            parts.view(),
            leadership::current,
            proposer::propose,
            this::later,
            options.nanos());
    var membership =
        new MembershipDriver(
            identity,
            this::node,
            parts.view(),
            roster,
            successors,
            leadership::current,
            proposer::propose,
            this::committedIndex,
            levels,
            this::later,
            options.nanos());
    return new MemberCalls(membership, levels, timer);
  }

  /** JRaft may call back before its start has returned to us; then there is nothing to do yet. */
  private Node node() {
    Node started = service.getRaftNode();
    if (started == null) {
      throw new IllegalStateException("Raft is not running");
    }
    return started;
  }

  private NodeOptions configured(NodeOptions raft) {
    raft.setFsm(
        new GroupStateMachine(applyLoop, snapshots, leadership, proposer, ticker::leads, onFatal));
    raft.setServiceFactory(
        new RaftLogFactory(folder.log(), passOver, clock, snapshotStorage, storage::votes));
    raft.setSnapshotUri(folder.snapshotFolder().toString());
    // Not a place: the log is open already and handed out by the factory.
    raft.setLogUri("segmented-log");
    raft.setRaftMetaUri(folder.metaFolder().toString());
    raft.setInitialConf(identity.initialConfiguration());
    return raft;
  }

  SnapshotTrigger snapshotTrigger() {
    return snapshotTrigger;
  }

  SnapshotStatus snapshotStatus() {
    var published = snapshots.published();
    return new SnapshotStatus(
        published.index(),
        published.bytes(),
        snapshots.isInstalling(),
        snapshotStorage.isSending());
  }

  CompletableFuture<SnapshotCopy> lendSnapshot() {
    long applied = applyLoop.committedIndex();
    return snapshots.published().applied() >= applied
        ? LentSnapshot.of(snapshotStorage)
        : snapshotTrigger.now().thenCompose(taken -> LentSnapshot.of(snapshotStorage));
  }

  SnapshotCounters snapshotCounters() {
    return snapshotCounters;
  }

  StorageWatch storage() {
    return storage;
  }

  AppendAnswers appends() {
    return server.appends();
  }

  Proposer proposer() {
    return proposer;
  }

  ReadPoints readPoints() {
    return readPoints;
  }

  ApplyLoop applyLoop() {
    return applyLoop;
  }

  Leadership leadership() {
    return leadership.current();
  }

  String peerId() {
    return identity.peerId().toString();
  }

  /** How far the group is known here to have stored entries; the last known when Raft has ended. */
  long committedIndex() {
    return view.committedIndex();
  }

  /** On the leader, the others and whether they answer. */
  List<Peer> peers() {
    return leadership().isLeader() ? view.peers() : List.of();
  }

  CompletableFuture<Leadership> transfer(Optional<String> toNode) {
    Leadership now = leadership();
    if (now.isLeader() && toNode.equals(now.leaderNode())) {
      return CompletableFuture.completedFuture(now);
    }
    var done = new CompletableFuture<Leadership>();
    Optional<PeerId> target = toNode.flatMap(roster::voter).map(ReplicaIdentity::peerId);
    later(() -> transfers.begin(target, done));
    return done;
  }

  /** A member that can lead. */
  Optional<Member> voter(String name) {
    return roster.voter(name);
  }

  /** Whether this replica has a vote, as far as it knows. */
  boolean votes() {
    return leadership().role() != Leadership.Role.LEARNER;
  }

  /**
   * Whether JRaft took this replica for a learner when it started, and started no election timer.
   */
  boolean startedAsLearner() {
    return startedAsLearner;
  }

  /** What is said and asked about members. */
  MemberCalls members() {
    return members;
  }

  private void later(Runnable task) {
    try {
      timer.execute(task);
    } catch (RejectedExecutionException e) {
      LOG.debug("shutting down", e);
    }
  }

  /** Called every {@link RaftReplica#TICK_MILLIS} by the timer. */
  void tick() {
    ticker.tick();
    transfers.check();
  }

  /** Called about once a second by the timer. */
  void watch() {
    if (node.getNodeState() == State.STATE_ERROR) {
      onFatal.accept(new IllegalStateException("the Raft node is in its error state"));
    }
    watchdog.check(
        new Watchdog.Progress(
            leadership().isLeader(), folder.log().last(), committedIndex(), view.appliedIndex()));
    peerWatch.look(peers());
    members.look();
    snapshotTrigger.check();
    retention.check();
  }

  private final class Remedies implements Watchdog.Remedies {
    @Override
    public void transferLeadership() {
      successors.handOver();
    }

    @Override
    public void end(String why) {
      onFatal.accept(new IllegalStateException(why));
    }
  }

  /** Ends the node; whatever it had not decided ends as unknown. Bounded in time. */
  void stop() throws InterruptedException {
    leaderLook.stop();
    proposer.stop();
    snapshots.stop();
    storage.stop();
    service.shutdown();
    view.awaitEnd(JOIN_MILLIS);
    proposer.abandon();
    readPoints.stop();
    server.close();
    snapshotThread.shutdown();
  }

  /** Flushes the rows from time to time; blocks for the log's force. */
  void flush() {
    applyLoop.flush();
  }

  static long millisBetweenFlushes() {
    return TimeUnit.SECONDS.toMillis(30);
  }
}
