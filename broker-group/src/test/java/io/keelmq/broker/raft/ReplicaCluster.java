package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;

import io.keelmq.broker.Membership;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.state.Applied;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Members.Seat;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.TopicType;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.common.HostPort;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.awaitility.core.ConditionTimeoutException;

/** Replicas of one group in this process, on loopback ports of their own. Not thread-safe. */
final class ReplicaCluster implements AutoCloseable {

  static final String TOPIC = "orders";

  /** For what ends within a second or two, on a machine that is busy with other things too. */
  static final long DEADLINE_SECONDS = 180;

  /** Shorter, and a group on a busy machine elects again and again. */
  static final Duration ELECTION_TIMEOUT = Duration.ofSeconds(2);

  /** Below the ports that systems give away by themselves. */
  private static final int FIRST_PORT = 10_000;

  private static final int PORTS = 20_000;

  private static final AtomicInteger NEXT_PORT =
      new AtomicInteger((int) (ProcessHandle.current().pid() % PORTS * 397));

  private final Path folder;
  private final Plan plan;
  private final List<Member> added = new ArrayList<>();
  private final Map<String, RaftReplica> running = new LinkedHashMap<>();
  private final Map<String, UnaryOperator<RaftReplicaOptions>> settings = new LinkedHashMap<>();
  final Map<String, Throwable> fatal = new ConcurrentHashMap<>();
  private long sequence;

  ReplicaCluster(Path folder, int size) throws IOException {
    this.folder = folder;
    List<Integer> ports = freePorts(size);
    List<Member> members = new ArrayList<>();
    for (int i = 1; i <= size; i++) {
      members.add(
          new Member(
              "n" + i,
              "127.0.0.1:" + ports.get(i - 1),
              1_000_000_000 + i,
              "127.0.0.1:" + (20_000 + i)));
    }
    this.plan = new Plan("test-" + ports.get(0), "group-" + ports.get(0), members);
  }

  /**
   * Not the ports that the system gives away by itself: a node that is closed for a while must find
   * its own port free when it is opened again. Each JVM that runs tests has a range of its own.
   */
  private static List<Integer> freePorts(int count) throws IOException {
    var ports = new ArrayList<Integer>();
    while (ports.size() < count) {
      int port = FIRST_PORT + Math.floorMod(NEXT_PORT.getAndIncrement(), PORTS);
      try (var socket = new ServerSocket(port, 1, InetAddress.getByName("127.0.0.1"))) {
        ports.add(socket.getLocalPort());
      } catch (BindException e) {
        // Somebody else's: the next one.
      }
    }
    return ports;
  }

  Plan plan() {
    return plan;
  }

  /** A node that is in no plan and has addresses of its own. */
  Member newNode(String node) throws IOException {
    var member = new Member(node, "127.0.0.1:" + freePorts(1).get(0), 0, "127.0.0.1:20100");
    added.add(member);
    return member;
  }

  /** Closes a node, deletes its folder and opens it again. */
  RaftReplica wipe(String node) throws Exception {
    close(node);
    deleteFolder(node);
    return open(node);
  }

  void deleteFolder(String node) throws IOException {
    try (Stream<Path> files = Files.walk(dataFolder(node))) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** What the join agents of all running replicas do once, with the network left out. */
  void join() throws Exception {
    for (var each : running.entrySet()) {
      Optional<Membership.Arrival> arrival = each.getValue().membership().arrival();
      Optional<RaftReplica> leader =
          running.values().stream().filter(one -> one.leadership().isLeader()).findFirst();
      if (arrival.isPresent() && leader.isPresent()) {
        join(each.getValue(), withClientAddress(each.getKey(), arrival.get()), leader.get());
      }
    }
  }

  private static void join(RaftReplica replica, Membership.Arrival arrival, RaftReplica leader)
      throws Exception {
    try {
      var outcome = leader.membership().arrive(arrival).get(DEADLINE_SECONDS, SECONDS);
      if (outcome instanceof ProposalOutcome.Applied applied) {
        if (applied.reply() instanceof Reply.Rejected rejected) {
          replica.membership().notTaken(rejected.message());
        } else {
          replica.membership().take(leader.membership().place(arrival));
        }
      }
    } catch (ExecutionException e) {
      replica.membership().notTaken(e.getCause().getMessage());
    } catch (ReplicaControl.Refused e) {
      replica.membership().notTaken(e.getMessage());
    }
  }

  Membership.Arrival withClientAddress(String node, Membership.Arrival arrival) {
    var self = arrival.self();
    return new Membership.Arrival(
        arrival.clusterId(),
        arrival.brokerGroup(),
        new Member(self.node(), self.raftAddress(), self.incarnation(), "client-of-" + node + ":1"),
        arrival.bootId(),
        arrival.durableIndex(),
        arrival.startedAsLearner(),
        arrival.version());
  }

  /** Joins again and again until it is so. */
  void joinUntil(Callable<Boolean> condition) {
    try {
      await()
          .atMost(DEADLINE_SECONDS, SECONDS)
          .until(
              () -> {
                join();
                return condition.call();
              });
    } catch (ConditionTimeoutException e) {
      throw new AssertionError("nobody came so far:" + describe(), e);
    }
  }

  /** Until the incarnation under which this node runs votes, and nothing is under way with it. */
  Seat joinUntilVoter(String node) {
    joinUntil(
        () -> {
          String runs = replica(node).status().peerId();
          return seat(node)
              .filter(seat -> seat.joining() == 0 && runs.endsWith(":" + seat.voting()))
              .isPresent();
        });
    return seat(node).orElseThrow();
  }

  /** One word makes it a learner; a second one soon after could show that it keeps up. */
  void joinAsLearner(String node) {
    joinUntil(() -> replica(node).status().started());
    var looks = new AtomicInteger();
    await()
        .atMost(DEADLINE_SECONDS, SECONDS)
        .until(
            () -> {
              // Again when nobody led who could have heard it.
              if (looks.getAndIncrement() % 30 == 0 && phase(node) == Membership.Phase.JOINING) {
                join();
              }
              return phase(node) == Membership.Phase.CATCHING_UP;
            });
  }

  Membership.Phase phase(String node) throws Exception {
    return leader().membership().standings().get(DEADLINE_SECONDS, SECONDS).stream()
        .filter(standing -> standing.member().node().equals(node))
        .map(Membership.Standing::phase)
        .findFirst()
        .orElse(null);
  }

  Optional<Seat> seat(String node) {
    return leader().state().member(node);
  }

  Path dataFolder(String node) {
    return folder.resolve(node);
  }

  /** Changes how a node is set up, from its next start on. */
  void set(String node, UnaryOperator<RaftReplicaOptions> change) {
    settings.put(node, change);
  }

  RaftReplicaOptions options(String node) {
    var member =
        Stream.concat(plan.members().stream(), added.stream())
            .filter(one -> one.node().equals(node))
            .findFirst()
            .orElseThrow();
    var options =
        RaftReplicaOptions.of(
                node,
                plan.brokerGroup(),
                dataFolder(node),
                HostPort.parse(member.raftAddress()),
                InstantSource.system(),
                System::nanoTime,
                cause -> fatal.putIfAbsent(node, cause))
            .withElectionTimeout(ELECTION_TIMEOUT);
    return settings.getOrDefault(node, UnaryOperator.identity()).apply(options);
  }

  RaftReplica open(String node) throws Exception {
    return open(node, RocksTables::restore);
  }

  /** Opens a node that brings the rows of snapshots in its own way. */
  RaftReplica open(String node, ApplyLoop.Restorer restorer) throws Exception {
    RaftReplica replica;
    try {
      replica = RaftReplica.open(options(node), restorer);
    } catch (DamagedFolderException e) {
      if (plan.members().size() == 1) {
        throw e;
      }
      setAside(node);
      replica = RaftReplica.open(options(node), restorer);
    }
    running.put(node, replica);
    return replica;
  }

  /** What a broker does with a damaged folder when its group goes on without it. */
  Path setAside(String node) throws Exception {
    try (var held = DamagedFolder.take(options(node))) {
      return held.setAside();
    }
  }

  /** Opens all replicas and lets them form their group. */
  ReplicaCluster begin() throws Exception {
    for (Member member : plan.members()) {
      open(member.node()).prepare(plan);
    }
    for (RaftReplica replica : running.values()) {
      replica.start(plan.clusterId());
    }
    return this;
  }

  RaftReplica replica(String node) {
    return running.get(node);
  }

  List<RaftReplica> replicas() {
    return List.copyOf(running.values());
  }

  void close(String node) {
    running.remove(node).close();
  }

  String leaderNode() {
    await()
        .atMost(DEADLINE_SECONDS, SECONDS)
        .until(() -> running.values().stream().anyMatch(one -> one.leadership().isLeader()));
    return running.entrySet().stream()
        .filter(entry -> entry.getValue().leadership().isLeader())
        .map(Map.Entry::getKey)
        .findFirst()
        .orElseGet(this::leaderNode);
  }

  RaftReplica leader() {
    return running.get(leaderNode());
  }

  static CompletableFuture<ProposalOutcome> propose(
      RaftReplica replica, Command command, ByteBuffer... records) {
    var done = new CompletableFuture<ProposalOutcome>();
    replica.propose(new Proposal(Optional.empty(), command, List.of(records), done::complete));
    return done;
  }

  /** Proposes at whoever leads until it is applied. */
  ProposalOutcome.Applied apply(Command command, ByteBuffer... records) {
    var applied = new CompletableFuture<ProposalOutcome.Applied>();
    await()
        .atMost(DEADLINE_SECONDS, SECONDS)
        .until(
            () -> {
              var outcome = propose(leader(), command, records).get(DEADLINE_SECONDS, SECONDS);
              if (outcome instanceof ProposalOutcome.Applied end) {
                applied.complete(end);
              }
              return applied.isDone();
            });
    return applied.join();
  }

  ProposalOutcome.Applied createTopic() {
    return apply(new Command.CreateTopic(TOPIC, TopicType.NORMAL, 1, 0));
  }

  /** Sends one message as the next batch of one producer; a repeat is told by its sequence. */
  ProposalOutcome.Applied send(String body) {
    sequence++;
    ByteBuffer record = record(body);
    return apply(sendCommand("p1", sequence, record.remaining()), record);
  }

  static ByteBuffer record(String body) {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(1 + bytes.length).put((byte) bytes.length).put(bytes).flip();
  }

  static Command sendCommand(String producer, long sequence, int bytes) {
    return new Command.SendMessages(
        new Command.ProducerSequence(producer, 1, sequence),
        List.of(new Command.Run(TOPIC, 0, 1, 0, bytes, List.of())));
  }

  static ReadPoint readPoint(RaftReplica replica, long timeoutMillis) throws Exception {
    var done = new CompletableFuture<ReadPoint>();
    replica.readPoint(timeoutMillis, done::complete);
    return done.get(DEADLINE_SECONDS, SECONDS);
  }

  /** Waits until all running replicas have applied {@code index}. */
  void awaitApplied(long index) {
    await()
        .atMost(DEADLINE_SECONDS, SECONDS)
        .until(
            () ->
                running.values().stream().allMatch(one -> one.state().applied().index() >= index));
  }

  /** The one state that all running replicas come to. */
  Applied commonState() {
    try {
      await()
          .atMost(DEADLINE_SECONDS, SECONDS)
          .until(
              () ->
                  running.values().stream().map(one -> one.state().applied()).distinct().count()
                      == 1);
    } catch (ConditionTimeoutException e) {
      throw new AssertionError("no common state:" + describe(), e);
    }
    return running.values().iterator().next().state().applied();
  }

  /** Each running replica in a line, then what the members' rows say. */
  private String describe() {
    var states = new StringBuilder();
    running.forEach(
        (node, replica) ->
            states
                .append("\n  ")
                .append(node)
                .append(' ')
                .append(replica.leadership())
                .append(' ')
                .append(replica.state().applied())
                .append(' ')
                .append(replica.status())
                .append(' ')
                .append(replica.state().members()));
    return states.append("\n  fatal ").append(fatal).toString();
  }

  @Override
  public void close() {
    List.copyOf(running.keySet()).forEach(this::close);
  }
}
