package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.keelmq.client.KeelClient;
import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a replica whose disk is full leaves with a line that says so, and comes back when there is
 * room; nobody else notices. Method: the data folder of n2 is a small file system in memory, which
 * only root can mount; a file takes what is left of it while messages are sent, once while n2
 * follows and once while it leads.
 */
@Tag("chaos")
class FullDiskTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);

  /** What is left free, for the log to run into. */
  private static final long LEFT_BYTES = 512 << 10;

  private final List<String> report = new ArrayList<>();

  @Test
  void leavesWhenTheDiskIsFullAndComesBackWhenThereIsRoom() throws IOException {
    var dir =
        Path.of(
            System.getProperty("chaos.dir", "target/chaos"),
            "full-disk-" + Long.toString(System.currentTimeMillis(), 36));
    Path data = Files.createDirectories(dir.toAbsolutePath().resolve("data"));
    try (var disk = Tmpfs.mount(data.resolveSibling("small-disk"), 64)) {
      assumeTrue(disk.isMounted(), "SKIPPED: no file system could be mounted: " + disk.reason());
      Files.createSymbolicLink(data.resolve("n2"), disk.folder());
      run(dir, disk);
    }
  }

  private void run(Path dir, Tmpfs disk) {
    var options =
        new ClusterOptions(
                dir, Distribution.find(), new PortPlan.Free(ChaosPlan.givenOrNewSeed().random()))
            .withBrokerSettings(Map.of("log.segment.bytes", "4MiB"));
    var workload = new WorkloadOptions(2, 8, 4, 1_024, 4_096, 200, 512, Duration.ofSeconds(60));
    var plan = new ChaosPlan("full-disk", ChaosPlan.givenOrNewSeed(), workload, 1_000, 0);

    ChaosResult result =
        new ChaosRun(options, plan)
            .run(
                faults -> {
                  faults.awaitMoreOks(100, PROGRESS);
                  leavesAsFollower(faults, disk);
                  leavesAsLeader(faults, disk);
                });

    System.out.println(result.text() + "\n" + String.join("\n", report));
    assertTrue(result.holds(), result::text);
    assertEquals(0, result.counts().failed() + result.counts().unknown(), result::text);
    ClusterFolder.delete(dir);
  }

  private void leavesAsFollower(Faults faults, Tmpfs disk) {
    LocalCluster cluster = faults.cluster();
    Node node = cluster.node("n2");
    lead(cluster, "n1");

    disk.fillUpTo(LEFT_BYTES);
    awaitLeft(cluster, node, "the disk of a follower is full");
    faults.awaitMoreOks(300, PROGRESS);
    try (var broker = ProgramRun.broker(cluster, node)) {
      note(
          "a start while the disk is full",
          broker.refusal("No space left on device", "free space"));
    }
    disk.free();
    faults.startAndAwait(node);
  }

  private void leavesAsLeader(Faults faults, Tmpfs disk) {
    LocalCluster cluster = faults.cluster();
    Node node = cluster.node("n2");
    lead(cluster, "n2");

    disk.fillUpTo(LEFT_BYTES);
    awaitLeft(cluster, node, "the disk of the leader is full");
    faults.awaitMoreOks(300, PROGRESS);
    assertNotEquals(node, cluster.leader());
    disk.resize(128);
    faults.startAndAwait(node);
    faults.awaitMoreOks(100, PROGRESS);
  }

  private static void lead(LocalCluster cluster, String node) {
    if (cluster.leader().id().equals(node)) {
      return;
    }
    try (var client = KeelClient.connect(cluster.endpoints())) {
      client.admin().transferLeadership("g0", node);
    }
    assertTrue(Waiting.until(PROGRESS, () -> cluster.leader().id().equals(node)), node);
  }

  private void awaitLeft(LocalCluster cluster, Node node, String what) {
    assertTrue(
        Waiting.until(PROGRESS, () -> !cluster.isRunning(node)),
        () -> "it has not left:\n" + String.join("\n", cluster.tail(node, 50)));
    List<String> lines = ProgramRun.lastWords(cluster.tail(node, 500));
    assertFalse(lines.isEmpty(), () -> String.join("\n", cluster.tail(node, 50)));
    String line = lines.get(lines.size() - 1);
    note(what, line);
    assertTrue(line.contains("No space left on device"), line);
  }

  private void note(String what, String line) {
    report.add("  " + what + "\n    " + line);
  }
}
