package io.keelmq.broker.raft;

import static io.keelmq.broker.raft.ReplicaCluster.TOPIC;
import static io.keelmq.broker.raft.ReplicaCluster.readPoint;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.TopicType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RaftReplicaTest {

  @TempDir Path folder;

  @Test
  void appliesWhatASingleReplicaProposes() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 1).begin()) {
      var created = cluster.createTopic();

      var stored = cluster.send("hello");

      assertInstanceOf(Reply.TopicSettings.class, created.reply());
      assertEquals(new Reply.Stored(List.of(0), List.of(0L), false), stored.reply());
      assertEquals("hello", bodyAt(cluster.leader(), 0));
      assertInstanceOf(ReadPoint.Reached.class, readPoint(cluster.leader(), 5_000));
    }
  }

  @Test
  void bringsThreeReplicasToTheSameState() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 3).begin()) {
      cluster.createTopic();
      long last = 0;
      for (int i = 0; i < 20; i++) {
        last = cluster.send("m" + i).index();
      }

      cluster.awaitApplied(last);

      assertEquals(last, cluster.commonState().index());
      for (RaftReplica replica : cluster.replicas()) {
        assertEquals("m7", bodyAt(replica, 7));
      }
    }
  }

  @Test
  void goesOnWithoutItsLeaderAndTakesItBack() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 3).begin()) {
      cluster.createTopic();
      cluster.send("before");
      String first = cluster.leaderNode();

      cluster.close(first);
      cluster.send("between");
      cluster.open(first);
      long last = cluster.send("after").index();

      cluster.awaitApplied(last);
      cluster.commonState();
      for (RaftReplica replica : cluster.replicas()) {
        assertEquals("before", bodyAt(replica, 0));
        assertEquals("between", bodyAt(replica, 1));
        assertEquals("after", bodyAt(replica, 2));
      }
    }
  }

  @Test
  void handsLeadershipOver() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 3).begin()) {
      cluster.createTopic();
      String first = cluster.leaderNode();
      String target =
          cluster.plan().members().stream()
              .map(member -> member.node())
              .filter(node -> !node.equals(first))
              .findFirst()
              .orElseThrow();

      Leadership now =
          cluster
              .leader()
              .transferLeadership(Optional.of(target))
              .get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);

      assertEquals(Optional.of(target), now.leaderNode());
      assertEquals(target, cluster.leaderNode());
      var refused = cluster.replica(first).transferLeadership(Optional.empty());
      var failure =
          assertThrows(
              ExecutionException.class,
              () -> refused.get(ReplicaCluster.DEADLINE_SECONDS, SECONDS));
      assertInstanceOf(Refused.class, failure.getCause());
    }
  }

  @Test
  void letsAFollowerSeeWhatWasAcknowledged() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 3).begin()) {
      cluster.createTopic();
      String leader = cluster.leaderNode();
      var follower =
          cluster.replica(
              cluster.plan().members().stream()
                  .map(member -> member.node())
                  .filter(node -> !node.equals(leader))
                  .findFirst()
                  .orElseThrow());
      for (int i = 0; i < 50; i++) {
        long index = cluster.send("m" + i).index();

        var point = readPoint(follower, 10_000);

        var reached = assertInstanceOf(ReadPoint.Reached.class, point);
        assertTrue(reached.index() >= index);
        assertTrue(follower.state().applied().index() >= index);
      }
    }
  }

  @Test
  void keepsItsRowsOverARestart() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 1).begin()) {
      cluster.createTopic();
      for (int i = 0; i < 10; i++) {
        cluster.send("m" + i);
      }
      cluster.close("n1");

      cluster.open("n1");
      cluster.send("after");

      // The topic and ten messages are passed over; the leader's first tick and this one are not.
      var stats = cluster.leader().raftStats();
      assertTrue(stats.entriesSkipped().getAsLong() >= 11);
      assertTrue(stats.entriesApplied().getAsLong() <= 3);
      assertEquals("after", bodyAt(cluster.leader(), 10));
    }
  }

  @Test
  void gathersCommandsBehindEntriesInFlight() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 1).begin()) {
      cluster.createTopic();
      var leader = cluster.leader();
      int commands = 5_000;
      var last = new CompletableFuture<ProposalOutcome>();
      for (int i = 1; i <= commands; i++) {
        ByteBuffer record = ReplicaCluster.record("m" + i);
        last =
            ReplicaCluster.propose(
                leader, ReplicaCluster.sendCommand("p1", i, record.remaining()), record);
      }

      var outcome = (ProposalOutcome.Applied) last.get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);

      assertEquals(new Reply.Stored(List.of(0), List.of(commands - 1L), false), outcome.reply());
      var stats = leader.raftStats();
      assertTrue(
          stats.entriesProposed().getAsLong() < stats.commandsProposed().getAsLong(),
          () ->
              stats.entriesProposed().getAsLong()
                  + " entries of "
                  + stats.commandsProposed().getAsLong()
                  + " commands");
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> stats.bytesInFlight().getAsLong() == 0);
    }
  }

  @Test
  void takesNoProposalsWhereItDoesNotLead() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 3)) {
      var uninitialized = cluster.open("n1");

      var outcome =
          ReplicaCluster.propose(
              uninitialized, new Command.CreateTopic(TOPIC, TopicType.NORMAL, 1, 0));

      assertEquals(ProposalOutcome.Reason.NOT_LEADER, reason(outcome));
      assertInstanceOf(ReadPoint.NotReached.class, readPoint(uninitialized, 100));
      assertFalse(uninitialized.status().started());
    }
  }

  private static ProposalOutcome.Reason reason(CompletableFuture<ProposalOutcome> outcome)
      throws Exception {
    return assertInstanceOf(
            ProposalOutcome.NotProposed.class,
            outcome.get(ReplicaCluster.DEADLINE_SECONDS, SECONDS))
        .reason();
  }

  private static String bodyAt(RaftReplica replica, long offset) {
    var topic = replica.state().topic(TOPIC).orElseThrow();
    var run = replica.state().runs(topic.id(), 0, offset, 1).get(0);
    var entry = new CompletableFuture<ByteBuffer>();
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(
            () -> {
              replica.log().entry(run.logIndex()).ifPresent(entry::complete);
              return entry.isDone();
            });
    byte[] record = new byte[run.bytes()];
    entry.join().slice(run.position(), run.bytes()).get(record);
    return new String(record, 1, record.length - 1, StandardCharsets.UTF_8);
  }
}
