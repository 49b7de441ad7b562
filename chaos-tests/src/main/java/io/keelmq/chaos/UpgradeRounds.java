package io.keelmq.chaos;

import io.keelmq.chaos.UpgradePlan.Side;
import io.keelmq.chaos.UpgradeRound.Step;
import io.keelmq.common.Json;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Release;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Upgrades a cluster of processes under all kinds of load from an older release, or from this one
 * held at the first feature level.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.UpgradeRounds --from HOME}
 */
@Command(
    name = "upgrade-rounds",
    description =
        "Upgrades a cluster under load, node by node and once back, with kills of the leader while"
            + " it is mixed; the verdict as JSON. Exit code 0 only if every promise held.")
public final class UpgradeRounds implements Callable<Integer> {

  /** Of a machine that is busy with others. */
  static final Duration START_DEADLINE = Duration.ofMinutes(3);

  /** Snapshots are taken often: whoever comes gets one, and the log behind it. */
  private static final Map<String, String> SETTINGS =
      Map.of("log.segment.bytes", "1MiB", "snapshot.bytes", "2MiB");

  /** Brokers live for a minute here, and are started more than a dozen times. */
  private static final List<String> QUICK_START = List.of("-XX:TieredStopAtLevel=1");

  private static final long LEAST_SENDS = 2_000;
  private static final long LEAST_DELIVERIES = 1_000;
  private static final int LEAST_FAULTS = 10;

  @Mixin RunOptions run;

  @Option(
      names = "--from",
      description =
          "The unpacked distribution of the older release (default: this one, held by"
              + " feature.level.max=1).")
  Optional<Path> from = Optional.empty();

  @Option(
      names = "--rounds",
      defaultValue = "1",
      description = "Clusters, one after the other (default: ${DEFAULT-VALUE}).")
  int rounds;

  @Option(
      names = "--rate",
      defaultValue = "30",
      description = "Messages a second for each of two topics, half of it for each of two more.")
  int rate;

  @Option(
      names = "--consumers",
      defaultValue = "1",
      description = "Processes of consumers (default: ${DEFAULT-VALUE}).")
  int consumerProcesses;

  @Option(
      names = "--tolerance-ms",
      defaultValue = "10000",
      description =
          "By which timers and deliveries may be later than promised, on a machine that is busy"
              + " with others (default: ${DEFAULT-VALUE}).")
  long toleranceMillis;

  private UpgradeRounds() {}

  public static void main(String[] args) {
    LocalProgram.main(new UpgradeRounds(), args);
  }

  /** The older release and this one. */
  static Map<Side, Release> releases(Optional<Path> from) {
    Distribution now = Distribution.find();
    var held = new HashMap<>(SETTINGS);
    held.put("feature.level.max", "1");
    Release old =
        from.map(home -> new Release(Distribution.at(home), SETTINGS))
            .orElse(new Release(now, held));
    return Map.of(Side.OLD, old, Side.NEW, new Release(now, SETTINGS));
  }

  /** What one cluster came to. */
  record Upgrade(UpgradeRound round, UpgradeVerdict verdict, ConsumeResult result) {

    Json json() {
      var sizes = new Json();
      verdict.sizesWhileMixed().forEach((leader, size) -> sizes.put(leader.name(), size.name()));
      return new Json()
          .put("steps_of_nodes", round.steps().size())
          .putObjects("steps", round.steps().stream().map(UpgradeRounds::json).toList())
          .put("level_rose_ms", round.riseMillis())
          .put("retention_by_size_while_mixed_by_leader", sizes)
          .put("old_one_on_the_raised_group", verdict.refusal())
          .putTexts("schedule", result.schedule())
          .put("clients", result.json());
    }
  }

  /** One cluster, which leaves its folder only if a promise was broken. */
  static Upgrade upgrade(Map<Side, Release> releases, Path dir, ConsumePlan plan) {
    Release old = releases.get(Side.OLD);
    var options =
        new ClusterOptions(dir, old.distribution(), new PortPlan.Free(plan.seed().random()))
            .withBrokerSettings(old.brokerSettings())
            .withBrokerJvm(QUICK_START, List.of());
    var verdict = new UpgradeVerdict(options.brokers());
    var round = new UpgradeRound(releases, verdict);
    ConsumeResult result =
        new ConsumeRun(options, plan)
            .run(
                (faults, consumers) ->
                    round.run(
                        faults,
                        consumers,
                        UpgradePlan.draw(faults.cluster().nodes(), plan.seed().random(1))));
    return new Upgrade(round, verdict, result);
  }

  @Override
  public Integer call() throws IOException {
    Seed used = run.seed();
    Map<Side, Release> releases = releases(from);
    List<Upgrade> upgrades = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      var plan = plan(new Seed(used.value() + i));
      Path dir = Files.createTempDirectory("keelmq-").resolve("upgrade");
      Upgrade upgrade = upgrade(releases, dir, plan);
      System.err.println(upgrade.result().text());
      upgrades.add(upgrade);
    }
    boolean holds =
        !upgrades.isEmpty() && upgrades.stream().allMatch(each -> each.result().holds());
    System.out.println(
        new Json()
            .put("tool", "upgrade-rounds")
            .put("seed", used.value())
            .put("from", from.isPresent() ? "an older release" : "this release, held at level 1")
            .put("rounds", rounds)
            .put("holds", holds)
            .putObjects("upgrades", upgrades.stream().map(Upgrade::json).toList()));
    return holds ? 0 : 1;
  }

  private ConsumePlan plan(Seed seed) {
    return new ConsumePlan(
        "upgrade-rounds",
        seed,
        rate,
        consumerProcesses,
        LEAST_SENDS,
        LEAST_DELIVERIES,
        LEAST_FAULTS,
        Duration.ofMillis(toleranceMillis),
        START_DEADLINE);
  }

  private static Json json(Step step) {
    return new Json()
        .put("node", step.node())
        .put("was", step.role())
        .put("to", step.to().name())
        .put("stop_ms", step.stopMillis())
        .put("ready_ms", step.readyMillis());
  }
}
