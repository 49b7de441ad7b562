package io.keelmq.broker.raft;

import static io.keelmq.broker.raft.SnapshotCluster.snapshot;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.NodeManager;
import com.alipay.sofa.jraft.core.FSMCallerImpl;
import com.alipay.sofa.jraft.core.NodeImpl;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.ReplicaControl.Refused;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Snapshots that a replica takes of itself, and what it makes of them when it starts. */
class SnapshotTest {

  @TempDir Path folder;

  private static Refused refusal(RaftReplica replica) {
    var failure =
        assertThrows(
            ExecutionException.class,
            () -> replica.snapshotNow().get(ReplicaCluster.DEADLINE_SECONDS, SECONDS));
    return assertInstanceOf(Refused.class, failure.getCause());
  }

  @Test
  void goesOnFromItsLiveRowsAfterARestart() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(30);
      var taken = snapshot(cluster.group.leader());
      cluster.send(10);
      cluster.group.close("n1");

      var replica = cluster.group.open("n1");
      cluster.send(1);

      assertEquals(taken.index(), replica.snapshotStatus().index());
      assertEquals(taken.bytes(), replica.snapshotStatus().bytes());
      assertEquals(0, replica.snapshotStats().installs().getAsLong());
      // Only what came after the snapshot is looked at again.
      assertTrue(replica.raftStats().entriesSkipped().getAsLong() <= 12);
      cluster.assertAllEqual();
    }
  }

  @Test
  void keepsOneSnapshotAndEverySegment() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(40);
      var first = snapshot(cluster.group.leader());
      cluster.send(40);
      var second = snapshot(cluster.group.leader());
      cluster.send(1);

      assertTrue(second.index() > first.index());
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> cluster.published("n1").size() == 1);
      assertEquals(
          "snapshot_" + second.index(), cluster.published("n1").get(0).getFileName().toString());
      assertEquals(1, cluster.group.leader().status().logFirstIndex());
      cluster.assertAllEqual();
    }
  }

  @Test
  void sharesItsFilesWithLogAndStore() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(60);
      snapshot(cluster.group.leader());

      Path segment = cluster.fileOfSnapshot("n1", "log", ".seg");
      assertEquals(
          Files.getAttribute(segment, "unix:ino"),
          Files.getAttribute(
              cluster.group.dataFolder("n1").resolve("log").resolve(segment.getFileName()),
              "unix:ino"));
    }
  }

  @Test
  void takesNoneWhenNothingHasHappenedSinceTheLast() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      var leader = cluster.group.leader();
      cluster.send(30);
      snapshot(leader);

      // JRaft would take a second wish as leave to cut the log, and send followers everything.
      for (int i = 0; i < 3; i++) {
        var refused = refusal(leader);
        assertEquals(Refused.Reason.PRECONDITION, refused.reason());
        assertTrue(refused.getMessage().contains("nothing was applied"), refused.getMessage());
      }

      String follower = cluster.followers().get(0);
      cluster.group.close(follower);
      cluster.send(3);
      var back = cluster.group.open(follower);
      cluster.assertAllEqual();
      assertEquals(0, back.snapshotStats().installs().getAsLong());
    }
  }

  /**
   * Goal: no snapshot is called after an entry before those that it holds; the next start would
   * refuse it. Method: Raft's count is set back to where it is for a moment behind a start without
   * a snapshot, when it hands out again what the rows hold already.
   */
  @Test
  void takesNoneWhileItReadsAgainWhatItHasApplied() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(30);
      cluster.group.close("n1");
      var replica = cluster.group.open("n1");
      cluster.send(1);
      AtomicLong count = appliedCount(cluster);
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> count.get() >= replica.state().applied().index());
      long applied = count.get();
      count.set(applied - 10);

      var refused = refusal(replica);

      assertTrue(refused.getMessage().contains("reading its log again"), refused.getMessage());
      assertEquals(List.of(), cluster.published("n1"));
      count.set(applied);
      assertEquals(applied, snapshot(replica).index());
      cluster.group.close("n1");
      cluster.group.open("n1");
      cluster.send(1);
      cluster.assertAllEqual();
    }
  }

  /** JRaft's own, of the only replica. */
  private static AtomicLong appliedCount(SnapshotCluster cluster)
      throws ReflectiveOperationException {
    Node node =
        NodeManager.getInstance()
            .get(
                cluster.group.plan().brokerGroup(),
                ReplicaIdentity.peerId(cluster.group.plan().members().get(0)));
    Field caller = NodeImpl.class.getDeclaredField("fsmCaller");
    caller.setAccessible(true);
    Field count = FSMCallerImpl.class.getDeclaredField("lastAppliedIndex");
    count.setAccessible(true);
    return (AtomicLong) count.get(caller.get(node));
  }

  @Test
  void takesOneByItselfWhenTheLogHasGrown() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1)) {
      cluster.group.set(
          "n1",
          options ->
              SnapshotCluster.smallSegments(options)
                  .withSnapshots(new SnapshotPolicy(6_000, Duration.ofDays(1), 6_000)));
      cluster.begin();

      cluster.send(60);

      var replica = cluster.group.leader();
      await()
          .atMost(ReplicaCluster.DEADLINE_SECONDS, SECONDS)
          .until(() -> replica.snapshotStatus().index() > 0);
      assertTrue(replica.snapshotStats().grownBytes().getAsLong() < 60 * 300);
    }
  }

  @Test
  void takesOneAtATime() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(30);
      var leader = cluster.group.leader();

      var first = leader.snapshotNow();
      var second = leader.snapshotNow();

      assertTrue(first.get(ReplicaCluster.DEADLINE_SECONDS, SECONDS).index() > 0);
      // Either it came while the first was under way, or when nothing was left to do.
      assertThrows(
          ExecutionException.class, () -> second.get(ReplicaCluster.DEADLINE_SECONDS, SECONDS));
      cluster.send(1);
      assertTrue(snapshot(leader).index() > first.join().index());
    }
  }

  @Test
  void livesOnWhenASnapshotFails() throws Exception {
    var disk = new FailingDisk();
    try (var cluster = new SnapshotCluster(folder, 1)) {
      cluster.group.set("n1", options -> SnapshotCluster.smallSegments(options).withDisk(disk));
      cluster.begin();
      cluster.send(30);
      var leader = cluster.group.leader();

      disk.failLinksAfter(1);
      var refused = refusal(leader);

      assertTrue(refused.getMessage().contains("Input/output error"), refused.getMessage());
      assertEquals(List.of(), cluster.published("n1"));
      assertEquals(0, leader.snapshotStatus().index());
      cluster.send(5);
      disk.failLinksAfter(Integer.MAX_VALUE);
      snapshot(leader);
      assertTrue(cluster.group.fatal.isEmpty());
      cluster.assertAllEqual();
    }
  }

  @Test
  void removesWhatACrashLeftUnpublished() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(10);
      cluster.group.close("n1");
      Path temp = Files.createDirectories(cluster.snapshotFolder("n1").resolve("temp/db"));
      Files.writeString(temp.resolve("left"), "over");

      cluster.group.open("n1");
      cluster.send(1);

      assertFalse(Files.exists(temp));
    }
  }

  @Test
  void makesLostRowsAnewFromTheSnapshot() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(30);
      snapshot(cluster.group.leader());
      cluster.send(10);
      // The next one lets the log begin behind the first.
      snapshot(cluster.group.leader());
      cluster.send(10);
      var before = cluster.group.commonState();
      cluster.group.close("n1");
      delete(cluster.group.dataFolder("n1").resolve("store"));

      var replica = cluster.group.open("n1");
      cluster.group.awaitApplied(before.index());

      assertEquals(1, replica.snapshotStats().installs().getAsLong());
      cluster.send(1);
      cluster.assertAllEqual();
    }
  }

  @Test
  void refusesALogWithoutTheSnapshotBeforeIt() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(10);
      cluster.snapshotTwice(cluster.group.leader());
      cluster.group.close("n1");
      delete(cluster.snapshotFolder("n1"));

      var refused = assertThrows(UnusableFolderException.class, () -> cluster.group.open("n1"));

      assertTrue(refused.getMessage().contains("expected a snapshot"), refused.getMessage());
      assertTrue(refused.getMessage().contains("no other member"), refused.getMessage());
    }
  }

  @Test
  void setsALogWithoutTheSnapshotBeforeItAsideWhereOthersHaveEverything() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 3).begin()) {
      cluster.send(10);
      String node = cluster.followers().get(0);
      cluster.awaitApplied(cluster.group.replica(node));
      cluster.snapshotTwice(cluster.group.replica(node));
      cluster.group.close(node);
      List<Path> snapshots = cluster.published(node);
      Path lost = Files.move(snapshots.get(0), folder.resolve("lost"));
      // Too old a one does not count, and is moved with the rest.
      Path older = cluster.snapshotFolder(node).resolve("snapshot_5");
      SnapshotCluster.copyTree(lost, older);
      SnapshotCluster.setIndex(older, 5);

      var replica = cluster.group.open(node);

      assertFalse(replica.status().started());
      Path remains = cluster.group.dataFolder(node).resolve("set-aside-1");
      assertTrue(
          Files.isDirectory(remains.resolve("snapshot").resolve("snapshot_5").resolve("db")));
      assertTrue(Files.isDirectory(remains.resolve("log")));
      assertEquals(List.of(), cluster.published(node));
      cluster.group.joinUntilVoter(node);
      cluster.assertAllEqual();
    }
  }

  @Test
  void findsAFlipOfEachByteOfAListing() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(10);
      cluster.snapshotTwice(cluster.group.leader());
      cluster.group.close("n1");
      Path snapshot = cluster.published("n1").get(0);
      Path listing = snapshot.resolve("__raft_snapshot_meta");
      byte[] sound = Files.readAllBytes(listing);

      assertTrue(SnapshotSeal.flaw(snapshot).isEmpty());
      for (int at = 0; at < sound.length; at++) {
        byte[] flipped = sound.clone();
        flipped[at] ^= 1;
        Files.write(listing, flipped);
        assertTrue(SnapshotSeal.flaw(snapshot).isPresent(), "at " + at);
      }
      assertThrows(DamagedFolderException.class, () -> cluster.group.open("n1"));
      Files.write(listing, sound);
      cluster.group.open("n1");
      assertEquals("n1", cluster.group.leaderNode());
    }
  }

  @Test
  void refusesASnapshotThatDoesNotTellItsMembers() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(10);
      cluster.snapshotTwice(cluster.group.leader());
      cluster.group.close("n1");
      Path listing = cluster.published("n1").get(0).resolve("__raft_snapshot_meta");
      byte[] sound = Files.readAllBytes(listing);
      Files.write(listing, Arrays.copyOf(sound, sound.length / 2));

      var refused = assertThrows(UnusableFolderException.class, () -> cluster.group.open("n1"));

      assertTrue(refused.getMessage().contains(listing.toString()), refused.getMessage());
      Files.write(listing, sound);
      cluster.group.open("n1");
      cluster.send(1);
      cluster.assertAllEqual();
    }
  }

  @Test
  void refusesTheIdentityOfAnotherIncarnationBesideALogThatASnapshotHasCut() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(10);
      cluster.snapshotTwice(cluster.group.leader());
      cluster.snapshotTwice(cluster.group.leader());
      cluster.group.close("n1");
      var identityFile = new IdentityFile(cluster.group.dataFolder("n1"));
      ReplicaIdentity identity = identityFile.read().orElseThrow();
      Member self = identity.self();
      var other =
          new Member(self.node(), self.raftAddress(), self.incarnation() - 1, self.clientAddress());
      var plan =
          new Plan(identity.plan().clusterId(), identity.plan().brokerGroup(), List.of(other));
      identityFile.write(new ReplicaIdentity(plan, "n1", identity.stage()));

      var refused = assertThrows(UnusableFolderException.class, () -> cluster.group.open("n1"));

      assertTrue(refused.getMessage().contains("or incarnations"), refused.getMessage());
      identityFile.write(identity);
      cluster.group.open("n1");
      cluster.send(1);
      cluster.assertAllEqual();
    }
  }

  @Test
  void refusesAFolderForSnapshotsOnAnotherFileSystem() throws Exception {
    Path elsewhere = Path.of("/dev/shm");
    assumeTrue(
        Files.isDirectory(elsewhere)
            && !Files.getFileStore(elsewhere).equals(Files.getFileStore(folder)));
    Path snapshots = Files.createTempDirectory(elsewhere, "snapshots");
    try (var cluster = new SnapshotCluster(folder, 1)) {
      Files.createDirectories(cluster.group.dataFolder("n1"));
      Files.createSymbolicLink(cluster.snapshotFolder("n1"), snapshots);

      var refused = assertThrows(UnusableFolderException.class, () -> cluster.group.open("n1"));

      assertTrue(refused.getMessage().contains("one file system"), refused.getMessage());
    } finally {
      delete(snapshots);
    }
  }

  @Test
  void refusesToRestoreRowsFromADamagedSnapshot() throws Exception {
    try (var cluster = new SnapshotCluster(folder, 1).begin()) {
      cluster.send(30);
      snapshot(cluster.group.leader());
      cluster.group.close("n1");
      delete(cluster.group.dataFolder("n1").resolve("store"));
      SnapshotCluster.damage(cluster.fileOfSnapshot("n1", "db", ".sst"));

      var refused = assertThrows(IOException.class, () -> cluster.group.open("n1"));

      assertTrue(refused.getMessage().contains(".sst: the checksum"), refused.getMessage());
    }
  }

  private static void delete(Path tree) throws IOException {
    try (Stream<Path> files = Files.walk(tree)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
