package io.keelmq.chaos;

import io.keelmq.chaos.MemberChange.Kind;
import io.keelmq.chaos.MemberRound.Outcome;
import io.keelmq.chaos.MemberRound.Victim;
import io.keelmq.client.Admin;
import io.keelmq.client.KeelClient;
import io.keelmq.common.Json;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.Node;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Changes of members while messages are sent, in the middle of which the leader, the new replica or
 * the old one is killed. The group has three to five replicas; at five, two are killed at once.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.MemberKills --rounds 15}
 */
@Command(
    name = "member-kills",
    description =
        "Kills replicas in the middle of changes of members; the verdict as JSON. Exit code 0 only"
            + " if every promise held.")
public final class MemberKills implements Callable<Integer> {

  private static final Duration PROGRESS = Duration.ofMinutes(2);

  /** Of a machine that is busy with others. */
  private static final Duration START_DEADLINE = Duration.ofMinutes(3);

  private static final int LEAST = 3;
  private static final int MOST = 5;

  @Mixin RunOptions run;

  @Option(
      names = "--rounds",
      defaultValue = "15",
      description = "Changes of members (default: ${DEFAULT-VALUE}).")
  int rounds;

  @Option(
      names = "--minutes",
      defaultValue = "60",
      description = "After so many no further round begins (default: ${DEFAULT-VALUE}).")
  int minutes;

  private final List<Outcome> outcomes = new ArrayList<>();
  private int pairsKilled;

  private MemberKills() {}

  public static void main(String[] args) {
    LocalProgram.main(new MemberKills(), args);
  }

  /** Snapshots are taken often: those who come get one, and the log behind it. */
  static ClusterOptions cluster(Path dir, Seed seed) {
    return new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(seed.random()))
        .withBrokerSettings(Map.of("log.segment.bytes", "1MiB", "snapshot.bytes", "2MiB"));
  }

  static WorkloadOptions workload() {
    return new WorkloadOptions(2, 8, 4, 512, 4_096, 150, 512, Duration.ofMinutes(2));
  }

  @Override
  public Integer call() throws IOException {
    Seed used = run.seed();
    Path dir = Files.createTempDirectory("keelmq-").resolve("member-kills");
    var plan =
        new ChaosPlan("member-kills", used, workload(), 500, rounds / 2, Duration.ofMinutes(5));
    ChaosResult result = new ChaosRun(cluster(dir, used), plan).run(faults -> rounds(faults, used));
    System.err.println(result.text());
    System.out.println(json(result));
    return result.holds() && !outcomes.isEmpty() ? 0 : 1;
  }

  private void rounds(Faults faults, Seed used) {
    Random random = used.random();
    faults.awaitMoreOks(300, PROGRESS);
    long end = System.nanoTime() + Duration.ofMinutes(minutes).toNanos();
    try (var client = KeelClient.connect(faults.cluster().endpoints())) {
      for (int round = 0; round < rounds && System.nanoTime() - end < 0; round++) {
        if (faults.cluster().brokers().size() == MOST) {
          killTwo(faults);
          pairsKilled++;
        }
        Outcome outcome = round(faults, client.admin(), random);
        outcomes.add(outcome);
        if (!outcome.flaw().isEmpty()) {
          faults.problem(outcome.toString());
        }
        System.err.printf("round %d of %d: %s%n", round + 1, rounds, outcome);
      }
    }
  }

  private static Outcome round(Faults faults, Admin admin, Random random) {
    int size = faults.cluster().brokers().size();
    List<Kind> kinds =
        size == LEAST
            ? List.of(Kind.ADD, Kind.PROMOTE, Kind.REPLACE)
            : size == MOST ? List.of(Kind.REMOVE, Kind.REPLACE) : List.of(Kind.values());
    Kind kind = kinds.get(random.nextInt(kinds.size()));
    var victims = new ArrayList<>(List.of(Victim.LEADER));
    if (kind.brings()) {
      victims.add(Victim.COMING);
    }
    if (kind.takes()) {
      victims.add(Victim.LEAVING);
    }
    return new MemberRound(faults, admin).run(kind, victims.get(random.nextInt(victims.size())));
  }

  /** Three of five are a majority: sends go on. */
  static void killTwo(Faults faults) {
    LocalCluster cluster = faults.cluster();
    var others = new ArrayList<>(cluster.brokers());
    // The leader is one of them, so that it is worth something.
    Node leader = cluster.leader();
    others.remove(leader);
    List<Node> killed = List.of(leader, others.get(faults.draw(0, others.size())));
    faults.kill(killed);
    faults.awaitMoreOks(200, PROGRESS);
    faults.startAll(killed, START_DEADLINE);
  }

  private Json json(ChaosResult result) {
    return result
        .json(outcomes.size())
        .put("replicas_in_the_end", result.counts().replicas())
        .put("two_of_five_killed", pairsKilled)
        .putTexts("schedule", result.schedule())
        .putObjects("outcomes", outcomes.stream().map(MemberKills::json).toList());
  }

  private static Json json(Outcome outcome) {
    return new Json()
        .put("change", outcome.kind().name())
        .put("killed", outcome.victim().name())
        .put("before", outcome.before())
        .put("after", outcome.after())
        .put("killed_at", outcome.killedAt().name())
        .put("interrupted_command", outcome.first())
        .put("millis", outcome.millis())
        .put("flaw", outcome.flaw());
  }
}
