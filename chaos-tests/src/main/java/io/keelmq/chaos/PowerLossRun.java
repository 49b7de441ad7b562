package io.keelmq.chaos;

import io.keelmq.local.ClusterFailure;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * One cluster on disks of its own, its rounds of power cuts, and the verdict over all of them.
 * Owned by one thread.
 */
final class PowerLossRun {

  private static final List<String> BROKERS = List.of("n1", "n2", "n3");

  /** The least there is: a segment is begun and a snapshot taken about once a second. */
  private static final Map<String, String> BUSY_DISK =
      Map.of("log.segment.bytes", "1MiB", "snapshot.bytes", "1MiB");

  private static final Map<String, String> UNSYNCED = Map.of("log.sync", "os");

  /** A round is little more than three starts of brokers. */
  private static final List<String> QUICK_START = List.of("-XX:TieredStopAtLevel=1");

  private final Path folder;
  private final Seed seed;
  private final PowerPlan plan;

  /**
   * @param folder of the cluster, new; it is left if the run does not hold
   */
  PowerLossRun(Path folder, Seed seed, PowerPlan plan) {
    this.folder = folder.toAbsolutePath();
    this.seed = seed;
    this.plan = plan;
  }

  /** What a run came to. Immutable. */
  record Outcome(ChaosResult result, List<PowerRound> rounds) {

    /** Acknowledged messages that were on no disk behind the worst cut. */
    long onNoDisk() {
      return rounds.stream().mapToLong(round -> round.onDisk().nowhere()).max().orElse(0);
    }

    /** What is on no disk is lost; whether the group comes back to tell of it is another matter. */
    boolean sawLoss() {
      return onNoDisk() > 0;
    }
  }

  /**
   * @throws IllegalStateException saying what it lacks: root, loop devices, mkfs.ext4 or python3
   */
  Outcome run(Consumer<PowerRound> told) {
    // First of all: without it there is nothing to clean up.
    PowerCut.start().close();
    Outcome outcome = runOnDisks(told);
    if (outcome.result().holds()) {
      PowerDisks.deleteTree(folder);
    }
    return outcome;
  }

  private Outcome runOnDisks(Consumer<PowerRound> told) {
    try (var disks = PowerDisks.create(folder, BROKERS)) {
      var rounds = new PowerRounds(plan, disks, told);
      return new Outcome(judged(rounds), rounds.rounds());
    }
  }

  private ChaosResult judged(PowerRounds rounds) {
    try {
      return new ChaosRun(options(), chaosPlan()).run(rounds::inject);
    } catch (ClusterFailure e) {
      if (!plan.expectsLoss() || rounds.rounds().isEmpty()) {
        throw e;
      }
      // Replicas that forgot what they promised need not find together again.
      return ChaosResult.none(chaosPlan(), "the group did not come back: " + e.getMessage());
    }
  }

  private ClusterOptions options() {
    // The canary does not roll and takes no snapshot by itself: both sync the log.
    Map<String, String> settings = plan.expectsLoss() ? UNSYNCED : BUSY_DISK;
    return new ClusterOptions(folder, Distribution.find(), new PortPlan.Free(seed.random()))
        .withBrokerSettings(settings)
        .withBrokerJvm(QUICK_START, List.of());
  }

  private ChaosPlan chaosPlan() {
    // What was lost leaves a gap in a producer's sequence, and it may get nothing through any more.
    var patience = Duration.ofSeconds(plan.expectsLoss() ? 10 : 600);
    var drain = Duration.ofSeconds(plan.expectsLoss() ? 5 : 120);
    var workload = new WorkloadOptions(3, 8, 4, 64, 3_072, 200, 512, patience);
    return new ChaosPlan(
        "power-loss",
        seed,
        workload,
        300L * plan.rounds(),
        plan.rounds(),
        drain,
        PowerRounds.START_DEADLINE);
  }
}
