package io.keelmq.chaos;

import io.keelmq.chaos.Pauses.Pause;
import io.keelmq.chaos.checks.Event;
import io.keelmq.client.KeelClient;
import io.keelmq.common.Json;
import io.keelmq.local.CatchUp;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.RollingRestart;
import io.keelmq.local.RollingRestart.Step;
import io.keelmq.local.ScratchCluster;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures how long sends and a reader stand still while every node of a cluster is restarted, one
 * after the other, again and again, under a steady load that does not slow down with the answers
 * (open loop).
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.RollingRestartBench --rounds
 * 3}
 */
@Command(
    name = "rolling-restart-bench",
    description = "Pauses of clients through rolling restarts, as JSON.")
public final class RollingRestartBench implements Callable<Integer> {

  private static final String TOPIC = "rolling";
  private static final Seed SEED = new Seed(1);
  private static final Duration PROGRESS = Duration.ofSeconds(60);

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(
      names = "--rounds",
      defaultValue = "3",
      description = "Restarts of the whole cluster (default: ${DEFAULT-VALUE}).")
  int rounds;

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

  private final List<Step> steps = new ArrayList<>();

  private RollingRestartBench() {}

  public static void main(String[] args) {
    LocalProgram.main(new RollingRestartBench(), args);
  }

  @Override
  public Integer call() throws IOException {
    double loadBefore = loadOfMachine();
    try (var scratch = ScratchCluster.create(options -> options.withBrokers(brokers))) {
      LocalCluster cluster = scratch.cluster();
      cluster.start(LocalCluster.START_DEADLINE);
      return measure(cluster, loadBefore);
    }
  }

  private int measure(LocalCluster cluster, double loadBefore) throws IOException {
    var load = new WorkloadOptions(1, 16, 4, bodyBytes, bodyBytes, rate, 10 * rate, PROGRESS);
    try (var history =
            History.create(cluster.dir().resolve("logs").resolve("history"), System::nanoTime);
        var client = KeelClient.connect(cluster.endpoints())) {
      client.admin().createTopic(TOPIC, load.queues());
      var workload = new Workload(client, TOPIC, load, history, SEED);
      var faults = new Faults(cluster, workload::oks, SEED);
      var restart =
          new RollingRestart(cluster, new CatchUp(client)::await, RollingRestart.Limits.DEFAULT);
      try (workload) {
        workload.start();
        for (int i = 0; i < rounds; i++) {
          restart.run(
              node -> {
                // A second of normal load before each.
                faults.awaitMoreOks(rate, PROGRESS);
                faults.disturb();
              },
              this::note);
        }
        faults.awaitMoreOks(rate, PROGRESS);
        workload.stopSending();
      }
      history.seal();
      List<Pause> sends = ChaosRun.pauses(history, faults.moments());
      List<Pause> reads = pausesOfReader(history, faults.moments());
      System.out.println(report(sends, reads, workload, loadBefore));
      return workload.troubles().isEmpty() && workload.fails() == 0 ? 0 : 1;
    }
  }

  private void note(Step step) {
    steps.add(step);
    System.err.printf(
        "restart %d: %s (%s), stop %d ms, ready %d ms%n",
        steps.size(), step.node().id(), step.role(), step.stopMillis(), step.startMillis());
  }

  private static List<Pause> pausesOfReader(History history, List<Long> moments) {
    var pauses = new Pauses(moments);
    history.replay(
        event -> {
          if (event instanceof Event.Delivered) {
            pauses.ok(event.nanos(), event.nanos());
          }
        });
    return pauses.pauses();
  }

  private Json report(List<Pause> sends, List<Pause> reads, Workload workload, double loadBefore) {
    List<Json> each =
        IntStream.range(0, steps.size())
            .mapToObj(
                i ->
                    new Json()
                        .put("node", steps.get(i).node().id())
                        .put("was", steps.get(i).role())
                        .put("stop_ms", steps.get(i).stopMillis())
                        .put("ready_ms", steps.get(i).startMillis())
                        .put("send_gap_ms", FailoverBench.millis(sends.get(i).longestGapNanos()))
                        .put("read_gap_ms", FailoverBench.millis(reads.get(i).longestGapNanos())))
            .toList();
    return new Json()
        .put("rounds", rounds)
        .put("brokers", brokers)
        .put("messages_per_second", rate)
        .put("body_bytes", bodyBytes)
        .put("processors", Runtime.getRuntime().availableProcessors())
        .put("machine_load_before", loadBefore)
        .put("machine_load_after", loadOfMachine())
        .put("acked", workload.oks())
        .put("failed", workload.fails())
        .put("send_gap_ms", FailoverBench.summary(gaps(sends, "")))
        .put("send_gap_ms_of_leaders", FailoverBench.summary(gaps(sends, "LEADER")))
        .put("send_gap_ms_of_followers", FailoverBench.summary(gaps(sends, "FOLLOWER")))
        .put("send_gap_ms_of_name_servers", FailoverBench.summary(gaps(sends, "NAME_SERVER")))
        .put("read_gap_ms", FailoverBench.summary(gaps(reads, "")))
        .putObjects("restarts", each)
        .putTexts("troubles", workload.troubles());
  }

  /**
   * @param role empty: of all
   */
  private List<Long> gaps(List<Pause> pauses, String role) {
    return IntStream.range(0, pauses.size())
        .filter(i -> role.isEmpty() || steps.get(i).role().equals(role))
        .mapToObj(i -> pauses.get(i).longestGapNanos())
        .toList();
  }

  /** Processes that want to run, of the last minute: others on the machine make pauses too. */
  private static double loadOfMachine() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }
}
