package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.NodeManager;
import com.alipay.sofa.jraft.entity.Task;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.ReplicaControl.DiskTrouble;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.TopicType;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What happens when a member of a group breaks. */
class ReplicaFailureTest {

  @TempDir Path folder;

  @Test
  void leavesWhenItsDiskFailsAndTheOthersGoOn() throws Exception {
    var disk = new FailingDisk();
    try (var cluster = new ReplicaCluster(folder, 3)) {
      cluster.set("n1", options -> options.withDisk(disk));
      cluster.begin();
      cluster.createTopic();
      cluster.leader();
      cluster.send("before");
      leadWith(cluster, "n1");

      disk.failForces();
      List<CompletableFuture<ProposalOutcome>> pending = new ArrayList<>();
      for (int i = 1; i <= 20; i++) {
        ByteBuffer record = ReplicaCluster.record("lost" + i);
        pending.add(
            ReplicaCluster.propose(
                cluster.replica("n1"),
                ReplicaCluster.sendCommand("p2", i, record.remaining()),
                record));
      }

      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.fatal.containsKey("n1"));
      assertFalse(cluster.replica("n1").status().ready());
      cluster.close("n1");
      var after = cluster.send("after");
      assertInstanceOf(Reply.Stored.class, after.reply());
      cluster.commonState();
      assertEquals(1, cluster.fatal.size());
      assertToldTheTruth(pending, cluster);
    }
  }

  @Test
  void handsOverWhenAForceStallsAndDoesNotVoteForItself() throws Exception {
    var disk = new FailingDisk();
    try (var cluster = new ReplicaCluster(folder, 3)) {
      cluster.set(
          "n1",
          options ->
              options
                  .withDisk(disk)
                  .withStorage(new StorageLimits(Duration.ofMillis(300), 1, 0, Duration.ZERO)));
      cluster.begin();
      cluster.createTopic();
      cluster.send("before");
      leadWith(cluster, "n1");
      var stalled = cluster.replica("n1");

      disk.stallForces();
      try {
        cluster.send("during");
        await()
            .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
            .until(() -> cluster.replicas().stream().anyMatch(one -> leads(one) && one != stalled));
        assertEquals(0, stalled.raftStats().mayStand().getAsLong());
        cluster.leader().transferLeadership(Optional.of("n1"));
        assertInstanceOf(Reply.Stored.class, cluster.send("after").reply());
      } finally {
        disk.endStall();
      }

      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> stalled.raftStats().mayStand().getAsLong() == 1);
      leadWith(cluster, "n1");
      cluster.commonState();
      assertTrue(cluster.fatal.isEmpty());
      assertEquals(1, stalled.raftStats().stalls().getAsLong());
    }
  }

  // JRaft would take n2, which comes first of two that have the whole log.
  @Test
  void passesOverWhoDoesNotStandWhenAForceStalls() throws Exception {
    var disk = new FailingDisk();
    try (var cluster = new ReplicaCluster(folder, 3)) {
      var limits = new StorageLimits(Duration.ofMillis(300), 1, 0, Duration.ZERO);
      cluster.set("n1", options -> options.withDisk(disk).withStorage(limits));
      cluster.set("n2", options -> options.withStorage(limits.withStandAfter(Duration.ofHours(1))));
      cluster.begin();
      cluster.createTopic();
      cluster.send("before");
      leadWith(cluster, "n1");
      assertEquals(Set.of(DiskTrouble.ON_PROBATION), cluster.replica("n2").diskTroubles());
      cluster.replica("n1").heard("n2", DiskTrouble.ON_PROBATION);

      disk.stallForces();
      try {
        cluster.send("during");
        await()
            .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
            .until(() -> leads(cluster.replica("n3")));
        assertInstanceOf(Reply.Stored.class, cluster.send("after").reply());
      } finally {
        disk.endStall();
      }
      cluster.commonState();
      assertTrue(cluster.fatal.isEmpty());
    }
  }

  @Test
  void handsOverToOneOnProbationWhenTheOthersAllAre() throws Exception {
    var disk = new FailingDisk();
    try (var cluster = new ReplicaCluster(folder, 3)) {
      var limits = new StorageLimits(Duration.ofMillis(300), 1, 0, Duration.ZERO);
      var probation = limits.withStandAfter(Duration.ofHours(1));
      cluster.set("n1", options -> options.withDisk(disk).withStorage(limits));
      cluster.set("n2", options -> options.withStorage(probation));
      cluster.set("n3", options -> options.withStorage(probation));
      cluster.begin();
      cluster.createTopic();
      leadWith(cluster, "n1");
      cluster.replica("n1").heard("n2", DiskTrouble.ON_PROBATION);
      cluster.replica("n1").heard("n3", DiskTrouble.ON_PROBATION);

      disk.stallForces();
      try {
        cluster.send("during");
        await()
            .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
            .until(() -> leads(cluster.replica("n2")) || leads(cluster.replica("n3")));
        assertInstanceOf(Reply.Stored.class, cluster.send("after").reply());
      } finally {
        disk.endStall();
      }
      cluster.commonState();
      assertTrue(cluster.fatal.isEmpty());
    }
  }

  private static boolean leads(RaftReplica replica) {
    return replica.leadership().isLeader();
  }

  /** What was told as applied is in the log, what was told as not proposed is not. */
  private static void assertToldTheTruth(
      List<CompletableFuture<ProposalOutcome>> outcomes, ReplicaCluster cluster) throws Exception {
    long last =
        cluster.leader().state().producer("p2").map(StateView.Producer::lastSequence).orElse(0L);
    for (int i = 0; i < outcomes.size(); i++) {
      long sequence = i + 1L;
      var outcome = outcomes.get(i).get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);
      if (outcome instanceof ProposalOutcome.Applied) {
        assertTrue(sequence <= last, sequence + " was told as applied, the last is " + last);
      } else if (outcome instanceof ProposalOutcome.NotProposed) {
        assertTrue(sequence > last, sequence + " was told as not proposed, the last is " + last);
      }
    }
  }

  @Test
  void stopsAtACommandItDoesNotKnow() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 1).begin()) {
      cluster.createTopic();
      // An entry as a newer version might write it, put in behind the proposer's back.
      var future = ByteBuffer.wrap(new byte[] {9, 0, 0, 0, 0});
      cluster.leader();
      NodeManager.getInstance()
          .get(
              cluster.plan().brokerGroup(), ReplicaIdentity.peerId(cluster.plan().members().get(0)))
          .apply(new Task(future, status -> {}));

      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.fatal.containsKey("n1"));

      assertInstanceOf(UnreadableEntryException.class, cluster.fatal.get("n1"));
      var replica = cluster.replica("n1");
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> !replica.leadership().isLeader());
      long applied = replica.state().applied().index();
      var outcome =
          ReplicaCluster.propose(replica, new Command.CreateTopic("more", TopicType.NORMAL, 1, 0))
              .get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);
      assertFalse(outcome instanceof ProposalOutcome.Applied);
      assertEquals(applied, replica.state().applied().index());
    }
  }

  @Test
  void tellsAReaderThatNoLeaderAnswers() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 3).begin()) {
      cluster.createTopic();
      String leader = cluster.leaderNode();
      List<String> others =
          cluster.plan().members().stream()
              .map(member -> member.node())
              .filter(node -> !node.equals(leader))
              .toList();
      cluster.close(leader);
      cluster.close(others.get(0));

      var point = ReplicaCluster.readPoint(cluster.replica(others.get(1)), 500);

      assertInstanceOf(ReadPoint.NotReached.class, point);
    }
  }

  @Test
  void waitsOutAnElectionForAReader() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 3).begin()) {
      cluster.createTopic();
      long acknowledged = cluster.send("m").index();
      String leader = cluster.leaderNode();

      cluster.close(leader);
      var follower = cluster.replicas().get(0);
      var point = ReplicaCluster.readPoint(follower, 30_000);

      assertTrue(assertInstanceOf(ReadPoint.Reached.class, point).index() >= acknowledged);
    }
  }

  private static void leadWith(ReplicaCluster cluster, String node) throws Exception {
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(
            () -> {
              if (!cluster.leaderNode().equals(node)) {
                cluster.leader().transferLeadership(Optional.of(node));
              }
              return cluster.replica(node).leadership().isLeader();
            });
  }
}
