package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a full disk costs nothing that was acknowledged and needs no operator but for the room.
 * Method: the data folders are small file systems in memory, which only root can mount; a file
 * takes what is left of one or of all while messages are sent, and is taken away again. Nobody
 * starts anything. With little left the leader refuses; with nothing left a replica runs into the
 * wall.
 */
@Tag("chaos")
class FullDiskTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);
  private static final int DISK_MEBIBYTES = 96;

  /** Below disk.min.free, and enough for what is in flight. */
  private static final long LITTLE_BYTES = 4 << 20;

  private static final String FULL = "the disk is full: the replica closes";
  private static final String OPEN_AGAIN = "the replica is open again";
  private static final String REFUSALS = "keelmq_disk_full_refusals_total";

  private final List<String> report = new ArrayList<>();
  private final List<Tmpfs> disks = new ArrayList<>();

  @Test
  void goesOnByItselfWhenThereIsRoom() throws IOException {
    var dir =
        Path.of(
            System.getProperty("chaos.dir", "target/chaos"),
            "full-disk-" + Long.toString(System.currentTimeMillis(), 36));
    Path data = Files.createDirectories(dir.toAbsolutePath().resolve("data"));
    try {
      for (String node : List.of("n1", "n2", "n3")) {
        var disk = Tmpfs.mount(data.resolveSibling("disk-" + node), DISK_MEBIBYTES);
        disks.add(disk);
        assumeTrue(disk.isMounted(), "SKIPPED: no file system could be mounted: " + disk.reason());
        Files.createSymbolicLink(data.resolve(node), disk.folder());
      }
      run(dir);
    } finally {
      disks.forEach(Tmpfs::close);
    }
  }

  private void run(Path dir) {
    var options =
        new ClusterOptions(
                dir, Distribution.find(), new PortPlan.Free(ChaosPlan.givenOrNewSeed().random()))
            .withBrokerSettings(Map.of("log.segment.bytes", "4MiB", "disk.min.free", "8MiB"));
    var workload = new WorkloadOptions(2, 8, 4, 512, 1_024, 150, 512, Duration.ofSeconds(60));
    var plan = new ChaosPlan("full-disk", ChaosPlan.givenOrNewSeed(), workload, 1_000, 0);

    ChaosResult result =
        new ChaosRun(options, plan)
            .run(
                faults -> {
                  faults.awaitMoreOks(100, PROGRESS);
                  followerIsFull(faults);
                  leaderIsLow(faults);
                  leaderRunsIntoTheWall(faults);
                  allAreLow(faults);
                  allRunIntoTheWall(faults);
                });

    System.out.println(result.text() + "\n" + String.join("\n", report));
    assertTrue(result.holds(), result::text);
    assertEquals(0, result.counts().failed() + result.counts().unknown(), result::text);
    ClusterFolder.delete(dir);
  }

  private void followerIsFull(Faults faults) {
    Node node = faults.cluster().node("n2");
    lead(faults.cluster(), "n1");

    disks.get(1).fillUpTo(0);
    awaitLine(faults, node, FULL);
    faults.awaitMoreOks(200, PROGRESS);
    disks.get(1).free();
    comesBack(faults, node, "the follower is back");
  }

  private void leaderIsLow(Faults faults) {
    lead(faults.cluster(), "n2");

    disks.get(1).fillUpTo(LITTLE_BYTES);
    awaitRefusals(faults, faults.cluster().node("n2"));
    requireReadsAndAdmin(faults.cluster());
    disks.get(1).free();
    resumes(faults, "the disk of the leader was low");
  }

  private void leaderRunsIntoTheWall(Faults faults) {
    Node node = faults.cluster().node("n2");
    lead(faults.cluster(), "n2");
    int before = lines(faults.cluster(), node, FULL);
    double refused = OpsPage.metric(node, REFUSALS);

    disks.get(1).fillUpTo(0);
    long began = System.nanoTime();
    assertTrue(
        Waiting.until(
            PROGRESS,
            () ->
                lines(faults.cluster(), node, FULL) > before
                    || OpsPage.metric(node, REFUSALS) > refused));
    faults.note("the leader has noticed after " + millisSince(began) + " ms");
    disks.get(1).free();
    resumes(faults, "the disk of the leader was full");
    requireAllOpen(faults);
  }

  private void allAreLow(Faults faults) {
    disks.forEach(disk -> disk.fillUpTo(LITTLE_BYTES));
    awaitRefusals(faults, faults.cluster().leader());
    requireReadsAndAdmin(faults.cluster());
    disks.forEach(Tmpfs::free);
    resumes(faults, "all disks were low");
  }

  /** A force that fails for want of room is as bad as any other: those whose log it hit close. */
  private void allRunIntoTheWall(Faults faults) {
    LocalCluster cluster = faults.cluster();
    disks.forEach(disk -> disk.fillUpTo(0));
    boolean noticed =
        Waiting.until(
            PROGRESS,
            () ->
                cluster.brokers().stream()
                    .allMatch(node -> isClosed(cluster, node) || isLow(node)));
    assertTrue(noticed, "a full disk was not noticed");
    faults.note(
        "closed: " + cluster.brokers().stream().filter(node -> isClosed(cluster, node)).toList());
    disks.forEach(Tmpfs::free);
    resumes(faults, "all disks were full");
    requireAllOpen(faults);
  }

  private static boolean isClosed(LocalCluster cluster, Node node) {
    return lines(cluster, node, FULL) > lines(cluster, node, OPEN_AGAIN);
  }

  private static boolean isLow(Node node) {
    try {
      return OpsPage.metric(node, "keelmq_disk_low") == 1;
    } catch (IllegalStateException | UncheckedIOException e) {
      return false;
    }
  }

  private void requireAllOpen(Faults faults) {
    LocalCluster cluster = faults.cluster();
    long began = System.nanoTime();
    boolean open =
        Waiting.until(
            PROGRESS, () -> cluster.brokers().stream().noneMatch(node -> isClosed(cluster, node)));
    assertTrue(open, "a replica has not opened again");
    cluster.awaitReady(cluster.brokers(), LocalCluster.START_DEADLINE);
    note("every replica is back", millisSince(began) + " ms after writes went on");
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

  private void awaitRefusals(Faults faults, Node leader) {
    double before = OpsPage.metric(leader, REFUSALS);
    boolean refused = Waiting.until(PROGRESS, () -> OpsPage.metric(leader, REFUSALS) > before);
    assertTrue(refused, () -> String.join("\n", faults.cluster().tail(leader, 50)));
    faults.note(leader.id() + " refuses sends");
  }

  private static void requireReadsAndAdmin(LocalCluster cluster) {
    try (var client = KeelClient.connect(cluster.endpoints())) {
      client.admin().createTopic("made-while-full-" + System.nanoTime(), 1);
      assertTrue(client.admin().topics().size() > 1);
    }
  }

  private void resumes(Faults faults, String what) {
    long began = System.nanoTime();
    faults.awaitMoreOks(1, PROGRESS);
    note(what, "writes went on " + millisSince(began) + " ms after there was room");
    faults.awaitMoreOks(50, PROGRESS);
  }

  private void comesBack(Faults faults, Node node, String what) {
    long began = System.nanoTime();
    faults.cluster().awaitReady(List.of(node), LocalCluster.START_DEADLINE);
    note(what, millisSince(began) + " ms after there was room");
    faults.awaitMoreOks(50, PROGRESS);
  }

  private void awaitLine(Faults faults, Node node, String line) {
    boolean found = Waiting.until(PROGRESS, () -> lines(faults.cluster(), node, line) > 0);
    assertTrue(found, () -> String.join("\n", faults.cluster().tail(node, 50)));
    faults.note(node.id() + ": " + line);
  }

  private static int lines(LocalCluster cluster, Node node, String text) {
    return (int) cluster.tail(node, 1_000).stream().filter(line -> line.contains(text)).count();
  }

  private static long millisSince(long beganNanos) {
    return (System.nanoTime() - beganNanos) / 1_000_000;
  }

  private void note(String what, String line) {
    report.add("  " + what + ": " + line);
  }
}
