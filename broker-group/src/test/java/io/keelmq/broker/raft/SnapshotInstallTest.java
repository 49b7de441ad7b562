package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.NodeManager;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.state.Effect;
import io.keelmq.common.HostPort;
import io.keelmq.raftlog.PoisonedLogException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Replicas that are brought up to the group by the leader's snapshot. */
class SnapshotInstallTest {

  @TempDir Path folder;

  private static void awaitInstalls(RaftReplica replica, long count) {
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(() -> replica.snapshotStats().installs().getAsLong() >= count);
  }

  /** A follower that is down while the others' logs come to begin behind its end. */
  private static String leaveBehind(SnapshotCluster cluster, int together) throws Exception {
    cluster.send(together);
    cluster.assertAllEqual();
    String away = cluster.followers().get(0);
    cluster.group.close(away);
    cluster.send(60);
    for (RaftReplica replica : cluster.group.replicas()) {
      cluster.awaitApplied(replica);
      cluster.snapshotTwice(replica);
    }
    return away;
  }

  @Test
  void bringsAFarFollowerBackWithoutCopyingWhatItHas() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      String away = leaveBehind(cluster, 100);

      var back = cluster.group.open(away);
      awaitInstalls(back, 1);

      cluster.assertAllEqual();
      var stats = back.snapshotStats();
      assertTrue(stats.segmentsSkipped().getAsLong() >= 4, () -> "skipped " + stats);
      assertTrue(stats.segmentsCopied().getAsLong() >= 2);
      assertTrue(stats.bytesCopied().getAsLong() > 0);
      assertEquals(1, back.status().logFirstIndex());
      long inherited = back.snapshotStatus().index();
      assertEquals(inherited, back.rowEvidence().inheritedUpTo());
      cluster.send(10);
      cluster.assertAllEqual();
      // And as a member it goes on from what it was brought.
      cluster.group.close(away);
      cluster.send(3);
      var again = cluster.group.open(away);
      cluster.send(1);
      cluster.assertAllEqual();
      assertEquals(0, again.snapshotStats().installs().getAsLong());
      assertEquals(inherited, again.rowEvidence().inheritedUpTo());
      again.rowEvidence().confirm(inherited - 1);
      assertEquals(inherited, again.rowEvidence().inheritedUpTo());
      again.rowEvidence().confirm(inherited);
      assertEquals(0, again.rowEvidence().inheritedUpTo());
    }
  }

  @Test
  void servesReadersWhileItIsReplaced() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      String away = leaveBehind(cluster, 40);
      var back = cluster.group.open(away);
      long before = back.state().applied().index();
      var failures = new ArrayList<RuntimeException>();
      var reading =
          CompletableFuture.runAsync(
              () -> {
                long last = before;
                while (back.snapshotStats().installs().getAsLong() == 0 || last == before) {
                  try {
                    var topic = back.state().topic(ReplicaCluster.TOPIC).orElseThrow();
                    back.state().runs(topic.id(), 0, 0, 100);
                    long now = back.state().applied().index();
                    if (now < last) {
                      throw new IllegalStateException("went back from " + last + " to " + now);
                    }
                    last = now;
                  } catch (RuntimeException e) {
                    failures.add(e);
                    return;
                  }
                }
              });

      reading.get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);

      assertEquals(List.of(), failures);
      cluster.assertAllEqual();
    }
  }

  @Test
  void knowsWhoLeadsWhileItsApplyThreadIsBusy() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      String away = leaveBehind(cluster, 60);
      String old = cluster.group.leaderNode();
      String other = followerBeside(cluster, away);
      var begun = new CountDownLatch(1);
      var goOn = new CountDownLatch(1);
      var back =
          cluster.group.open(
              away,
              (store, checkpoint) -> {
                begun.countDown();
                await()
                    .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
                    .until(() -> goOn.getCount() == 0);
                store.restore(checkpoint);
              });
      assertTrue(begun.await(ReplicaCluster.DEADLINE_SECONDS, SECONDS));
      assertEquals(Optional.of(old), back.leadership().leaderNode());

      awaitLead(cluster, old, other);

      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> back.leadership().leaderNode().equals(Optional.of(other)));
      assertEquals(0, back.snapshotStats().installs().getAsLong());
      goOn.countDown();
      awaitInstalls(back, 1);
      cluster.assertAllEqual();
    }
  }

  @Test
  void wakesListenersWhenItsRowsWereReplaced() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      String away = leaveBehind(cluster, 10);
      var back = cluster.group.open(away);
      var told = new CompletableFuture<Boolean>();
      back.onApplied(
          effects -> {
            if (effects.contains(new Effect.StateReplaced())) {
              told.complete(true);
            }
          });

      awaitInstalls(back, 1);

      assertTrue(told.get(ReplicaCluster.DEADLINE_SECONDS, SECONDS));
    }
  }

  /**
   * Goal: a learner that has nothing gets every message there ever was. Method: a fourth node with
   * a plan of its own that the others do not follow; the leader adds it past the membership calls.
   */
  @Test
  void givesABrandNewReplicaEverything() throws Exception {
    try (var cluster = new SnapshotCluster(folder.resolve("group"), 3).begin();
        var strangers = new ReplicaCluster(folder.resolve("strangers"), 2)) {
      cluster.send(80);
      for (RaftReplica replica : cluster.group.replicas()) {
        cluster.awaitApplied(replica);
        cluster.snapshotTwice(replica);
      }
      var plan = cluster.group.plan();
      var members = new ArrayList<>(plan.members());
      var self = renamed(strangers.plan().members().get(0), "n4", 1_000_000_004);
      members.add(self);
      members.add(renamed(strangers.plan().members().get(1), "n5", 1_000_000_005));
      var options =
          SnapshotCluster.smallSegments(
              RaftReplicaOptions.of(
                  "n4",
                  plan.brokerGroup(),
                  folder.resolve("n4"),
                  HostPort.parse(self.raftAddress()),
                  InstantSource.system(),
                  System::nanoTime,
                  cause -> cluster.group.fatal.putIfAbsent("n4", cause)));
      RaftReplica learner = RaftReplica.open(options);
      try {
        learner.prepare(new Plan(plan.clusterId(), plan.brokerGroup(), members));
        learner.start(plan.clusterId());
        addLearner(cluster, self);

        awaitInstalls(learner, 1);
        cluster.awaitApplied(learner);

        cluster.assertBodies(learner);
        assertEquals(1, learner.status().logFirstIndex());
        assertEquals(0, learner.snapshotStats().segmentsSkipped().getAsLong());
        cluster.send(10);
        cluster.awaitApplied(learner);
        assertEquals(cluster.group.commonState().digest(), learner.state().applied().digest());
        cluster.assertBodies(learner);
        assertTrue(cluster.group.fatal.isEmpty());
      } finally {
        learner.close();
      }
    }
  }

  private static Member renamed(Member member, String node, int incarnation) {
    return new Member(node, member.raftAddress(), incarnation, "127.0.0.1:2" + incarnation % 1_000);
  }

  private static void addLearner(SnapshotCluster cluster, Member learner) {
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(
            () -> {
              String leader = cluster.group.leaderNode();
              var plan = cluster.group.plan();
              var peer =
                  plan.members().stream()
                      .filter(one -> one.node().equals(leader))
                      .map(ReplicaIdentity::peerId)
                      .findFirst()
                      .orElseThrow();
              var added = new CompletableFuture<Boolean>();
              NodeManager.getInstance()
                  .get(plan.brokerGroup(), peer)
                  .addLearners(
                      List.of(ReplicaIdentity.peerId(learner)),
                      status -> added.complete(status.isOk()));
              return added.get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);
            });
  }

  private void refusesAndRetries(String inFolder, String suffix) throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      String away = leaveBehind(cluster, 10);
      String leader = cluster.group.leaderNode();
      Path file = cluster.fileOfSnapshot(leader, inFolder, suffix);
      byte[] sound = SnapshotCluster.damage(file);

      var back = cluster.group.open(away);
      long before = back.state().applied().index();
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> back.snapshotStats().failedDownloads().getAsLong() >= 2);

      // Nothing was published, and the old state is what it was.
      assertEquals(List.of(), cluster.published(away));
      assertEquals(0, back.snapshotStats().installs().getAsLong());
      assertEquals(before, back.state().applied().index());
      assertTrue(cluster.group.fatal.isEmpty());
      SnapshotCluster.replace(file, sound);
      awaitInstalls(back, 1);
      cluster.assertAllEqual();
      // What was sound in the tries before was not copied again.
      assertTrue(
          back.snapshotStats().bytesCopied().getAsLong()
              < 2 * back.snapshotStatus().bytes() + sound.length * 100L);
    }
  }

  @Test
  void refusesADamagedTableAndTakesASoundOne() throws Exception {
    refusesAndRetries("db", ".sst");
  }

  @Test
  void refusesADamagedSegmentAndTakesASoundOne() throws Exception {
    refusesAndRetries("log", ".seg");
  }

  @Test
  void copiesASegmentThatHasRottedHere() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      String away = leaveBehind(cluster, 60);
      Path rotten = cluster.group.dataFolder(away).resolve("log/%020d.seg".formatted(1));
      SnapshotCluster.damage(rotten);

      var back = cluster.group.open(away);
      awaitInstalls(back, 1);

      cluster.assertAllEqual();
    }
  }

  @Test
  void finishesAfterACrashInTheMiddleOfTakingOverTheLog() throws Exception {
    var disk = new FailingDisk();
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      String away = leaveBehind(cluster, 60);
      // The first link is the probe; the third fails, when the old entries have gone.
      disk.failLinksAfter(2);
      cluster.group.set(away, options -> SnapshotCluster.smallSegments(options).withDisk(disk));
      cluster.group.open(away);
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.group.fatal.containsKey(away));
      assertInstanceOf(PoisonedLogException.class, cluster.group.fatal.get(away));
      cluster.group.close(away);
      assertTrue(cluster.published(away).size() >= 1);

      cluster.group.set(away, SnapshotCluster::smallSegments);
      var back = cluster.group.open(away);

      assertEquals(1, back.snapshotStats().installs().getAsLong());
      cluster.send(1);
      cluster.assertAllEqual();
    }
  }

  @Test
  void takesUpAPublishedSnapshotThatWasNotLoaded() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      String away = leaveBehind(cluster, 40);
      String leader = cluster.group.leaderNode();
      // As after a crash between publishing and loading.
      SnapshotCluster.copyTree(
          cluster.published(leader).get(0),
          cluster.snapshotFolder(away).resolve(cluster.published(leader).get(0).getFileName()));

      var back = cluster.group.open(away);

      assertEquals(1, back.snapshotStats().installs().getAsLong());
      assertEquals(0, back.snapshotStats().bytesCopied().getAsLong());
      cluster.send(1);
      cluster.assertAllEqual();
    }
  }

  /**
   * Goal: a new leader's snapshot takes the place of one that was under way from the old leader.
   * Method: the old leader's is damaged, so that the download goes on until the leader changes.
   */
  @Test
  void goesOnWithANewLeadersSnapshot() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      String away = leaveBehind(cluster, 60);
      String old = cluster.group.leaderNode();
      String other = followerBeside(cluster, away);
      SnapshotCluster.damage(cluster.fileOfSnapshot(old, "db", ".sst"));
      var back = cluster.group.open(away);
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> back.snapshotStats().failedDownloads().getAsLong() >= 1);
      assertFalse(back.snapshotStats().installs().getAsLong() > 0);

      awaitLead(cluster, old, other);

      awaitInstalls(back, 1);
      cluster.send(5);
      cluster.assertAllEqual();
      assertTrue(cluster.group.fatal.isEmpty());
    }
  }

  @Test
  void takesNoSnapshotWhileItSendsOne() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      RaftReplica only = cluster.group.leader();
      cluster.send(10);
      cluster.awaitApplied(only);
      cluster.snapshotTwice(only);
      Node node =
          NodeManager.getInstance()
              .get(
                  cluster.group.plan().brokerGroup(),
                  ReplicaIdentity.peerId(cluster.group.plan().members().get(0)));
      var storage = node.getOptions().getServiceFactory().createSnapshotStorage(node.getOptions());

      // As JRaft does it for a follower that is far behind. A sender that is silent for long does
      // not count, so that on a slow machine this is done again.
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(
              () -> {
                try (SnapshotReader reader = storage.open()) {
                  reader.generateURIForCopy();
                  cluster.send(1);
                  cluster.awaitApplied(only);
                  return outcome(only).contains("is being sent");
                }
              });

      cluster.send(1);
      cluster.awaitApplied(only);
      assertEquals("taken", outcome(only));
    }
  }

  private static String outcome(RaftReplica replica) throws Exception {
    return replica
        .snapshotNow()
        .handle((taken, failure) -> failure == null ? "taken" : failure.getMessage())
        .get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);
  }

  private static String followerBeside(SnapshotCluster cluster, String away) {
    return cluster.followers().stream()
        .filter(node -> !node.equals(away))
        .findFirst()
        .orElseThrow();
  }

  /** The transfer may be refused while the cluster is busy, so it is asked for again. */
  private static void awaitLead(SnapshotCluster cluster, String old, String other) {
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(
            () -> {
              if (cluster.group.leaderNode().equals(old)) {
                cluster.group.replica(old).transferLeadership(Optional.of(other));
              }
              return cluster.group.replica(other).leadership().isLeader();
            });
  }
}
