package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** New replicas in whose folder an operator has laid segments of another one. */
class SeedFolderTest {

  @TempDir Path folder;

  /** Sealed segments of a replica, as {@code cp} copies them. */
  private static List<Path> seed(SnapshotCluster cluster, String from, String to) throws Exception {
    Path log = cluster.group.dataFolder(from).resolve("log");
    Path seeds = Files.createDirectories(cluster.group.dataFolder(to).resolve(SeedFolder.NAME));
    try (Stream<Path> files = Files.list(log)) {
      for (Path sidecar : files.filter(file -> file.toString().endsWith(".idx")).toList()) {
        Path segment = log.resolve(sidecar.getFileName().toString().replace(".idx", ".seg"));
        Files.copy(segment, seeds.resolve(segment.getFileName()));
      }
    }
    try (Stream<Path> files = Files.list(seeds)) {
      return files.sorted().toList();
    }
  }

  private SnapshotCluster withSnapshots() throws Exception {
    var cluster = new SnapshotCluster(folder.resolve("group"), 3).begin();
    cluster.send(60);
    for (RaftReplica replica : cluster.group.replicas()) {
      cluster.awaitApplied(replica);
      cluster.snapshotTwice(replica);
    }
    return cluster;
  }

  @Test
  void takesSoundSegmentsAndCopiesTheRest() throws Exception {
    try (var cluster = withSnapshots()) {
      String wiped = cluster.followers().get(0);
      String other = cluster.followers().get(1);
      cluster.group.close(wiped);
      cluster.group.deleteFolder(wiped);
      List<Path> seeds = seed(cluster, other, wiped);
      assertTrue(seeds.size() >= 4, seeds::toString);
      // One has rotted, one holds the entries of another place.
      SnapshotCluster.damage(seeds.get(1));
      Files.copy(seeds.get(0), seeds.get(2), java.nio.file.StandardCopyOption.REPLACE_EXISTING);

      cluster.group.open(wiped);
      cluster.group.joinUntilVoter(wiped);

      var stats = cluster.group.replica(wiped).snapshotStats();
      assertEquals(1, stats.installs().getAsLong());
      assertEquals(2, stats.seedRefused().getAsLong());
      assertTrue(stats.seedSegments().getAsLong() >= 1);
      assertEquals(stats.segmentsSkipped().getAsLong(), stats.seedSegments().getAsLong());
      long seeded = stats.seedBytes().getAsLong();
      long copied = stats.bytesCopied().getAsLong();
      System.out.printf("of %d bytes of a snapshot %d were not copied%n", seeded + copied, seeded);
      assertTrue(seeded > 0);
      assertFalse(Files.exists(cluster.group.dataFolder(wiped).resolve(SeedFolder.NAME)));
      cluster.assertAllEqual();
      assertTrue(cluster.group.fatal.isEmpty(), cluster.group.fatal::toString);
    }
  }

  @Test
  void takesNothingOfAnotherGroup() throws Exception {
    try (var stranger = new SnapshotCluster(folder.resolve("stranger"), 1).begin();
        var cluster = withSnapshots()) {
      stranger.send(100);
      String wiped = cluster.followers().get(0);
      cluster.group.close(wiped);
      cluster.group.deleteFolder(wiped);
      Path seeds =
          Files.createDirectories(cluster.group.dataFolder(wiped).resolve(SeedFolder.NAME));
      try (Stream<Path> files = Files.list(stranger.group.dataFolder("n1").resolve("log"))) {
        for (Path file : files.filter(one -> one.toString().endsWith(".seg")).toList()) {
          Files.copy(file, seeds.resolve(file.getFileName()));
        }
      }

      cluster.group.open(wiped);
      cluster.group.joinUntilVoter(wiped);

      var stats = cluster.group.replica(wiped).snapshotStats();
      assertEquals(0, stats.seedSegments().getAsLong());
      assertTrue(stats.seedRefused().getAsLong() >= 1);
      cluster.assertAllEqual();
    }
  }
}
