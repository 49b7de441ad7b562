package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a leader whose fsync fails once, or does not return, leads no more; nothing acknowledged is
 * lost, and it comes back without an operator. Method: forces of the log do what a file for each
 * broker says, while messages are sent. Nobody starts anything.
 */
@Tag("chaos")
class DiskErrorTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);

  private final List<String> report = new ArrayList<>();

  @Test
  void leadershipMovesAndTheReplicaComesBack() throws IOException {
    Path dir =
        Path.of(
                System.getProperty("chaos.dir", "target/chaos"),
                "disk-error-" + Long.toString(System.currentTimeMillis(), 36))
            .toAbsolutePath();
    Map<String, List<String>> faults =
        Stream.of("n1", "n2", "n3")
            .collect(
                Collectors.toMap(
                    node -> node, node -> List.of("-Dkeelmq.test.disk.fault=" + fault(dir, node))));
    var options =
        new ClusterOptions(
                dir, Distribution.find(), new PortPlan.Free(ChaosPlan.givenOrNewSeed().random()))
            .withBrokerSettings(Map.of("disk.stall", "1s"))
            .withNodeJvm(faults);
    var workload = new WorkloadOptions(2, 8, 4, 64, 512, 200, 512, Duration.ofSeconds(60));
    var plan = new ChaosPlan("disk-error", ChaosPlan.givenOrNewSeed(), workload, 500, 2);

    ChaosResult result =
        new ChaosRun(options, plan)
            .run(
                running -> {
                  running.awaitMoreOks(100, PROGRESS);
                  failOnce(running, dir);
                  stall(running, dir);
                });

    System.out.println(result.text() + "\n" + String.join("\n", report));
    assertTrue(result.holds(), result::text);
    assertEquals(0, result.counts().failed() + result.counts().unknown(), result::text);
  }

  private void failOnce(Faults faults, Path dir) {
    LocalCluster cluster = faults.cluster();
    Node leader = cluster.leader();
    faults.disturb();
    write(fault(dir, leader.id()), "eio");
    faults.note("EIO on " + leader.id());
    moves("a force of the leader failed once", cluster, leader);
    faults.awaitMoreOks(100, PROGRESS);
    long began = System.nanoTime();
    boolean open =
        Waiting.until(
            PROGRESS,
            () ->
                cluster.tail(leader, 500).stream()
                    .anyMatch(line -> line.contains("the replica is open again")));
    assertTrue(open, () -> String.join("\n", cluster.tail(leader, 50)));
    cluster.awaitReady(List.of(leader), LocalCluster.START_DEADLINE);
    note("it was back " + millisSince(began) + " ms later");
    assertEquals(1, OpsPage.metric(leader, "keelmq_disk_repairs_total"));
    faults.awaitMoreOks(100, PROGRESS);
  }

  private void stall(Faults faults, Path dir) {
    LocalCluster cluster = faults.cluster();
    Node leader = cluster.leader();
    faults.disturb();
    write(fault(dir, leader.id()), "stall");
    faults.note("stall of " + leader.id());
    moves("a force of the leader stalls, the limit is 1 s", cluster, leader);
    assertEquals(0, OpsPage.metric(leader, "keelmq_may_lead"));
    faults.awaitMoreOks(100, PROGRESS);
    try {
      Files.delete(fault(dir, leader.id()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    long began = System.nanoTime();
    assertTrue(Waiting.until(PROGRESS, () -> shows(leader, "keelmq_may_lead")));
    note("it may lead again after " + millisSince(began) + " ms");
    faults.awaitMoreOks(100, PROGRESS);
  }

  private void moves(String why, LocalCluster cluster, Node from) {
    long began = System.nanoTime();
    boolean moved =
        Waiting.until(
            PROGRESS,
            () ->
                cluster.brokers().stream()
                    .filter(node -> !node.equals(from))
                    .anyMatch(node -> shows(node, "keelmq_leader")));
    assertTrue(moved, () -> String.join("\n", cluster.tail(from, 50)));
    note(why + ": another replica led after " + millisSince(began) + " ms");
  }

  private static boolean shows(Node node, String metric) {
    try {
      return OpsPage.metric(node, metric) == 1;
    } catch (IllegalStateException | UncheckedIOException e) {
      // A page asked this often may be refused.
      return false;
    }
  }

  private static Path fault(Path dir, String node) {
    return dir.resolve("fault-" + node);
  }

  private static void write(Path file, String text) {
    try {
      Path next = Files.writeString(file.resolveSibling("fault.tmp"), text);
      Files.move(next, file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long millisSince(long beganNanos) {
    return (System.nanoTime() - beganNanos) / 1_000_000;
  }

  private void note(String line) {
    report.add("  " + line);
  }
}
