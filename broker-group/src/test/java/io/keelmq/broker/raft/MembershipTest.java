package io.keelmq.broker.raft;

import static io.keelmq.broker.raft.ReplicaCluster.TOPIC;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Membership;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Peer;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.raft.ReplicaIdentity.Stage;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.Members.Seat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Replicas that lose their folders, that are added and that are removed. */
class MembershipTest {

  private static final ReplicaVersion VERSION =
      new ReplicaVersion("test", LevelRange.OF_THIS_VERSION);

  private static final int MESSAGES = 30;

  @TempDir Path folder;

  @Test
  void bringsAWipedFollowerBackAsAVoterWhoseWordCounts() throws Exception {
    try (var cluster = withMessages()) {
      String leader = cluster.leaderNode();
      List<String> followers = others(cluster, leader);
      String wiped = followers.get(0);
      int former = incarnation(cluster, wiped);

      cluster.wipe(wiped);
      Seat seat = cluster.joinUntilVoter(wiped);

      assertNotEquals(former, seat.voting());
      assertEquals("client-of-" + wiped + ":1", seat.clientAddress());
      List<String> peers = cluster.leader().status().peers().stream().map(Peer::peerId).toList();
      assertEquals(2, peers.size(), peers.toString());
      assertTrue(peers.stream().anyMatch(peer -> peer.endsWith(":" + seat.voting())));
      awaitRole(cluster.replica(wiped), Leadership.Role.FOLLOWER);
      // Now two of three are the leader and the one that was wiped.
      cluster.close(followers.get(1));
      cluster.send("acknowledged by the new incarnation");
      cluster.commonState();
      assertEquals(MESSAGES + 1, stored(cluster.replica(wiped)));
    }
  }

  @Test
  void bringsAWipedLeaderBack() throws Exception {
    try (var cluster = withMessages()) {
      String wiped = cluster.leaderNode();

      cluster.wipe(wiped);
      cluster.joinUntilVoter(wiped);

      // It can lead again, with all that it had forgotten.
      awaitRole(cluster.replica(wiped), Leadership.Role.FOLLOWER);
      if (!cluster.leaderNode().equals(wiped)) {
        cluster
            .leader()
            .transferLeadership(Optional.of(wiped))
            .get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);
      }
      assertEquals(wiped, cluster.leaderNode());
      // To itself there is nothing to hand over.
      var again = cluster.leader().transferLeadership(Optional.of(wiped));
      assertEquals(
          Optional.of(wiped), again.get(ReplicaCluster.DEADLINE_SECONDS, SECONDS).leaderNode());
      cluster.send("after");
      cluster.commonState();
      assertEquals(MESSAGES + 1, stored(cluster.replica(wiped)));
    }
  }

  @Test
  void givesAThirdIncarnationToAReplicaThatIsWipedAgainWhileItJoins() throws Exception {
    try (var cluster = withMessages()) {
      String wiped = others(cluster, cluster.leaderNode()).get(0);
      int first = incarnation(cluster, wiped);
      cluster.wipe(wiped);
      cluster.joinUntil(() -> cluster.replica(wiped).status().started());
      int second = cluster.seat(wiped).orElseThrow().joining();

      cluster.wipe(wiped);
      Seat seat = cluster.joinUntilVoter(wiped);

      assertTrue(second > first, second + " after " + first);
      assertTrue(seat.voting() > second, seat.voting() + " after " + second);
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.leader().status().peers().size() == 2);
      cluster.commonState();
    }
  }

  @Test
  void isOneJoinHoweverOftenItIsAskedFor() throws Exception {
    try (var cluster = withMessages()) {
      String wiped = others(cluster, cluster.leaderNode()).get(0);
      var replica = cluster.wipe(wiped);
      var arrival = cluster.withClientAddress(wiped, replica.membership().arrival().orElseThrow());
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> assertOutcome(cluster.leader().membership(), arrival).isPresent());

      int given = cluster.leader().membership().place(arrival).incarnation();
      assertOutcome(cluster.leader().membership(), arrival);

      assertEquals(given, cluster.leader().membership().place(arrival).incarnation());
      assertEquals(given, cluster.joinUntilVoter(wiped).voting());
    }
  }

  /** The outcome; empty while the former incarnation seems to answer. */
  private static Optional<ProposalOutcome> assertOutcome(
      Membership leader, Membership.Arrival arrival) throws Exception {
    try {
      ProposalOutcome outcome =
          leader.arrive(arrival).get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);
      return Optional.of(assertInstanceOf(ProposalOutcome.Applied.class, outcome));
    } catch (ExecutionException e) {
      assertTrue(e.getCause().getMessage().contains("still answers"), e.getCause().getMessage());
      return Optional.empty();
    }
  }

  @Test
  void goesOnWithAJoinUnderTheNextLeader() throws Exception {
    try (var cluster = withMessages()) {
      String first = cluster.leaderNode();
      String wiped = others(cluster, first).get(0);
      cluster.wipe(wiped);
      cluster.joinAsLearner(wiped);
      int given = cluster.seat(wiped).orElseThrow().joining();

      // The others are two of three voters: both are needed to elect.
      cluster.close(first);
      cluster.open(first);
      Seat seat = cluster.joinUntilVoter(wiped);

      assertEquals(given, seat.voting());
      cluster.send("after");
      cluster.commonState();
    }
  }

  @Test
  void doesNotCountALearnerThatCatchesUp() throws Exception {
    try (var cluster = withMessages()) {
      String leader = cluster.leaderNode();
      String wiped = others(cluster, leader).get(0);
      String third = others(cluster, leader).get(1);
      cluster.wipe(wiped);
      cluster.joinAsLearner(wiped);

      // With the third gone, the leader and a learner are no majority of three.
      cluster.close(third);
      var record = ReplicaCluster.record("never acknowledged");
      var outcome =
          ReplicaCluster.propose(
                  cluster.replica(leader),
                  ReplicaCluster.sendCommand("p2", 1, record.remaining()),
                  record)
              .get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);

      assertFalse(outcome instanceof ProposalOutcome.Applied, outcome.toString());
      cluster.open(third);
      cluster.joinUntilVoter(wiped);
      cluster.send("after");
      cluster.commonState();
    }
  }

  @Test
  void neitherVotesNorLeadsWithAnEmptyFolderWhereAMajorityIsGone() throws Exception {
    try (var cluster = withMessages()) {
      String leader = cluster.leaderNode();
      String wiped = others(cluster, leader).get(0);
      String left = others(cluster, leader).get(1);
      cluster.close(leader);
      cluster.wipe(wiped);
      awaitRole(cluster.replica(left), Leadership.Role.CANDIDATE);

      // Longer than a few elections: the one that is left asks for votes all the time.
      long term = cluster.replica(left).leadership().term();
      await()
          .during(4 * ReplicaCluster.ELECTION_TIMEOUT.toMillis(), MILLISECONDS)
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(
              () -> {
                cluster.join();
                return cluster.replicas().stream().noneMatch(one -> one.leadership().isLeader());
              });

      assertFalse(cluster.replica(wiped).status().started());
      assertFalse(Files.exists(cluster.dataFolder(wiped).resolve(IdentityFile.NAME)));
      assertEquals(term, cluster.replica(left).leadership().term());
      cluster.open(leader);
      cluster.joinUntilVoter(wiped);
      assertEquals(MESSAGES, stored(cluster.leader()));
    }
  }

  @Test
  void setsAsideWhatAReplicaWithoutItsVotesHasLeft() throws Exception {
    try (var cluster = withMessages()) {
      String amnesiac = others(cluster, cluster.leaderNode()).get(0);
      awaitStage(cluster, amnesiac, Stage.JOINED);
      int former = incarnation(cluster, amnesiac);
      cluster.close(amnesiac);
      Files.delete(cluster.dataFolder(amnesiac).resolve("raft-meta").resolve(VoteFile.NAME));

      var replica = cluster.open(amnesiac);

      assertFalse(replica.status().started());
      Path remains = cluster.dataFolder(amnesiac).resolve("set-aside-1");
      try (Stream<Path> segments = Files.list(remains.resolve("log"))) {
        assertTrue(segments.anyMatch(file -> file.toString().endsWith(".seg")));
      }
      var identity = new IdentityFile(remains).read().orElseThrow();
      assertEquals(former, identity.self().incarnation());
      assertNotEquals(former, cluster.joinUntilVoter(amnesiac).voting());
      cluster.commonState();
      awaitStage(cluster, amnesiac, Stage.REJOINED);
    }
  }

  @Test
  void setsAsideAFolderWhoseLogEndsTooEarly() throws Exception {
    try (var cluster = withMessages()) {
      String amnesiac = others(cluster, cluster.leaderNode()).get(0);
      awaitStage(cluster, amnesiac, Stage.JOINED);
      cluster.close(amnesiac);
      Path log = cluster.dataFolder(amnesiac).resolve("log");
      Path copy = Files.createDirectories(folder.resolve("earlier"));
      copyFiles(log, copy);
      cluster.open(amnesiac);
      for (int i = 0; i < MESSAGES; i++) {
        cluster.send("later " + i);
      }
      cluster.commonState();
      cluster.close(amnesiac);
      // An older log beside rows that were made of a longer one, as after a botched restore.
      copyFiles(copy, log);

      var replica = cluster.open(amnesiac);

      assertFalse(replica.status().started());
      cluster.joinUntilVoter(amnesiac);
      cluster.commonState();
      assertEquals(2 * MESSAGES, stored(cluster.replica(amnesiac)));
    }
  }

  @Test
  void takesAReplacedIncarnationOutAndBringsTheNodeBackAsANewOne() throws Exception {
    try (var cluster = withMessages()) {
      String node = others(cluster, cluster.leaderNode()).get(0);
      awaitStage(cluster, node, Stage.JOINED);
      cluster.close(node);
      Path backup = folder.resolve("backup");
      copyTree(cluster.dataFolder(node), backup);
      cluster.deleteFolder(node);
      cluster.open(node);
      int second = cluster.joinUntilVoter(node).voting();

      // The old folder comes back where another incarnation votes.
      cluster.close(node);
      cluster.deleteFolder(node);
      copyTree(backup, cluster.dataFolder(node));
      cluster.open(node);
      cluster.joinUntil(() -> cluster.fatal.containsKey(node));

      assertTrue(
          cluster.fatal.get(node).getMessage().contains("replaced in group"),
          cluster.fatal.get(node).getMessage());
      cluster.close(node);
      cluster.open(node);
      assertNotEquals(second, cluster.joinUntilVoter(node).voting());
      assertTrue(Files.isDirectory(cluster.dataFolder(node).resolve("set-aside-1")));
      cluster.commonState();
    }
  }

  @Test
  void refusesStrangersAndReplicasOfOtherClusters() throws Exception {
    try (var cluster = withMessages()) {
      Member stranger = cluster.newNode("n9");
      cluster.open("n9");
      cluster.joinUntil(() -> cluster.replica("n9").status().reason().contains("cluster add n9"));
      assertFalse(cluster.replica("n9").status().started());

      var member = cluster.plan().members().get(0);
      var elsewhere =
          new Membership.Arrival(
              "another", cluster.plan().brokerGroup(), member, 1, 0, false, VERSION);
      var moved =
          new Membership.Arrival(
              "",
              cluster.plan().brokerGroup(),
              new Member(member.node(), stranger.raftAddress(), 0, stranger.clientAddress()),
              1,
              0,
              false,
              VERSION);
      assertEquals(Refused.Reason.IDENTITY_MISMATCH, refusal(cluster, elsewhere).reason());
      assertEquals(Refused.Reason.IDENTITY_MISMATCH, refusal(cluster, moved).reason());
      assertTrue(refusal(cluster, moved).getMessage().contains("cannot move"));
      assertEquals(List.of(), cluster.leader().state().members());
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

  private static Refused refusal(ReplicaCluster cluster, Membership.Arrival arrival) {
    var failure =
        assertThrows(
            ExecutionException.class,
            () ->
                cluster
                    .leader()
                    .membership()
                    .arrive(arrival)
                    .get(ReplicaCluster.DEADLINE_SECONDS, SECONDS));
    return assertInstanceOf(Refused.class, failure.getCause());
  }

  private static List<String> others(ReplicaCluster cluster, String node) {
    return cluster.plan().members().stream()
        .map(Member::node)
        .filter(other -> !other.equals(node))
        .toList();
  }

  private static int incarnation(ReplicaCluster cluster, String node) {
    return cluster.plan().members().stream()
        .filter(member -> member.node().equals(node))
        .findFirst()
        .orElseThrow()
        .incarnation();
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

  private static void awaitStage(ReplicaCluster cluster, String node, Stage stage) {
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(
            () -> new IdentityFile(cluster.dataFolder(node)).read().orElseThrow().stage() == stage);
  }

  private static void copyFiles(Path from, Path to) throws Exception {
    try (Stream<Path> files = Files.list(to)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  private static void copyTree(Path from, Path to) throws Exception {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }
}
