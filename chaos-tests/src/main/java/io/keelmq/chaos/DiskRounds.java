package io.keelmq.chaos;

import io.keelmq.local.ClusterFailure;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Fills disks, or lets forces fail and stall, again and again while messages are sent; how long the
 * group takes to go on.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.DiskRounds --kind full}
 */
@Command(
    name = "disk-rounds",
    description =
        "Disks that are full, fail and stall under load; figures and the verdict as JSON. Exit code"
            + " 0 only if every promise held and no send failed.")
public final class DiskRounds implements Callable<Integer> {

  enum Kind {
    /** Of a follower, of the leader and of all; needs root, which alone may mount file systems. */
    FULL,

    /** A force of the leader fails once, and another stalls. */
    FAILING
  }

  @Mixin RunOptions run;

  @Option(
      names = "--kind",
      required = true,
      description = "What is wrong with disks: ${COMPLETION-CANDIDATES}.")
  Kind kind;

  @Option(
      names = "--rounds",
      defaultValue = "10",
      description = "Each with every fault of the kind (default: ${DEFAULT-VALUE}).")
  int rounds;

  private final DiskFigures figures = new DiskFigures();

  private DiskRounds() {}

  public static void main(String[] args) {
    LocalProgram.main(new DiskRounds(), args);
  }

  @Override
  public Integer call() throws IOException {
    Seed seed = run.seed();
    Path dir = Files.createTempDirectory("keelmq-").resolve("disk-rounds");
    var options = new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(seed.random()));
    ChaosResult result = kind == Kind.FULL ? full(options, seed) : failing(options, seed);
    System.err.println(result.text() + "\n" + figures.text());
    System.out.println(
        result
            .json(rounds)
            .putTexts("schedule", result.schedule())
            .putObjects("figures", figures.json()));
    return result.holds() && result.counts().failed() + result.counts().unknown() == 0 ? 0 : 1;
  }

  private ChaosResult full(ClusterOptions options, Seed seed) throws IOException {
    try (FullDisks disks = FullDisks.mount(options.dir(), figures)) {
      if (!disks.problem().isEmpty()) {
        throw new ClusterFailure(
            ClusterFailure.Kind.PRECONDITION,
            "no file system could be mounted: " + disks.problem() + "; only root may");
      }
      return new ChaosRun(FullDisks.settings(options), FullDisks.plan(seed)).run(again(disks::run));
    }
  }

  private ChaosResult failing(ClusterOptions options, Seed seed) {
    var disks = new FailingDisks(options.dir(), figures);
    return new ChaosRun(disks.settings(options), FailingDisks.plan(seed, rounds))
        .run(again(disks::run));
  }

  private ChaosPlan.Scenario again(ChaosPlan.Scenario round) {
    return faults -> {
      for (int done = 0; done < rounds; done++) {
        round.inject(faults);
      }
    };
  }
}
