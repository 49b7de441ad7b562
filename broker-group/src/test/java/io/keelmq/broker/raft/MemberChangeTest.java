package io.keelmq.broker.raft;

import static io.keelmq.broker.raft.ReplicaCluster.TOPIC;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Membership;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Peer;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.Reply;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Replicas that operators add, promote and remove. */
class MemberChangeTest {

  private static final int MESSAGES = 30;

  @TempDir Path folder;

  private long changes;

  @Test
  void addsAReplicaAndRemovesTheLeader() throws Exception {
    try (var cluster = withMessages()) {
      Member fourth = cluster.newNode("n4");
      cluster.open("n4");
      done(
          change(
              cluster,
              new Command.AnnounceReplica(
                  "n4", fourth.raftAddress(), fourth.clientAddress(), false),
              false));
      cluster.joinUntil(() -> cluster.seat("n4").filter(seat -> seat.voting() != 0).isPresent());
      String leaving = cluster.leaderNode();

      done(change(cluster, new Command.RetireReplica(leaving), false));
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(
              () ->
                  cluster.replicas().stream()
                      .filter(one -> one.leadership().isLeader())
                      .anyMatch(one -> one.state().member(leaving).isEmpty()));

      assertNotEquals(leaving, cluster.leaderNode());
      cluster.close(leaving);
      cluster.send("by those who are left");
      cluster.commonState();
      assertEquals(MESSAGES + 1, stored(cluster.replica("n4")));
    }
  }

  @Test
  void keepsALearnerUntilItIsPromoted() throws Exception {
    try (var cluster = withMessages()) {
      Member fourth = cluster.newNode("n4");
      cluster.open("n4");
      done(
          change(
              cluster,
              new Command.AnnounceReplica("n4", fourth.raftAddress(), fourth.clientAddress(), true),
              false));
      cluster.joinUntil(() -> cluster.phase("n4") == Membership.Phase.CATCHING_UP);
      long index = cluster.send("read at the learner").index();
      cluster.joinUntil(() -> cluster.replica("n4").state().applied().index() >= index);

      // It serves reads and is told who leads, and has no vote.
      assertInstanceOf(
          io.keelmq.broker.ReadPoint.Reached.class,
          ReplicaCluster.readPoint(cluster.replica("n4"), 30_000));
      assertEquals(Leadership.Role.LEARNER, cluster.replica("n4").leadership().role());
      assertEquals(
          Optional.of(cluster.leaderNode()), cluster.replica("n4").leadership().leaderNode());
      assertEquals(0, cluster.seat("n4").orElseThrow().voting());
      // Its process starts as a learner, for which JRaft starts no election timer.
      cluster.close("n4");
      cluster.open("n4");
      cluster.joinUntil(() -> cluster.replica("n4").state().applied().index() >= index);
      long term = cluster.leader().leadership().term();
      done(change(cluster, new Command.PromoteReplica("n4"), false));
      cluster.joinUntilVoter("n4");
      awaitRole(cluster.replica("n4"), Leadership.Role.FOLLOWER, Leadership.Role.LEADER);
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.leader().leadership().term() > term);
    }
  }

  @Test
  void changesMembersOneAtATimeAndKeepsAMajority() throws Exception {
    try (var cluster = withMessages()) {
      Member fourth = cluster.newNode("n4");
      String leader = cluster.leaderNode();
      List<String> followers = others(cluster, leader);
      var announce =
          new Command.AnnounceReplica("n4", fourth.raftAddress(), fourth.clientAddress(), false);
      done(change(cluster, announce, false));

      assertTrue(
          rejected(change(cluster, new Command.RetireReplica(followers.get(0)), false))
              .contains("n4 was added and has not come yet"));
      done(change(cluster, new Command.RetireReplica("n4"), false));
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.seat("n4").isEmpty());

      cluster.close(followers.get(0));
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.leader().status().peers().stream().filter(Peer::alive).count() == 1);
      var refused =
          assertThrows(
              ExecutionException.class,
              () -> change(cluster, new Command.RetireReplica(followers.get(1)), false));
      assertTrue(refused.getCause().getMessage().contains("no majority"), refused::getMessage);
      // The dead one can be taken out: two of two are left.
      done(change(cluster, new Command.RetireReplica(followers.get(0)), false));
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.seat(followers.get(0)).isEmpty());
      cluster.send("with two");
    }
  }

  private ReplicaCluster withMessages() throws Exception {
    var cluster = new ReplicaCluster(folder, 3).begin();
    cluster.createTopic();
    for (int i = 0; i < MESSAGES; i++) {
      cluster.send("m" + i);
    }
    return cluster;
  }

  private ProposalOutcome change(ReplicaCluster cluster, Command.Membership change, boolean force)
      throws Exception {
    var origin = new CommandOrigin(77, ++changes);
    return cluster
        .leader()
        .membership()
        .change(origin, change, force)
        .get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);
  }

  private static void done(ProposalOutcome outcome) {
    var applied = assertInstanceOf(ProposalOutcome.Applied.class, outcome);
    assertEquals(new Reply.Done(), applied.reply());
  }

  private static String rejected(ProposalOutcome outcome) {
    var applied = assertInstanceOf(ProposalOutcome.Applied.class, outcome);
    return assertInstanceOf(Reply.Rejected.class, applied.reply()).message();
  }

  private static List<String> others(ReplicaCluster cluster, String node) {
    return cluster.plan().members().stream()
        .map(Member::node)
        .filter(other -> !other.equals(node))
        .toList();
  }

  private static long stored(RaftReplica replica) {
    var topic = replica.state().topic(TOPIC).orElseThrow();
    return replica.state().bounds(topic.id(), 0).endOffset();
  }

  private static void awaitRole(RaftReplica replica, Leadership.Role... roles) {
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(() -> List.of(roles).contains(replica.leadership().role()));
  }
}
