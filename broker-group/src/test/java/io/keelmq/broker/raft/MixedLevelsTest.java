package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaVersion;
import io.keelmq.broker.raft.LogEntryBytes.Placed;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.raftlog.LogRecord;
import io.keelmq.raftlog.RealDisk;
import io.keelmq.raftlog.SegmentedLog;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

/**
 * Goal: replicas of two versions are one group, which uses what both know and nothing else; and
 * whoever would have to understand more stops before it does. Method: a version of before is this
 * one with its range of levels cut, so that it refuses what the former would not know.
 */
class MixedLevelsTest {

  private static final ReplicaVersion OLD = new ReplicaVersion("0.1.0", new LevelRange(1, 1));
  private static final ReplicaVersion NEW = new ReplicaVersion("0.2.0", new LevelRange(1, 2));

  @TempDir Path folder;

  @Test
  void staysAtTheLevelOfTheOldestAndRisesOnceWhenThatIsUpgraded() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 3)) {
      begin(cluster);
      for (String leader : new String[] {"n1", "n3", "n2", "n1"}) {
        lead(cluster, leader);
        cluster.send("led by " + leader);
        hear(cluster);
        cluster.send("after all were heard");
      }
      long upgradedFrom = cluster.commonState().index();
      assertEquals(1, cluster.leader().state().features().level());

      cluster.close("n3");
      cluster.set("n3", options -> options.withVersion(NEW));
      cluster.open("n3");
      hearUntil(cluster, () -> cluster.leader().state().features().level() == 2);
      lead(cluster, "n3");
      cluster.send("at the new level");
      hear(cluster);
      cluster.commonState();

      for (RaftReplica replica : cluster.replicas()) {
        assertEquals(2, replica.state().features().level());
        assertEquals("0.2.0", replica.state().features().raisedBy());
        assertTrue(replica.state().features().raisedAt() > upgradedFrom);
      }
      assertTrue(cluster.fatal.isEmpty(), cluster.fatal::toString);
      refusesAFourthOfBefore(cluster);
      List.of("n1", "n2", "n3", "n4").forEach(cluster::close);
      for (Member member : cluster.plan().members()) {
        assertEquals(1, rises(cluster.dataFolder(member.node())), member.node());
        // Which versions refuse that know nothing of levels.
        assertEquals(2, storeFormat(cluster.dataFolder(member.node())), member.node());
      }
      refusesToOpenWhatItDoesNotSupport(cluster);
    }
  }

  private static void refusesAFourthOfBefore(ReplicaCluster cluster) throws Exception {
    Member fourth = cluster.newNode("n4");
    cluster.set("n4", options -> options.withVersion(OLD));
    cluster.open("n4");
    cluster.apply(
        new Command.RecordMembers(
            cluster.plan().members().stream()
                .map(
                    one ->
                        new Command.Founder(
                            one.node(), one.raftAddress(), one.clientAddress(), one.incarnation()))
                .toList()));
    cluster.apply(
        new Command.AnnounceReplica("n4", fourth.raftAddress(), fourth.clientAddress(), false));

    cluster.joinUntil(
        () ->
            cluster
                .replica("n4")
                .status()
                .reason()
                .startsWith(
                    "n4 has version 0.1.0, which supports feature levels 1; the group runs at level"
                        + " 2, to which version 0.2.0 raised it"));
    assertFalse(cluster.replica("n4").status().started());

    cluster.close("n4");
    cluster.set("n4", options -> options.withVersion(NEW));
    cluster.open("n4");
    cluster.joinUntilVoter("n4");
    cluster.commonState();
  }

  private static void refusesToOpenWhatItDoesNotSupport(ReplicaCluster cluster) {
    cluster.set("n1", options -> options.withVersion(OLD));

    var refused = assertThrows(UnusableFolderException.class, () -> cluster.open("n1"));

    assertTrue(
        refused
            .getMessage()
            .endsWith(
                "this group runs at feature level 2, feature.level.max lets this replica support 1:"
                    + " take that option out"),
        refused::getMessage);
    assertTrue(Damage.in(refused).isEmpty(), "nothing is thrown away for it");
  }

  /** The fault: a leader raises the level and asks nobody. */
  @Test
  void aLeaderThatDoesNotAskIsFoundOutByTheReplicaThatWouldNotUnderstand() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 3)) {
      begin(cluster);
      lead(cluster, "n1");
      cluster.commonState();

      long raised = cluster.apply(new Command.RaiseLevel(2, "0.2.0")).index();

      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.fatal.containsKey("n3"));
      var why = assertInstanceOf(UnsupportedLevelException.class, cluster.fatal.get("n3"));
      assertTrue(
          why.getMessage()
              .startsWith("log entry " + raised + ": this group runs at feature level 2"),
          why::getMessage);
      assertEquals(1, cluster.replica("n3").state().features().level());
      assertTrue(cluster.replica("n3").state().applied().index() < raised);
      cluster.close("n3");
      cluster.send("the others go on");

      cluster.set("n3", options -> options.withVersion(NEW));
      cluster.open("n3");
      cluster.commonState();
      assertEquals(2, cluster.replica("n3").state().features().level());
    }
  }

  @Test
  void aReplicaThatIsSentASnapshotOfALevelItDoesNotSupportStops() throws Exception {
    try (var cluster = new ReplicaCluster(folder, 3)) {
      begin(cluster);
      cluster.send("for the log of n3");
      cluster.commonState();
      cluster.close("n3");
      lead(cluster, "n1");
      cluster.apply(new Command.RaiseLevel(2, "0.2.0"));
      // Raft forgets the log up to the snapshot before the last one.
      for (int i = 0; i < 3; i++) {
        cluster.send("between snapshots");
        cluster.awaitApplied(cluster.leader().state().applied().index());
        for (RaftReplica replica : cluster.replicas()) {
          replica.snapshotNow().get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);
        }
      }

      cluster.open("n3");

      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.fatal.containsKey("n3"));
      Throwable why = cluster.fatal.get("n3");
      assertTrue(
          why.getMessage().startsWith("the snapshot in ")
              && why.getMessage().contains("this group runs at feature level 2"),
          why::toString);
      assertEquals(1, cluster.replica("n3").state().features().level());
    }
  }

  private static void begin(ReplicaCluster cluster) throws Exception {
    for (String node : new String[] {"n1", "n2"}) {
      cluster.set(node, options -> options.withVersion(NEW));
    }
    cluster.set("n3", options -> options.withVersion(OLD));
    cluster.begin().createTopic();
  }

  private static void lead(ReplicaCluster cluster, String node) {
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(
            () -> {
              RaftReplica leader = cluster.leader();
              if (!cluster.leaderNode().equals(node)) {
                leader.transferLeadership(Optional.of(node));
                return false;
              }
              return true;
            });
  }

  /** What a leader's broker does every second, with the network left out. */
  private static void hear(ReplicaCluster cluster) {
    RaftReplica leader = cluster.leader();
    for (RaftReplica other : cluster.replicas()) {
      leader.heardLevels(other.status().peerId(), other.status().levels());
    }
  }

  private static void hearUntil(ReplicaCluster cluster, Callable<Boolean> condition) {
    await()
        .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
        .until(
            () -> {
              hear(cluster);
              return condition.call();
            });
  }

  private static int storeFormat(Path dataFolder) throws RocksDBException {
    try (var rows = RocksDB.openReadOnly(dataFolder.resolve("store").toString())) {
      return ByteBuffer.wrap(rows.get("format".getBytes(StandardCharsets.US_ASCII))).getInt();
    }
  }

  /** How often the log of a replica that does not run raises the level. */
  private static long rises(Path dataFolder) {
    var options = SegmentedLogOptions.in(dataFolder.resolve("log"));
    try (var log = SegmentedLog.open(options, new RealDisk())) {
      long rises = 0;
      for (long index = log.physicalFirst(); index <= log.last(); index++) {
        LogRecord record = log.reader().read(index).orElseThrow();
        if (record.type() == LogRecord.Type.DATA) {
          rises +=
              LogEntryBytes.decode(index, record.data()).commands().stream()
                  .map(Placed::command)
                  .filter(Command.RaiseLevel.class::isInstance)
                  .count();
        }
      }
      return rises;
    }
  }
}
