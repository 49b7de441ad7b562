package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.raft.ApplyPace;
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
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: a slow follower, slow applying and more load than the group can take, all at once, end in
 * callers that wait, not in a process that runs out of memory. Method: brokers of the
 * distribution's own heap (384 MiB, which exit on an OutOfMemoryError) that apply an entry only
 * every few milliseconds; producers that always have more in flight than the leader's bound; a
 * follower that is stopped by SIGSTOP most of the time. No broker may die, none of what was
 * acknowledged may be lost, and the bound must have been reached, or the run proves nothing.
 */
@Tag("chaos")
class MemoryBudgetTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);
  private static final int ROUNDS = 4;

  /**
   * Of the 32 MiB that a proposer takes: with so much waiting, the load is more than it can take.
   */
  private static final long FULL_LOAD_BYTES = 16L << 20;

  private static final int APPLY_PAUSE_MICROS = 2_000;

  @Test
  void holdsCallersBackWhenFollowerAndApplyingAreSlow() {
    var options =
        new ClusterOptions(
                Path.of(
                    System.getProperty("chaos.dir", "target/chaos"),
                    "memory-budget-" + Long.toString(System.currentTimeMillis(), 36)),
                Distribution.find(),
                new PortPlan.Free(ChaosPlan.givenOrNewSeed().random()))
            .withBrokerJvm(
                List.of("-D" + ApplyPace.PROPERTY + "=" + APPLY_PAUSE_MICROS),
                List.of(Path.of(System.getProperty("chaos.marker"))));
    var workload = new WorkloadOptions(16, 4, 4, 8 << 10, 16 << 10, 0, 450, Duration.ofMinutes(2));
    var plan = new ChaosPlan("memory-budget", ChaosPlan.givenOrNewSeed(), workload, 2_000, 0);
    var pids = new TreeMap<String, Long>();
    var peaks = new TreeMap<String, Long>();
    var inFlight = new TreeMap<String, Double>();

    ChaosResult result =
        new ChaosRun(options, plan)
            .run(
                faults -> {
                  LocalCluster cluster = faults.cluster();
                  cluster.brokers().forEach(node -> pids.put(node.id(), cluster.pid(node)));
                  slowFollower(faults, inFlight);
                  for (Node node : cluster.brokers()) {
                    assertEquals(
                        pids.get(node.id()),
                        cluster.pid(node),
                        () -> node.id() + " died: " + String.join("\n", cluster.tail(node, 20)));
                    peaks.put(node.id(), peakResidentMebibytes(cluster.pid(node)));
                  }
                });

    System.out.printf(
        Locale.ROOT,
        "%s%nmemory-budget: peak resident MiB %s, most bytes being stored %s%n",
        result.text(),
        peaks,
        inFlight);
    assertTrue(result.holds(), result::text);
    assertTrue(
        inFlight.values().stream().anyMatch(bytes -> bytes >= FULL_LOAD_BYTES),
        () -> "VOID: never more than " + inFlight + " bytes were being stored");
    ClusterFolder.delete(options.dir());
  }

  /** Lets a follower run a fifth of the time, for {@link #ROUNDS} seconds of acknowledged sends. */
  private static void slowFollower(Faults faults, Map<String, Double> inFlight) {
    LocalCluster cluster = faults.cluster();
    Node leader = cluster.leader();
    Node slow =
        cluster.brokers().stream().filter(node -> !node.equals(leader)).findFirst().orElseThrow();
    faults.note("from now on " + slow.id() + " is stopped most of the time");
    for (int round = 0; round < ROUNDS; round++) {
      cluster.pause(slow);
      try {
        faults.awaitMoreOks(faults.draw(150, 300), PROGRESS);
      } finally {
        cluster.resume(slow);
      }
      faults.awaitMoreOks(50, PROGRESS);
      isFull(cluster, inFlight);
    }
    // The load goes on, and a few looks may each have come at a quiet moment.
    Waiting.until(PROGRESS, () -> isFull(cluster, inFlight));
    assertTrue(
        Waiting.until(PROGRESS, () -> cluster.isRunning(slow)), () -> slow.id() + " is gone");
  }

  /** Looks how much is being stored, and says whether it was ever enough. */
  private static boolean isFull(LocalCluster cluster, Map<String, Double> inFlight) {
    for (Node node : cluster.brokers()) {
      OpsPage.ifAnswered(node, "keelmq_proposal_in_flight_bytes")
          .ifPresent(bytes -> inFlight.merge(node.id(), bytes, Math::max));
    }
    return inFlight.values().stream().anyMatch(bytes -> bytes >= FULL_LOAD_BYTES);
  }

  /** As the kernel counted it (VmHWM); 0 where it does not tell. */
  private static long peakResidentMebibytes(long pid) {
    Path status = Path.of("/proc/" + pid + "/status");
    if (!Files.exists(status)) {
      return 0;
    }
    try {
      return Files.readAllLines(status).stream()
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) >> 10)
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
