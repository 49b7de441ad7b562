package io.keelmq.chaos.kills;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.raft.RaftReplica;
import io.keelmq.broker.raft.RaftReplicaOptions;
import io.keelmq.broker.raft.RetentionPolicy;
import io.keelmq.broker.raft.UnusableFolderException;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Feature;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.TopicType;
import io.keelmq.common.HostPort;
import io.keelmq.local.Waiting;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The only replica of a group, with the smallest segments there are. For one thread. */
final class OneReplica implements AutoCloseable {

  static final Duration DEADLINE = Duration.ofMinutes(3);
  private static final Duration REST = Duration.ofMillis(100);
  private static final int INCARNATION = 1_000_000_001;
  private static final String NODE = "n1";
  private static final String TOPIC = "orders";
  private static final String FILLING = "-".repeat(300);

  /** One that soon has more than it keeps, each message nearly a segment. */
  private static final String PASSING = "passing";

  private static final int PASSING_BYTES = 3_000;
  private static final long PASSING_KEPT = 2L * PASSING_BYTES;

  private final RaftReplica replica;
  private final Plan plan;

  private OneReplica(RaftReplica replica, Plan plan) {
    this.replica = replica;
    this.plan = plan;
  }

  static OneReplica open(Path folder, int port) throws IOException, UnusableFolderException {
    return new OneReplica(RaftReplica.open(options(folder, port)), plan(port, INCARNATION));
  }

  static RaftReplicaOptions options(Path folder, int port) {
    return RaftReplicaOptions.of(
            NODE,
            "group-" + port,
            folder,
            new HostPort("127.0.0.1", port),
            InstantSource.system(),
            System::nanoTime,
            cause -> {})
        .withElectionTimeout(Duration.ofMillis(300))
        .withLog(SegmentedLogOptions.LEAST_SEGMENT_BYTES, SegmentedLogOptions.Sync.FSYNC)
        .withRetention(
            new RetentionPolicy(
                RetentionPolicy.DEFAULT.relocateBytesPerSecond(),
                0,
                0,
                Duration.ZERO,
                REST,
                RetentionPolicy.DEFAULT.allowed()));
  }

  static Plan plan(int port, int incarnation) {
    return new Plan(
        "cluster-" + port,
        "group-" + port,
        List.of(new Member(NODE, "127.0.0.1:" + port, incarnation, "127.0.0.1:1")));
  }

  RaftReplica replica() {
    return replica;
  }

  /** Makes the group, or goes on making it. */
  void begin() throws Refused, IOException {
    replica.prepare(plan);
    replica.start(plan.clusterId());
    lead();
    apply(new Command.CreateTopic(TOPIC, TopicType.NORMAL, 1, 0), List.of());
  }

  void lead() throws IOException {
    if (!Waiting.until(DEADLINE, () -> replica.leadership().isLeader())) {
      throw new IOException("it does not lead: " + replica.status());
    }
  }

  /** Returns when it is acknowledged; a repeat is told by its number. */
  void send(int number) throws IOException {
    byte[] record = record(number);
    apply(
        new Command.SendMessages(
            new Command.ProducerSequence("p1", 1, number),
            List.of(new Command.Run(TOPIC, 0, 1, 0, record.length, List.of()))),
        List.of(ByteBuffer.wrap(record)));
  }

  private static byte[] record(int number) {
    return (number + FILLING).getBytes(StandardCharsets.US_ASCII);
  }

  /** Makes the topic whose messages pass; the group must have a level for it. */
  void beginPassing() throws IOException {
    apply(new Command.RaiseLevel(Feature.RELOCATED_BODIES.level(), "failpoints"), List.of());
    apply(new Command.CreateTopic(PASSING, TopicType.NORMAL, 1, 0, PASSING_KEPT), List.of());
  }

  /** Sends what soon goes; by number, as {@link #send}. */
  void sendPassing(int number) throws IOException {
    apply(
        new Command.SendMessages(
            new Command.ProducerSequence("p2", 1, number),
            List.of(new Command.Run(PASSING, 0, 1, 0, PASSING_BYTES, List.of()))),
        List.of(ByteBuffer.allocate(PASSING_BYTES)));
  }

  private void apply(Command command, List<ByteBuffer> records) throws IOException {
    var done = new CompletableFuture<ProposalOutcome>();
    replica.propose(new Proposal(Optional.empty(), command, records, done::complete));
    ProposalOutcome outcome = await(done);
    if (!(outcome instanceof ProposalOutcome.Applied)) {
      throw new IOException("not applied: " + outcome);
    }
  }

  void snapshot() throws IOException {
    await(replica.snapshotNow());
  }

  private static <T> T await(CompletableFuture<T> future) throws IOException {
    try {
      return future.get(DEADLINE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  /** What keeps it from holding what was acknowledged, and at most one message more. */
  List<String> problems(int acked) {
    var problems = new ArrayList<String>();
    var topic = replica.state().topic(TOPIC);
    if (topic.isEmpty()) {
      return acked == 0 ? List.of() : List.of("no topic, and " + acked + " were acknowledged");
    }
    long end = replica.state().bounds(topic.get().id(), 0).endOffset();
    if (end != acked && end != acked + 1) {
      problems.add("%d messages are stored, %d were acknowledged".formatted(end, acked));
    }
    for (int offset = 0; offset < end; offset++) {
      Optional<ByteBuffer> found = body(topic.get().id(), offset);
      if (!found.equals(Optional.of(ByteBuffer.wrap(record(offset + 1))))) {
        problems.add("offset %d is not as it was sent: %s".formatted(offset, found));
      }
    }
    return problems;
  }

  private Optional<ByteBuffer> body(long topicId, long offset) {
    Optional<StoredRun> looked = Optional.empty();
    while (true) {
      Optional<StoredRun> run = replica.state().runs(topicId, 0, offset, 1).stream().findFirst();
      Optional<ByteBuffer> found =
          run.flatMap(
              at ->
                  replica
                      .log()
                      .entry(at.logIndex())
                      .map(entry -> entry.slice(at.position(), at.bytes())));
      if (found.isPresent() || run.equals(looked)) {
        return found;
      }
      // It was moved in between.
      looked = run;
    }
  }

  @Override
  public void close() {
    replica.close();
  }
}
