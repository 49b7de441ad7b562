package io.keelmq.chaos;

import io.keelmq.chaos.Pauses.Pause;
import io.keelmq.client.KeelClient;
import io.keelmq.common.Json;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.Node;
import io.keelmq.local.ScratchCluster;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures how long sends stand still when the leader is killed with -9: kills it again and again
 * under a steady load that does not slow down with the answers (open loop), restarts it each time.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.FailoverBench --kills 10}
 */
@Command(
    name = "failover-bench",
    description = "Pause around kill -9 of the leader, over many kills, as JSON.")
public final class FailoverBench implements Callable<Integer> {

  private static final String TOPIC = "failover";
  private static final Seed SEED = new Seed(1);
  private static final Duration PROGRESS = Duration.ofSeconds(60);

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(names = "--kills", defaultValue = "10", description = "Default: ${DEFAULT-VALUE}.")
  int kills;

  @Option(
      names = "--rate",
      defaultValue = "1000",
      description = "Messages a second (default: ${DEFAULT-VALUE}).")
  int rate;

  @Option(
      names = "--body",
      defaultValue = "256",
      description = "Bytes of a message (default: ${DEFAULT-VALUE}).")
  int bodyBytes;

  @Option(
      names = "--brokers",
      defaultValue = "3",
      description = "3 or 5 (default: ${DEFAULT-VALUE}).")
  int brokers;

  @Option(
      names = "--election-timeout",
      defaultValue = "1000ms",
      description = "Of the brokers (default: ${DEFAULT-VALUE}).")
  String electionTimeout;

  private FailoverBench() {}

  public static void main(String[] args) {
    LocalProgram.main(new FailoverBench(), args);
  }

  @Override
  public Integer call() throws IOException {
    try (var scratch =
        ScratchCluster.create(
            options ->
                options
                    .withBrokers(brokers)
                    .withBrokerSettings(Map.of("raft.election.timeout", electionTimeout)))) {
      LocalCluster cluster = scratch.cluster();
      cluster.start(LocalCluster.START_DEADLINE);
      return measure(cluster);
    }
  }

  private int measure(LocalCluster cluster) throws IOException {
    var load = new WorkloadOptions(1, 16, 4, bodyBytes, bodyBytes, rate, 10 * rate, PROGRESS);
    try (var history =
            History.create(cluster.dir().resolve("logs").resolve("history"), System::nanoTime);
        var client = KeelClient.connect(cluster.endpoints())) {
      client.admin().createTopic(TOPIC, load.queues());
      var workload = new Workload(client, TOPIC, load, history, SEED);
      var faults = new Faults(cluster, workload::oks, SEED);
      try (workload) {
        workload.start();
        for (int i = 0; i < kills; i++) {
          killOnce(faults, i + 1);
        }
        faults.awaitMoreOks(rate, PROGRESS);
        workload.stopSending();
      }
      history.seal();
      System.out.println(report(ChaosRun.pauses(history, faults.moments()), workload));
      return workload.troubles().isEmpty() && workload.fails() == 0 ? 0 : 1;
    }
  }

  private void killOnce(Faults faults, int number) {
    // A second of normal load before each kill, and a whole group.
    faults.awaitMoreOks(rate, PROGRESS);
    Node leader = faults.cluster().leader();
    faults.kill(leader);
    faults.awaitMoreOks(rate, PROGRESS);
    faults.startAndAwait(leader);
    System.err.printf(Locale.ROOT, "kill %d of %d: %s%n", number, kills, leader.id());
  }

  private Json report(List<Pause> pauses, Workload workload) {
    var gaps = pauses.stream().map(Pause::longestGapNanos).toList();
    var firsts = pauses.stream().map(Pause::firstOkNanos).toList();
    return new Json()
        .put("kills", pauses.size())
        .put("brokers", brokers)
        .put("election_timeout", electionTimeout)
        .put("messages_per_second", rate)
        .put("body_bytes", bodyBytes)
        .put("acked", workload.oks())
        .put("failed", workload.fails())
        .put("longest_gap_ms", summary(gaps))
        .put("kill_to_first_ok_ms", summary(firsts))
        .putNumbers("longest_gaps_ms", gaps.stream().map(FailoverBench::millis).toList())
        .putNumbers("kills_to_first_ok_ms", firsts.stream().map(FailoverBench::millis).toList())
        .putTexts("troubles", workload.troubles());
  }

  static Json summary(List<Long> nanos) {
    return new Json()
        .put("min", millis(Pauses.quantile(nanos, 0)))
        .put("median", millis(Pauses.quantile(nanos, 0.5)))
        .put("p99", millis(Pauses.quantile(nanos, 0.99)))
        .put("max", millis(Pauses.quantile(nanos, 1)));
  }

  static double millis(long nanos) {
    return Math.round(nanos / 1e4) / 1e2;
  }
}
