package io.keelmq.chaos;

import io.keelmq.chaos.kills.LogRig;
import io.keelmq.chaos.kills.Outcome;
import io.keelmq.chaos.kills.ReplicaRig;
import io.keelmq.chaos.kills.Rig;
import io.keelmq.chaos.kills.Rounds;
import io.keelmq.chaos.kills.Rounds.Kill;
import io.keelmq.chaos.kills.StoreRig;
import io.keelmq.common.Json;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.Node;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Lets a process die at every failpoint there is, and opens what it leaves.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.FailpointRounds}
 */
@Command(
    name = "failpoint-rounds",
    description =
        "Kills a process at each named failpoint and judges what it leaves; JSON, one line for each"
            + " kill. Exit code 0 only if every failpoint was hit and every promise held.")
public final class FailpointRounds implements Callable<Integer> {

  private static final Duration PATIENCE = Duration.ofMinutes(5);

  @Mixin RunOptions run;

  @Option(
      names = "--rounds",
      defaultValue = "1",
      description =
          "Kills at each failpoint, at its first hit, its second and so on (default:"
              + " ${DEFAULT-VALUE}).")
  int rounds;

  @Option(
      names = "--at-a-time",
      defaultValue = "2",
      description = "Children that run side by side (default: ${DEFAULT-VALUE}).")
  int atATime;

  @Option(names = "--only", split = ",", description = "Only these failpoints (default: all).")
  Set<Failpoint> only;

  @Option(names = "--no-brokers", description = "Leave out those of brokers in a group under load.")
  boolean noBrokers;

  private Optional<ChaosResult> history = Optional.empty();

  private FailpointRounds() {}

  public static void main(String[] args) {
    LocalProgram.main(new FailpointRounds(), args);
  }

  /** Everybody who reaches failpoints in a child of this JVM. */
  static List<Rig> rigs() {
    return List.of(new LogRig(), new StoreRig(), new ReplicaRig());
  }

  @Override
  public Integer call() throws IOException {
    Path folder = Files.createTempDirectory("keelmq-failpoints-");
    var outcomes =
        new ArrayList<Outcome>(new Rounds(folder, atATime).run(kills(), FailpointRounds::tell));
    Seed used = run.seed();
    if (!noBrokers) {
      outcomes.addAll(brokers(folder, used));
    }
    Set<Failpoint> neverHit = neverHit(outcomes);
    long broken = outcomes.stream().filter(each -> !each.problems().isEmpty()).count();
    boolean historyHolds = history.map(ChaosResult::holds).orElse(true);
    System.out.println(summary(used, outcomes, neverHit, broken, historyHolds));
    return neverHit.isEmpty() && broken == 0 && historyHolds ? 0 : 1;
  }

  private boolean isWanted(Failpoint failpoint) {
    return only == null || only.contains(failpoint);
  }

  private List<Kill> kills() {
    var kills = new ArrayList<Kill>();
    for (Rig rig : rigs()) {
      for (Failpoint failpoint : rig.failpoints()) {
        for (long hit = 1; hit <= rounds && isWanted(failpoint); hit++) {
          kills.add(new Kill(rig, failpoint, hit));
        }
      }
    }
    return kills;
  }

  private List<Outcome> brokers(Path folder, Seed used) {
    List<Failpoint> wanted = BrokerDeaths.failpoints().stream().filter(this::isWanted).toList();
    var outcomes = new ArrayList<Outcome>();
    if (wanted.isEmpty()) {
      return outcomes;
    }
    var plan =
        new ChaosPlan(
            "failpoint-rounds", used, DamageRounds.workload(), 500, 0, PATIENCE, PATIENCE);
    ChaosResult result =
        new ChaosRun(BrokerDeaths.cluster(folder.resolve("brokers"), used), plan)
            .run(
                faults -> {
                  BrokerDeaths.awaitSnapshots(faults);
                  List<Node> nodes = faults.cluster().brokers();
                  for (Failpoint failpoint : wanted) {
                    Node node = nodes.get(outcomes.size() % nodes.size());
                    Outcome outcome = BrokerDeaths.run(faults, node, failpoint);
                    tell(outcome);
                    outcomes.add(outcome);
                  }
                });
    System.err.println(result.text());
    history = Optional.of(result);
    return outcomes;
  }

  /** At once: what was seen is kept when a run is ended early. */
  private static void tell(Outcome outcome) {
    System.err.println(outcome);
    System.out.println(json(outcome));
  }

  /** None may be left out but those that nobody asked for. */
  private Set<Failpoint> neverHit(List<Outcome> outcomes) {
    var neverHit = EnumSet.allOf(Failpoint.class);
    neverHit.removeIf(failpoint -> !isWanted(failpoint));
    outcomes.stream().filter(Outcome::died).map(Outcome::failpoint).forEach(neverHit::remove);
    return neverHit;
  }

  private Json summary(
      Seed used,
      List<Outcome> outcomes,
      Set<Failpoint> neverHit,
      long broken,
      boolean historyHolds) {
    var summary =
        new Json()
            .put("tool", "failpoint-rounds")
            .put("seed", used.value())
            .put("failpoints", Failpoint.values().length)
            .put("kills", outcomes.stream().filter(Outcome::died).count())
            .putTexts("never_hit", neverHit.stream().map(Failpoint::name).toList())
            .put("broken", broken)
            .put("history_holds", historyHolds);
    history.ifPresent(
        result ->
            summary
                .put("acked", result.counts().acked())
                .put("failed", result.counts().failed())
                .put("unknown", result.counts().unknown())
                .putTexts("problems", result.problems()));
    return summary;
  }

  private static Json json(Outcome outcome) {
    return new Json()
        .put("failpoint", outcome.failpoint().toString())
        .put("hit", outcome.hit())
        .put("rig", outcome.rig())
        .put("died", outcome.died())
        .put("reopened_ok", outcome.problems().isEmpty())
        .putTexts("problems", outcome.problems())
        .put("ms", outcome.millis());
  }
}
