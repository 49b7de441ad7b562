package io.keelmq.chaos;

import io.keelmq.common.Json;
import io.keelmq.local.ClusterFailure;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Cuts the power of replicas under load, again and again: every replica's data lies on an ext4 file
 * system of its own, which loses what was not synced; then the history is judged. Needs root, loop
 * devices, mkfs.ext4 and python3.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.PowerLoss --rounds 100}
 */
@Command(
    name = "power-loss",
    description =
        "Power cuts of one, two or all replicas under load; a line of JSON for each round, and the"
            + " verdict as the last. Exit code 0 only if every promise held; with --canary only if a"
            + " loss was seen.")
public final class PowerLoss implements Callable<Integer> {

  @Mixin RunOptions run;

  @Option(
      names = "--rounds",
      defaultValue = "10",
      description = "Power cuts (default: ${DEFAULT-VALUE}).")
  int rounds;

  @Option(
      names = "--rounds-per-cluster",
      defaultValue = "10",
      description = "Of a cluster, before its history is judged (default: ${DEFAULT-VALUE}).")
  int roundsPerCluster;

  @Option(
      names = "--kind",
      defaultValue = "ALL",
      description = "Who loses power at one instant: ${COMPLETION-CANDIDATES} (default: all).")
  PowerPlan.Kind kind;

  @Option(
      names = "--moment",
      split = ",",
      defaultValue = "MIXED",
      description = "When, one or more: ${COMPLETION-CANDIDATES} (default: mixed).")
  List<PowerPlan.Moment> moments;

  @Option(
      names = "--torn",
      description =
          "Behind each cut, write over what was not forced, as disks do that write no whole pages;"
              + " without it, in about every second round of a run of several moments.")
  boolean torn;

  @Option(
      names = "--canary",
      description = "With log.sync=os, which must lose what was acknowledged.")
  boolean canary;

  @Option(
      names = "--dir",
      description = "Where clusters and disks are made; what a killed run left there is removed.")
  Path dir;

  private PowerLoss() {}

  public static void main(String[] args) {
    LocalProgram.main(new PowerLoss(), args);
  }

  @Override
  public Integer call() throws IOException {
    Path base =
        (dir == null ? Path.of(System.getProperty("java.io.tmpdir"), "keelmq-power-loss") : dir)
            .toAbsolutePath();
    Files.createDirectories(base);
    try (var channel =
            FileChannel.open(
                base.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      if (lock == null) {
        throw new ClusterFailure(
            ClusterFailure.Kind.PRECONDITION,
            "another run uses " + base + "; name another folder by --dir");
      }
      PowerDisks.freeLeftovers(base);
      return run(base);
    }
  }

  private int run(Path base) {
    Seed chosen = run.seed();
    var tally = new PowerTally(chosen);
    // What a canary has lost once, it cannot lose again.
    int perCluster = canary ? 1 : roundsPerCluster;
    for (int done = 0; done < rounds && (canary || !tally.isBroken()); done += perCluster) {
      var plan = new PowerPlan(Math.min(perCluster, rounds - done), kind, moments(), torn, canary);
      Path folder = base.resolve("run-" + chosen.value() + "-" + (done / perCluster + 1));
      if (Files.exists(folder)) {
        throw new ClusterFailure(
            ClusterFailure.Kind.PRECONDITION,
            folder + " is left from an earlier run; look at it, and delete it");
      }
      int before = done;
      var batchSeed = new Seed(chosen.value() + done / perCluster);
      PowerLossRun.Outcome outcome =
          new PowerLossRun(folder, batchSeed, plan)
              .run(round -> System.out.println(line(before, round)));
      tally.add(outcome);
      System.err.println(outcome.result().text());
      if (canary) {
        PowerDisks.deleteTree(folder);
      } else if (!outcome.result().holds()) {
        System.err.println("history, logs and disks are left in " + folder);
      }
    }
    Json result = tally.json(kind, moments(), canary);
    System.out.println(result);
    boolean good = canary ? tally.sawLoss() : !tally.isBroken();
    return good ? 0 : 1;
  }

  /** A canary neither rolls nor takes a snapshot. */
  private List<PowerPlan.Moment> moments() {
    return canary ? List.of(PowerPlan.Moment.ANY) : moments;
  }

  private static Json line(int before, PowerRound round) {
    return round.json(before + round.number());
  }
}
