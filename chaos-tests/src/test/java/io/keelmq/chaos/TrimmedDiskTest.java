package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.keelmq.client.KeelClient;
import io.keelmq.local.ClientBootstrap;
import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.KillOnExit;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.PortPlan;
import io.keelmq.local.ReachedLevels;
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
 * Goal: with {@code disk.trim.free} a group takes sends for ever on disks that end, and what is
 * younger than {@code disk.trim.keep} can be read. Method: the data folders are small file systems
 * in memory, which only root can mount; several times of what they hold is sent to a topic that
 * would keep all of it.
 */
@Tag("chaos")
class TrimmedDiskTest {

  private static final Duration DEADLINE = Duration.ofMinutes(3);
  private static final String TOPIC = "endless";
  private static final int DISK_MEBIBYTES = 48;
  private static final int BODY_BYTES = 32 << 10;
  private static final long DISKS_TO_SEND = 3;
  private static final Duration KEEP = Duration.ofSeconds(2);

  private final List<Tmpfs> disks = new ArrayList<>();
  private final TrimmedRanges trimmed = new TrimmedRanges();

  @Test
  void takesSendsForEverOnDisksThatEnd() throws IOException {
    Path dir =
        Path.of(
                System.getProperty("chaos.dir", "target/chaos"),
                "trimmed-disk-" + Long.toString(System.currentTimeMillis(), 36))
            .toAbsolutePath();
    Path data = Files.createDirectories(dir.resolve("data"));
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

  private void run(Path dir) throws IOException {
    var seed = ChaosPlan.givenOrNewSeed();
    var options =
        new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(seed.random()))
            .withBrokerSettings(
                Map.of(
                    "log.segment.bytes",
                    "1MiB",
                    "disk.min.free",
                    "6MiB",
                    "disk.trim.free",
                    "26MiB",
                    "disk.trim.keep",
                    KEEP.toSeconds() + "s"));
    var load = new WorkloadOptions(2, 8, 2, BODY_BYTES, BODY_BYTES, 100, 128, DEADLINE);
    LocalCluster cluster = LocalCluster.create(options, new ClientBootstrap());
    var guard = new KillOnExit(cluster);
    try {
      cluster.start(DEADLINE);
      try (var client = KeelClient.connect(cluster.endpoints());
          var history =
              History.create(dir.resolve("logs").resolve("history.bin"), System::nanoTime)) {
        ReachedLevels.await(client, DEADLINE);
        client.admin().createTopic(TOPIC, load.queues());
        var workload = new Workload(client, TOPIC, load, history, seed, trimmed);
        try (workload) {
          workload.start();
          sendAndRead(cluster, workload, history);
        }
        assertEquals(List.of(), workload.troubles());
        assertEquals(0, workload.fails());
      }
      cluster.stop(Duration.ofSeconds(5));
    } finally {
      cluster.killEverything();
      guard.close();
    }
    ClusterFolder.delete(dir);
  }

  private void sendAndRead(LocalCluster cluster, Workload workload, History history) {
    long enough = DISKS_TO_SEND * (DISK_MEBIBYTES << 20) / BODY_BYTES;
    boolean sent = Waiting.until(DEADLINE, () -> workload.oks() >= enough);
    System.out.printf(
        "trimmed disk: %d of %d messages of %d bytes acknowledged, refusals of the leader %.0f%n",
        workload.oks(),
        enough,
        BODY_BYTES,
        OpsPage.metric(cluster.leader(), "keelmq_disk_full_refusals_total"));
    assertTrue(sent, () -> String.join("\n", cluster.tail(cluster.leader(), 100)));
    workload.stopSending();

    var readings = new ArrayList<ReplicaReading>();
    cluster.brokers().forEach(node -> readings.add(ReplicaReading.of(node, TOPIC)));
    assertTrue(
        Waiting.until(DEADLINE, () -> workload.delivered() + trimmed.messages() >= workload.oks()),
        () -> workload.delivered() + " delivered, " + trimmed.messages() + " gone");

    var judge = new ShortLived(KEEP);
    history.replaySoFar(judge::event);
    trimmed.tell(judge);
    judge.judgeReader();
    readings.forEach(judge::judgeReplica);
    assertEquals(List.of(), judge.problems());
    assertTrue(judge.readOfReplicas() > 0, "something is kept");
  }
}
