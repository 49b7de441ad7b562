package io.keelmq.broker.raft;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.SnapshotCopy;
import io.keelmq.common.BackupManifest;
import io.keelmq.common.BackupRestorer;
import io.keelmq.common.BackupRestorer.Member;
import io.keelmq.common.DamagedBackupException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Snapshots that are lent for a backup, and the new groups that are made of them. */
class RestoredFoldersTest {

  private static final String NEW_CLUSTER = "restored";
  private static final int MESSAGES = 60;

  @TempDir Path folder;

  private final List<String> bodies = new ArrayList<>();
  private String oldGroup;

  @Test
  void aNewGroupHasTheMessagesOfTheOldOneAndItsOwnMembers() throws Exception {
    Path backup = backUp(3, true);
    try (var restored = new SnapshotCluster(folder.resolve("new"), 3)) {
      restore(backup, restored.group);

      for (var member : restored.group.plan().members()) {
        restored.group.open(member.node());
      }
      RaftReplica leader = restored.group.leader();
      restored.group.awaitApplied(leader.state().applied().index());
      restored.group.commonState();

      var incarnations = new HashSet<String>();
      for (RaftReplica replica : restored.group.replicas()) {
        for (int i = 0; i < MESSAGES; i++) {
          assertEquals(bodies.get(i), restored.bodyAt(replica, i));
        }
        assertEquals(NEW_CLUSTER, replica.status().plan().orElseThrow().clusterId());
        incarnations.add(replica.status().peerId());
      }
      assertEquals(3, incarnations.size());
      // It goes on at the next offset.
      assertEquals(MESSAGES, nextOffset(restored));
    }
  }

  @Test
  void aRestoredReplicaStartsAgain() throws Exception {
    Path backup = backUp(1, false);
    try (var restored = new SnapshotCluster(folder.resolve("new"), 1)) {
      restore(backup, restored.group);
      restored.group.open("n1");
      assertEquals(MESSAGES, nextOffset(restored));
      restored.group.close("n1");

      restored.group.open("n1");

      assertEquals(MESSAGES + 1, nextOffset(restored));
      assertEquals(bodies.get(0), restored.bodyAt(restored.group.leader(), 0));
    }
  }

  @Test
  void withoutItsSnapshotARestoredReplicaMakesNoGroup() throws Exception {
    Path backup = backUp(1, false);
    try (var restored = new SnapshotCluster(folder.resolve("new"), 1)) {
      restore(backup, restored.group);
      Path published = restored.published("n1").get(0);
      Files.move(published, published.resolveSibling("elsewhere"));

      RaftReplica replica = restored.group.open("n1");

      assertFalse(replica.status().ready());
      assertTrue(replica.leadership().leaderNode().isEmpty());
      assertEquals(0, replica.status().logLastIndex());
    }
  }

  @Test
  void refusesADamagedBackup() throws Exception {
    Path backup = backUp(1, false);
    SnapshotCluster.damage(backup.resolve("log").resolve("00000000000000000001.seg"));
    Path target = folder.resolve("target");

    var failure =
        assertThrows(
            DamagedBackupException.class,
            () -> new RestoredFolders().restore(backup, target, NEW_CLUSTER, one()));

    assertTrue(failure.getMessage().contains("00000000000000000001.seg"), failure.getMessage());
    assertFalse(Files.exists(target));
  }

  @Test
  void refusesMembersThatAreNoGroupAndFoldersThatAreNotEmpty() throws Exception {
    Path backup = backUp(1, false);
    Path target = Files.createDirectories(folder.resolve("target"));
    var restorer = new RestoredFolders();
    var two = List.of(new Member("n1", "h:1", "h:2"), new Member("n2", "h:3", "h:4"));

    assertThrows(
        IllegalArgumentException.class, () -> restorer.restore(backup, target, NEW_CLUSTER, two));
    Files.createFile(target.resolve("something"));
    var failure =
        assertThrows(
            IllegalArgumentException.class,
            () -> restorer.restore(backup, target, NEW_CLUSTER, one()));

    assertTrue(failure.getMessage().contains("something"), failure.getMessage());
  }

  @Test
  void aLentSnapshotStaysWhileNewerOnesAreTaken() throws Exception {
    try (var cluster = new SnapshotCluster(folder.resolve("old"), 1).begin()) {
      cluster.send(MESSAGES);
      RaftReplica replica = cluster.group.leader();
      try (SnapshotCopy lent = lend(replica)) {
        cluster.send(20);
        cluster.snapshotTwice(replica);

        assertNotEquals(lent.about().index(), replica.snapshotStatus().index());
        copy(lent, folder.resolve("backup"));
      }
      assertEquals(
          List.of(), BackupManifest.read(folder.resolve("backup")).flaws(folder.resolve("backup")));
    }
  }

  @Test
  void noSnapshotIsTakenWhereTheLastOneHoldsEverything() throws Exception {
    try (var cluster = new SnapshotCluster(folder.resolve("old"), 1).begin()) {
      cluster.send(MESSAGES);
      RaftReplica replica = cluster.group.leader();
      long first;
      try (SnapshotCopy lent = lend(replica)) {
        first = lent.about().index();
      }

      try (SnapshotCopy again = lend(replica)) {
        assertEquals(first, again.about().index());
      }
      cluster.send(1);
      try (SnapshotCopy newer = lend(replica)) {
        assertTrue(newer.about().index() > first);
      }
    }
  }

  @Test
  void theCommandLineFindsIt() {
    assertTrue(BackupRestorer.find().orElseThrow() instanceof RestoredFolders);
  }

  /**
   * @param changesMembers lets the backup have rows about the members of the old group
   */
  private Path backUp(int size, boolean changesMembers) throws Exception {
    Path backup = folder.resolve("backup");
    try (var cluster = new SnapshotCluster(folder.resolve("old"), size).begin()) {
      oldGroup = cluster.group.plan().brokerGroup();
      if (changesMembers) {
        String follower = cluster.followers().get(0);
        cluster.group.wipe(follower);
        cluster.group.joinUntilVoter(follower);
      }
      cluster.send(MESSAGES);
      RaftReplica replica = cluster.group.leader();
      for (int i = 0; i < MESSAGES; i++) {
        bodies.add(cluster.bodyAt(replica, i));
      }
      assertEquals(changesMembers, !replica.state().members().isEmpty());
      try (SnapshotCopy lent = lend(replica)) {
        copy(lent, backup);
      }
    }
    return backup;
  }

  private static SnapshotCopy lend(RaftReplica replica) throws Exception {
    return replica.lendSnapshot().get(ReplicaCluster.DEADLINE_SECONDS, SECONDS);
  }

  /** What the client does with what it is sent. */
  private static void copy(SnapshotCopy lent, Path backup) throws IOException {
    Files.createDirectories(backup.resolve("db"));
    Files.createDirectories(backup.resolve("log"));
    var files = new ArrayList<BackupManifest.Entry>();
    for (SnapshotCopy.File file : lent.files()) {
      var bytes = ByteBuffer.allocate((int) file.bytes());
      lent.read(file, 0, bytes);
      Files.write(backup.resolve(file.name()), bytes.array());
      files.add(
          new BackupManifest.Entry(
              file.name(),
              file.bytes(),
              file.checksum(),
              file.content()
                  .map(held -> new BackupManifest.Content(held.lastIndex(), held.checksum()))));
    }
    var about = lent.about();
    new BackupManifest(
            about.clusterId(),
            about.brokerGroup(),
            "n1",
            "1",
            about.index(),
            about.term(),
            0,
            files)
        .write(backup);
  }

  private void restore(Path backup, ReplicaCluster group) throws IOException {
    var members =
        group.plan().members().stream()
            .map(one -> new Member(one.node(), one.raftAddress(), one.clientAddress()))
            .toList();
    new RestoredFolders().restore(backup, folder.resolve("new"), NEW_CLUSTER, members);
    for (Member member : members) {
      group.set(member.node(), options -> SnapshotCluster.smallSegments(inOldGroup(options)));
    }
  }

  /** The group keeps its name. */
  private RaftReplicaOptions inOldGroup(RaftReplicaOptions options) {
    return RaftReplicaOptions.of(
            options.node(),
            oldGroup,
            options.dataFolder(),
            options.raftListen(),
            InstantSource.system(),
            System::nanoTime,
            options.onFatal())
        .withElectionTimeout(ReplicaCluster.ELECTION_TIMEOUT);
  }

  private static long nextOffset(SnapshotCluster cluster) {
    cluster.group.send("the first of the new group");
    RaftReplica leader = cluster.group.leader();
    var topic = leader.state().topic(ReplicaCluster.TOPIC).orElseThrow();
    return leader.state().runs(topic.id(), 0, 0, 1_000).stream()
        .mapToLong(run -> run.firstOffset() + run.count() - 1)
        .max()
        .orElseThrow();
  }

  private static List<Member> one() {
    return List.of(new Member("n1", "127.0.0.1:10911", "127.0.0.1:8081"));
  }
}
