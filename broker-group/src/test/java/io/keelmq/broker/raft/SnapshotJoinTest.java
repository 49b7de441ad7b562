package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.Leadership;
import io.keelmq.raftlog.PoisonedLogException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Replicas that have lost everything and come back to a group whose log does not begin at 1 any
 * more: the leader's snapshot brings them what the log cannot.
 */
class SnapshotJoinTest {

  @TempDir Path folder;

  private SnapshotCluster cluster;
  private String wiped;
  private int former;

  /** A group in which every log begins behind a snapshot, and a follower with nothing. */
  @BeforeEach
  void wipe() throws Exception {
    cluster = new SnapshotCluster(folder, 3).begin();
    cluster.send(60);
    for (RaftReplica replica : cluster.group.replicas()) {
      cluster.awaitApplied(replica);
      cluster.snapshotTwice(replica);
    }
    cluster.assertAllEqual();
    wiped = cluster.followers().get(0);
    former =
        cluster.group.plan().members().stream()
            .filter(member -> member.node().equals(wiped))
            .findFirst()
            .orElseThrow()
            .incarnation();
    cluster.group.close(wiped);
    cluster.group.deleteFolder(wiped);
    cluster.send(10);
  }

  @AfterEach
  void end() {
    cluster.close();
  }

  private RaftReplica joiner() {
    return cluster.group.replica(wiped);
  }

  private String third() {
    return cluster.followers().stream()
        .filter(node -> !node.equals(wiped))
        .findFirst()
        .orElseThrow();
  }

  /** The snapshots of the two that have one are damaged: whoever leads, the joiner gets no end. */
  private byte[][] damageBoth() throws Exception {
    var sound = new byte[2][];
    int i = 0;
    for (String node : others()) {
      sound[i++] = SnapshotCluster.damage(cluster.fileOfSnapshot(node, "db", ".sst"));
    }
    return sound;
  }

  private List<String> others() {
    return cluster.group.plan().members().stream()
        .map(member -> member.node())
        .filter(node -> !node.equals(wiped))
        .toList();
  }

  private void awaitFailedDownload() {
    cluster.group.joinUntil(() -> joiner().snapshotStats().failedDownloads().getAsLong() >= 1);
  }

  private void assertJoinedAndCounts(String dying) throws Exception {
    int incarnation = cluster.group.joinUntilVoter(wiped).voting();
    assertNotEquals(former, incarnation);
    cluster.assertAllEqual();
    assertEquals(1, joiner().status().logFirstIndex());

    // Two of three are left, and one of them is the one that was wiped.
    cluster.group.close(dying);
    cluster.send(5);
    cluster.assertAllEqual();
    assertTrue(cluster.group.fatal.isEmpty(), cluster.group.fatal::toString);
  }

  @Test
  void comesBackAsAVoterWhoseWordCounts() throws Exception {
    cluster.group.open(wiped);
    cluster.group.joinUntilVoter(wiped);

    assertEquals(1, joiner().snapshotStats().installs().getAsLong());
    assertJoinedAndCounts(third());
  }

  @Test
  void startsAsALearnerAgainFromTheSnapshotThatItWasBrought() throws Exception {
    cluster.group.open(wiped);
    cluster.group.joinAsLearner(wiped);
    int given = cluster.group.seat(wiped).orElseThrow().joining();
    // It says nothing more, so nobody makes it a voter.
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(() -> joiner().snapshotStats().installs().getAsLong() == 1);
    cluster.group.close(wiped);

    cluster.group.open(wiped);

    assertEquals(Leadership.Role.LEARNER, joiner().leadership().role());
    assertEquals(0, joiner().snapshotStats().installs().getAsLong());
    assertEquals(given, cluster.group.joinUntilVoter(wiped).voting());
    assertJoinedAndCounts(third());
  }

  @Test
  void goesOnWithTheDownloadAfterARestart() throws Exception {
    byte[][] sound = damageBoth();
    cluster.group.open(wiped);
    awaitFailedDownload();
    int given = cluster.group.seat(wiped).orElseThrow().joining();
    cluster.group.close(wiped);
    for (int i = 0; i < sound.length; i++) {
      SnapshotCluster.replace(cluster.fileOfSnapshot(others().get(i), "db", ".sst"), sound[i]);
    }

    cluster.group.open(wiped);

    assertEquals(given, cluster.group.joinUntilVoter(wiped).voting());
    assertEquals(1, joiner().snapshotStats().installs().getAsLong());
    assertJoinedAndCounts(third());
  }

  @Test
  void finishesAfterACrashInTheMiddleOfTakingOverTheLog() throws Exception {
    var disk = new FailingDisk();
    // The probe's link is the first; the second fails, when the log has been given up.
    disk.failLinksAfter(2);
    cluster.group.set(wiped, options -> SnapshotCluster.smallSegments(options).withDisk(disk));
    cluster.group.open(wiped);
    cluster.group.joinUntil(() -> cluster.group.fatal.containsKey(wiped));
    assertInstanceOf(PoisonedLogException.class, cluster.group.fatal.remove(wiped));
    int given = cluster.group.seat(wiped).orElseThrow().joining();
    cluster.group.close(wiped);
    cluster.group.set(wiped, SnapshotCluster::smallSegments);

    cluster.group.open(wiped);

    assertEquals(1, joiner().snapshotStats().installs().getAsLong());
    assertEquals(given, cluster.group.joinUntilVoter(wiped).voting());
    assertJoinedAndCounts(third());
  }

  /**
   * Goal: the death of the leader in the middle of the copy costs time and nothing else. Method:
   * the leader's snapshot is damaged, so that no copy of it ends. With the leader two of three
   * voters are gone, so the third can lead only when the leader's process has come back.
   */
  @Test
  void goesOnFromTheNextLeaderWhenTheLeaderDies() throws Exception {
    String dying = cluster.group.leaderNode();
    String next = third();
    SnapshotCluster.damage(cluster.fileOfSnapshot(dying, "db", ".sst"));
    cluster.group.open(wiped);
    awaitFailedDownload();
    int given = cluster.group.seat(wiped).orElseThrow().joining();

    cluster.group.close(dying);
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(() -> cluster.group.replica(next).leadership().leaderNode().isEmpty());
    assertEquals(0, joiner().snapshotStats().installs().getAsLong());
    cluster.group.open(dying);
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(
            () -> {
              if (cluster.group.leaderNode().equals(dying)) {
                cluster.group.replica(dying).transferLeadership(Optional.of(next));
              }
              return cluster.group.replica(next).leadership().isLeader();
            });

    assertEquals(given, cluster.group.joinUntilVoter(wiped).voting());
    assertEquals(1, joiner().snapshotStats().installs().getAsLong());
    assertJoinedAndCounts(dying);
  }
}
