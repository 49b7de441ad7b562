package io.keelmq.chaos;

import io.keelmq.chaos.DamageKind.How;
import io.keelmq.chaos.DamageRound.Outcome;
import io.keelmq.common.Json;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.Node;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Damages one file of one replica after the other, each kind in each way in turn, while messages
 * are sent and read, and lets the replica come back by itself. In the end every replica must hold
 * what was acknowledged, as it was sent.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.DamageRounds --rounds 50}
 */
@Command(
    name = "damage-rounds",
    description =
        "Damages files of one replica again and again; the verdict as JSON. Exit code 0 only if"
            + " every promise held.")
public final class DamageRounds implements Callable<Integer> {

  private static final Duration PROGRESS = Duration.ofMinutes(2);

  @Mixin RunOptions run;

  @Option(
      names = "--rounds",
      defaultValue = "50",
      description = "Files to damage (default: ${DEFAULT-VALUE}).")
  int rounds;

  @Option(
      names = "--minutes",
      defaultValue = "60",
      description = "After so many no further round begins (default: ${DEFAULT-VALUE}).")
  int minutes;

  @Option(
      names = "--kinds",
      split = ",",
      description = "Only these kinds of files (default: all): ${COMPLETION-CANDIDATES}.")
  List<DamageKind> kinds;

  @Option(names = "--ways", split = ",", description = "Only these: ${COMPLETION-CANDIDATES}.")
  List<How> ways;

  private record Way(DamageKind kind, How how) {}

  private final List<Outcome> outcomes = new ArrayList<>();

  private DamageRounds() {}

  public static void main(String[] args) {
    LocalProgram.main(new DamageRounds(), args);
  }

  /** A cluster for runs like this one. */
  static ClusterOptions cluster(Path dir, Seed seed) {
    return new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(seed.random()))
        .withBrokerSettings(
            Map.of(
                "log.segment.bytes",
                "1MiB",
                "snapshot.bytes",
                "2MiB",
                "scrub.bytes.per.second",
                DamageRound.SCRUB_RATE,
                "scrub.pause",
                DamageRound.SCRUB_PAUSE));
  }

  /** Bodies that fill some segments soon. */
  static WorkloadOptions workload() {
    return new WorkloadOptions(1, 4, 4, 2_048, 8_192, 40, 128, Duration.ofSeconds(60));
  }

  @Override
  public Integer call() throws IOException {
    Seed used = run.seed();
    Path dir = Files.createTempDirectory("keelmq-").resolve("damage-rounds");
    var plan = new ChaosPlan("damage-rounds", used, workload(), 500, 0, Duration.ofMinutes(5));
    ChaosResult result =
        new ChaosRun(cluster(dir, used), plan)
            .run(
                faults -> {
                  faults.awaitMoreOks(1_500, PROGRESS);
                  damage(faults, used.random());
                });
    System.err.println(result.text());
    long wrong = outcomes.stream().mapToLong(Outcome::wrong).sum();
    System.out.println(json(result, wrong));
    return result.holds() && wrong == 0 && !outcomes.isEmpty() ? 0 : 1;
  }

  private void damage(Faults faults, Random random) {
    List<Way> inTurn = waysInTurn(random);
    long end = System.nanoTime() + Duration.ofMinutes(minutes).toNanos();
    for (int round = 0; round < rounds && System.nanoTime() - end < 0; round++) {
      Way way = inTurn.get(round % inTurn.size());
      List<Node> brokers = faults.cluster().brokers();
      Node node = brokers.get(random.nextInt(brokers.size()));
      faults.awaitMoreOks(20, PROGRESS);
      Outcome outcome =
          DamageRound.run(faults, "chaos", node, List.of(way.kind()), way.how(), random);
      outcomes.add(outcome);
      System.err.printf("round %d of %d on %s: %s%n", round + 1, rounds, node.id(), outcome);
    }
  }

  private List<Way> waysInTurn(Random random) {
    var all = new ArrayList<Way>();
    for (DamageKind kind : kinds == null ? List.of(DamageKind.values()) : kinds) {
      for (How how : ways == null ? List.of(How.values()) : ways) {
        all.add(new Way(kind, how));
      }
    }
    Collections.shuffle(all, random);
    return all;
  }

  private Json json(ChaosResult result, long wrong) {
    return result
        .json(outcomes.size())
        .put("wrong_messages_served", wrong)
        .put("repaired", outcomes.stream().filter(Outcome::newIncarnation).count())
        .putNumbers("back_ms", outcomes.stream().map(Outcome::millis).sorted().toList())
        .putObjects("outcomes", outcomes.stream().map(DamageRounds::json).toList());
  }

  private static Json json(Outcome outcome) {
    return new Json()
        .putTexts("damage", outcome.damages().stream().map(Object::toString).toList())
        .put("new_incarnation", outcome.newIncarnation())
        .put("found", outcome.found())
        .put("repairs", outcome.repairs())
        .put("rebuilt_sidecars", outcome.rebuiltSidecars())
        .put("refused_reads", outcome.refusedReads())
        .put("wrong", outcome.wrong())
        .put("back_ms", outcome.millis());
  }
}
