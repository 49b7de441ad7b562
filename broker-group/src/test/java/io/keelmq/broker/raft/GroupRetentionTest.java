package io.keelmq.broker.raft;

import static io.keelmq.broker.raft.ReplicaCluster.TOPIC;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Feature;
import io.keelmq.broker.state.StateView.HeldRun;
import io.keelmq.broker.state.StateView.QueueBounds;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.TopicType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A group makes room: bodies move, queues lose what they do not keep, and nothing else is lost. */
class GroupRetentionTest {

  private static final String KEPT = "kept";
  private static final String LATER = "later";
  private static final StorageLimits MORE_THAN_ANY_DISK_HAS =
      new StorageLimits(Duration.ofMinutes(1), 1L << 60, 0, Duration.ZERO);

  @TempDir Path folder;

  private static RaftReplicaOptions hurried(RaftReplicaOptions options) {
    return SnapshotCluster.smallSegments(options)
        .withRetention(RetentionPolicy.DEFAULT.withRest(Duration.ofMillis(50)));
  }

  private SnapshotCluster begin(UnaryOperator<RaftReplicaOptions> change) throws Exception {
    var cluster = beginBefore(change);
    raise(cluster);
    return cluster;
  }

  /** At the first feature level. */
  private SnapshotCluster beginBefore(UnaryOperator<RaftReplicaOptions> change) throws Exception {
    var cluster = new SnapshotCluster(folder, 3);
    cluster.group.plan().members().forEach(member -> cluster.group.set(member.node(), change));
    return cluster.begin();
  }

  private static void raise(SnapshotCluster cluster) {
    cluster.group.apply(new Command.RaiseLevel(Feature.RELOCATED_BODIES.level(), "test"));
  }

  private static void sendTo(
      SnapshotCluster cluster, String topic, int number, Command.Placing placing) {
    ByteBuffer record = ReplicaCluster.record(topic + number);
    cluster.group.apply(
        new Command.SendMessages(
            new Command.ProducerSequence("of-" + topic, 1, number),
            List.of(new Command.Run(topic, 0, 1, 0, record.remaining(), List.of(), placing))),
        record);
  }

  private static List<StoredRun> runs(RaftReplica replica, String topic) {
    long id = replica.state().topic(topic).orElseThrow().id();
    return replica.state().runs(id, 0, replica.state().bounds(id, 0).firstOffset(), 10_000);
  }

  private static List<HeldRun> held(RaftReplica replica) {
    long id = replica.state().topic(LATER).orElseThrow().id();
    return replica.state().held(id, Optional.empty(), 100);
  }

  private static Optional<String> body(RaftReplica replica, StoredRun run) {
    return replica
        .log()
        .entry(run.logIndex())
        .map(
            entry -> {
              byte[] record = new byte[run.bytes()];
              entry.slice(run.position(), run.bytes()).get(record);
              return new String(record, 1, record.length - 1, StandardCharsets.UTF_8);
            });
  }

  private static void assertBodies(RaftReplica replica, int messages) {
    List<StoredRun> kept = runs(replica, KEPT);
    assertEquals(messages, kept.size());
    for (int i = 0; i < messages; i++) {
      assertEquals(i, kept.get(i).firstOffset());
      assertEquals(Optional.of(KEPT + (i + 1)), body(replica, kept.get(i)));
    }
    assertEquals(
        List.of(Optional.of(LATER + 1)),
        held(replica).stream().map(one -> body(replica, one.run())).toList());
  }

  /** A topic that is kept, a message that waits, and a topic that soon is not, in every segment. */
  private static void fill(SnapshotCluster cluster, int rounds) {
    cluster.group.apply(new Command.CreateTopic(KEPT, TopicType.NORMAL, 1, 0));
    cluster.group.apply(new Command.CreateTopic(LATER, TopicType.DELAY, 1, 0));
    long now = cluster.group.leader().state().applied().timeMillis();
    sendTo(cluster, LATER, 1, Command.Placing.at(now + 3_600_000));
    for (int i = 1; i <= rounds; i++) {
      sendTo(cluster, KEPT, i, Command.Placing.AT_ONCE);
      cluster.send(30);
    }
    cluster.group.apply(new Command.AlterTopic(TOPIC, OptionalInt.empty(), OptionalLong.of(1)));
  }

  @Test
  void whatIsKeptMovesSoThatTheOldLogGoesOnEveryReplica() throws Exception {
    try (var cluster = begin(GroupRetentionTest::hurried)) {
      fill(cluster, 10);
      var leader = cluster.group.leader();
      long first = runs(leader, KEPT).get(0).logIndex();
      long last = runs(leader, KEPT).get(9).logIndex();
      String name = held(leader).get(0).id().toString();
      cluster.group.awaitApplied(leader.state().applied().index());
      for (var replica : cluster.group.replicas()) {
        cluster.snapshotTwice(replica);
      }

      for (var replica : cluster.group.replicas()) {
        await()
            .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
            .until(() -> replica.status().logFirstIndex() > last - 60);
        assertTrue(runs(replica, KEPT).get(0).logIndex() > first);
      }
      cluster.group.awaitApplied(cluster.group.leader().state().applied().index());
      cluster.group.commonState();
      for (var replica : cluster.group.replicas()) {
        assertBodies(replica, 10);
        assertEquals(name, held(replica).get(0).id().toString());
      }

      // Rows come back from a flush of before, or from the log; a wiped one from a snapshot.
      String restarted = cluster.followers().get(0);
      cluster.group.close(restarted);
      cluster.send(5);
      cluster.group.open(restarted);
      String wiped = cluster.followers().get(1);
      cluster.group.wipe(wiped);
      cluster.group.joinUntilVoter(wiped);
      cluster.group.awaitApplied(cluster.group.leader().state().applied().index());
      cluster.group.commonState();
      for (var replica : cluster.group.replicas()) {
        assertBodies(replica, 10);
      }
      assertTrue(cluster.group.fatal.isEmpty(), cluster.group.fatal.toString());
    }
  }

  /** It is what makes room again where sends are refused for want of it. */
  @Test
  void relocatesWhileDisksAreLowAndSendsAreRefused() throws Exception {
    try (var cluster =
        begin(
            options ->
                SnapshotCluster.smallSegments(options)
                    .withRetention(
                        RetentionPolicy.DEFAULT
                            .with(0, 0, 0, Duration.ZERO)
                            .withRest(Duration.ofMillis(50))))) {
      fill(cluster, 10);
      long last = runs(cluster.group.leader(), KEPT).get(9).logIndex();
      cluster.group.awaitApplied(cluster.group.leader().state().applied().index());
      for (var replica : cluster.group.replicas()) {
        cluster.snapshotTwice(replica);
      }
      cluster.group.awaitApplied(cluster.group.leader().state().applied().index());
      for (var member : cluster.group.plan().members()) {
        cluster.group.set(
            member.node(), options -> hurried(options).withStorage(MORE_THAN_ANY_DISK_HAS));
        cluster.group.close(member.node());
      }

      for (var member : cluster.group.plan().members()) {
        cluster.group.open(member.node());
      }

      for (var replica : cluster.group.replicas()) {
        await()
            .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
            .until(() -> replica.status().logFirstIndex() > last - 60);
      }
      ByteBuffer record = ReplicaCluster.record("more");
      var refused =
          ReplicaCluster.propose(
                  cluster.group.leader(),
                  ReplicaCluster.sendCommand("another", 1, record.remaining()),
                  record)
              .join();
      assertEquals(
          ProposalOutcome.Reason.DISK_FULL,
          assertInstanceOf(ProposalOutcome.NotProposed.class, refused).reason());
      for (var replica : cluster.group.replicas()) {
        assertBodies(replica, 10);
      }
    }
  }

  @Test
  void theNextLeaderGoesOnWithWhatTheLastOneLeft() throws Exception {
    // So slow that each leader copies a part only.
    try (var cluster =
        begin(
            options ->
                hurried(options)
                    .withRetention(
                        RetentionPolicy.DEFAULT
                            .with(8, 0, 0, Duration.ZERO)
                            .withRest(Duration.ofMillis(50))))) {
      fill(cluster, 10);
      cluster.group.awaitApplied(cluster.group.leader().state().applied().index());
      for (var replica : cluster.group.replicas()) {
        cluster.snapshotTwice(replica);
      }
      var copied = new HashSet<String>();
      for (int i = 0; i < 3; i++) {
        String leader = cluster.group.leaderNode();
        var replica = cluster.group.replica(leader);
        await()
            .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
            .until(
                () ->
                    replica.gauges().retention().relocatedRows().getAsLong() > 0
                        || !replica.leadership().isLeader());
        if (replica.gauges().retention().relocatedRows().getAsLong() > 0) {
          copied.add(leader);
        }
        String next = cluster.followers().get(0);
        if (replica.leadership().isLeader()) {
          replica.transferLeadership(Optional.of(next)).handle((done, failed) -> done).join();
        }
      }

      assertTrue(!copied.isEmpty());
      cluster.group.commonState();
      for (var replica : cluster.group.replicas()) {
        assertBodies(replica, 10);
      }
    }
  }

  @Test
  void nothingIsProposedThatTheGroupDoesNotUnderstand() throws Exception {
    var asked = new AtomicInteger();
    try (var cluster =
        beginBefore(
            options ->
                SnapshotCluster.smallSegments(options)
                    .withRetention(
                        RetentionPolicy.DEFAULT
                            .withRest(Duration.ofMillis(50))
                            .withAllowed(
                                state -> {
                                  asked.incrementAndGet();
                                  return RetentionPolicy.DEFAULT.allowed().test(state);
                                })))) {
      fill(cluster, 5);
      var leader = cluster.group.leader();
      assertTrue(!leader.state().features().allows(Feature.RETENTION_BY_SIZE));
      for (var replica : cluster.group.replicas()) {
        cluster.group.awaitApplied(cluster.group.leader().state().applied().index());
        cluster.snapshotTwice(replica);
      }
      int askedBefore = asked.get();
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> asked.get() > askedBefore + 5);
      for (var replica : cluster.group.replicas()) {
        assertEquals(0, replica.gauges().retention().relocatedRows().getAsLong());
        assertBodies(replica, 5);
      }

      raise(cluster);

      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.group.leader().gauges().retention().relocatedRows().getAsLong() > 0);
    }
  }

  /** Whose disk is always fuller than it should be. */
  private static RaftReplicaOptions onFullDisk(RaftReplicaOptions options, Duration keep) {
    return SnapshotCluster.smallSegments(options)
        .withRetention(
            RetentionPolicy.DEFAULT
                .with(0, Long.MAX_VALUE, 0, keep)
                .withRest(Duration.ofMillis(500)));
  }

  @Test
  void theOldestMessagesGoForWantOfDiskAndNobodyHasToAskForSnapshots() throws Exception {
    try (var cluster = begin(options -> onFullDisk(options, Duration.ZERO))) {
      cluster.send(400);

      for (var replica : cluster.group.replicas()) {
        long id = replica.state().topic(TOPIC).orElseThrow().id();
        await()
            .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
            .until(
                () ->
                    replica.state().bounds(id, 0).firstOffset() > 300
                        && replica.status().logFirstIndex() > 300);
      }
      var leader = cluster.group.leader();
      List<StoredRun> left = runs(leader, TOPIC);
      assertEquals(399, left.get(left.size() - 1).firstOffset(), "what is not sealed stays");
      assertTrue(body(leader, left.get(left.size() - 1)).isPresent());
      cluster.group.awaitApplied(leader.state().applied().index());
      cluster.group.commonState();
    }
  }

  @Test
  void nothingThatIsYoungGoesForWantOfDisk() throws Exception {
    var asked = new AtomicInteger();
    try (var cluster =
        begin(
            options -> {
              var full = onFullDisk(options, Duration.ofHours(1));
              return full.withRetention(
                  full.retention()
                      .withAllowed(
                          state -> {
                            asked.incrementAndGet();
                            return RetentionPolicy.DEFAULT.allowed().test(state);
                          }));
            })) {
      cluster.send(200);
      int before = asked.get();
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> asked.get() > before + 5);

      for (var replica : cluster.group.replicas()) {
        long id = replica.state().topic(TOPIC).orElseThrow().id();
        assertEquals(0, replica.state().bounds(id, 0).firstOffset());
      }
    }
  }

  @Test
  void queuesKeepTheirSize() throws Exception {
    try (var cluster = begin(GroupRetentionTest::hurried)) {
      cluster.send(50);
      int bytes = runs(cluster.group.leader(), TOPIC).get(0).bytes() + 1;

      cluster.group.apply(
          new Command.AlterTopic(
              TOPIC, OptionalInt.empty(), OptionalLong.empty(), OptionalLong.of(10L * bytes)));

      for (var replica : cluster.group.replicas()) {
        long id = replica.state().topic(TOPIC).orElseThrow().id();
        await()
            .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
            .until(() -> replica.state().bounds(id, 0).equals(new QueueBounds(40, 50)));
      }
      cluster.group.commonState();
    }
  }
}
