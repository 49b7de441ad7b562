package io.keelmq.broker.raft;

import static io.keelmq.broker.raft.ReplicaCluster.TOPIC;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.TopicType;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the log lets go of, and what it must not. */
class LogRetentionTest {

  private static final String KEPT = "kept";

  /** So that retention, which is called once a second, comes by. */
  private static final Duration PAUSE = Duration.ofSeconds(3);

  @TempDir Path folder;

  private static void sendTo(SnapshotCluster cluster, String topic, int number) {
    ByteBuffer record = ReplicaCluster.record("of " + topic);
    cluster.group.apply(
        new Command.SendMessages(
            new Command.ProducerSequence("another", 1, number),
            List.of(new Command.Run(topic, 0, 1, 0, record.remaining(), List.of()))),
        record);
  }

  private static StoredRun runOf(RaftReplica replica, String topic) {
    long id = replica.state().topic(topic).orElseThrow().id();
    return replica.state().runs(id, 0, 0, 1).get(0);
  }

  private static void awaitFirstIndex(RaftReplica replica, long atLeast) {
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(() -> replica.status().logFirstIndex() >= atLeast);
  }

  @Test
  void freesWhatNoMessageLiesInAndNothingElse() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      cluster.send(60);
      cluster.group.apply(new Command.CreateTopic(KEPT, TopicType.NORMAL, 1, 0));
      sendTo(cluster, KEPT, 1);
      cluster.send(60);
      var leader = cluster.group.leader();
      StoredRun kept = runOf(leader, KEPT);
      cluster.group.apply(new Command.AlterTopic(TOPIC, OptionalInt.empty(), OptionalLong.of(1)));
      cluster.group.awaitApplied(leader.state().applied().index());

      for (var replica : cluster.group.replicas()) {
        cluster.snapshotTwice(replica);
        awaitFirstIndex(replica, kept.logIndex() - 60);
        assertTrue(replica.status().logFirstIndex() <= kept.logIndex());
        assertTrue(replica.log().entry(kept.logIndex()).isPresent());
        // Counted behind the log's new beginning.
        await()
            .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
            .until(() -> replica.snapshotStats().freedSegments().getAsLong() > 0);
      }

      cluster.group.apply(new Command.DeleteTopic(KEPT));
      cluster.send(5);
      cluster.group.awaitApplied(leader.state().applied().index());
      for (var replica : cluster.group.replicas()) {
        cluster.snapshotTwice(replica);
        awaitFirstIndex(replica, kept.logIndex() + 1);
      }
    }
  }

  @Test
  void whatIsFreedIsNotMissedByARestartAndAReplicaThatWasAway() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      String away = cluster.followers().get(0);
      cluster.send(60);
      cluster.group.close(away);
      cluster.send(60);
      cluster.group.apply(new Command.CreateTopic(KEPT, TopicType.NORMAL, 1, 0));
      sendTo(cluster, KEPT, 1);
      cluster.group.apply(new Command.AlterTopic(TOPIC, OptionalInt.empty(), OptionalLong.of(1)));
      cluster.send(60);
      var leader = cluster.group.leader();
      long kept = runOf(leader, KEPT).logIndex();
      for (var replica : cluster.group.replicas()) {
        cluster.group.awaitApplied(leader.state().applied().index());
        cluster.snapshotTwice(replica);
        awaitFirstIndex(replica, kept - 60);
      }

      cluster.group.open(away);
      String restarted = cluster.group.leaderNode();
      cluster.group.close(restarted);
      cluster.group.open(restarted);
      sendTo(cluster, KEPT, 2);

      cluster.group.awaitApplied(cluster.group.leader().state().applied().index());
      cluster.group.commonState();
      for (var replica : cluster.group.replicas()) {
        assertEquals(kept, runOf(replica, KEPT).logIndex());
        assertTrue(replica.log().entry(kept).isPresent());
      }
    }
  }

  /**
   * A snapshot that is brought in replaces the log first and the rows later; by the rows of before,
   * which name nothing, all of the new log could go.
   */
  @Test
  void looksAtNoRowsThatASnapshotIsReplacing() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      String away = cluster.followers().get(0);
      cluster.awaitApplied(cluster.group.replica(away));
      cluster.group.close(away);
      cluster.send(120);
      for (var replica : cluster.group.replicas()) {
        cluster.awaitApplied(replica);
        cluster.snapshotTwice(replica);
      }

      var back =
          cluster.group.open(
              away,
              (store, checkpoint) -> {
                LockSupport.parkNanos(PAUSE.toNanos());
                store.restore(checkpoint);
              });
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> back.snapshotStats().installs().getAsLong() > 0);

      assertEquals(0, back.snapshotStats().freedSegments().getAsLong());
      cluster.assertAllEqual();
    }
  }
}
