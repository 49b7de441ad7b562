package io.keelmq.chaos;

import io.keelmq.client.KeelClient;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Producer;
import io.keelmq.common.Json;
import io.keelmq.local.ClusterFailure;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.Node;
import io.keelmq.local.ScratchCluster;
import io.keelmq.local.Seed;
import io.keelmq.local.Waiting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures how replicas come up to a group whose log Raft has let go of: a follower that was away
 * for the last third of the log, one that was wiped, and a new fourth member, each while a producer
 * sends at a fixed rate. Then how long brokers with that log take to start.
 *
 * <p>{@code java -Dkeelmq.home=chaos-tests/target/keelmq -cp 'chaos-tests/target/keelmq/lib/*'
 * io.keelmq.chaos.CatchUpBench --log-mib 2048}
 */
@Command(
    name = "catch-up-bench",
    description = "Replicas that come back behind the log's beginning, as JSON.")
public final class CatchUpBench implements Callable<Integer> {

  private static final String FILL = "fill";
  private static final String STEADY = "steady";
  private static final int FILL_BODY_BYTES = 4096;
  private static final int FILL_IN_FLIGHT = 1_024;
  private static final Duration DEADLINE = Duration.ofMinutes(15);
  private static final Duration GRACEFUL = Duration.ofSeconds(30);

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(
      names = "--log-mib",
      defaultValue = "2048",
      description = "Size of the log, MiB (default: ${DEFAULT-VALUE}).")
  long logMib;

  @Option(
      names = "--segment-mib",
      defaultValue = "256",
      description = "Size of its segments, MiB (default: ${DEFAULT-VALUE}).")
  long segmentMib;

  @Option(
      names = "--rate",
      defaultValue = "500",
      description = "Messages a second meanwhile (default: ${DEFAULT-VALUE}).")
  int rate;

  @Option(
      names = "--body",
      defaultValue = "1024",
      description = "Bytes of one of these (default: ${DEFAULT-VALUE}).")
  int bodyBytes;

  @Option(
      names = "--before-seconds",
      defaultValue = "10",
      description = "How long the load is measured alone (default: ${DEFAULT-VALUE}).")
  int beforeSeconds;

  @Option(names = "--seed", defaultValue = "1", description = "Default: ${DEFAULT-VALUE}.")
  long seed;

  private CatchUpBench() {}

  public static void main(String[] args) {
    LocalProgram.main(new CatchUpBench(), args);
  }

  @Override
  public Integer call() {
    try (var scratch =
        ScratchCluster.create(
            options ->
                options.withBrokerSettings(Map.of("log.segment.bytes", segmentMib + "MiB")))) {
      LocalCluster cluster = scratch.cluster();
      cluster.start(LocalCluster.START_DEADLINE);
      try (var client = KeelClient.connect(cluster.endpoints())) {
        client.admin().createTopic(FILL, 4);
        client.admin().createTopic(STEADY, 4);
        System.out.println(measure(cluster, client));
      }
    }
    return 0;
  }

  private Json measure(LocalCluster cluster, KeelClient client) {
    Node away = follower(cluster, List.of());
    long fillNanos = fill(client, logMib * 2 / 3);
    cluster.stopNode(away, GRACEFUL);
    fillNanos += fill(client, logMib - logMib * 2 / 3);
    long snapshotMillis = 0;
    for (Node node : cluster.brokers()) {
      if (!node.equals(away)) {
        snapshotMillis = Math.max(snapshotMillis, snapshotTwice(node, client));
      }
    }
    tell("filled");
    var json =
        new Json()
            .put("log_mib", logMib)
            .put("segment_mib", segmentMib)
            .put("messages_per_second", rate)
            .put("body_bytes", bodyBytes)
            .put("seed", seed)
            .put("fill_mib_per_second", logMib / (fillNanos / 1e9))
            .put("longest_snapshot_ms", snapshotMillis);
    try (var load =
        new SteadyLoad(client, STEADY, rate, bodyBytes, new Seed(seed), System::nanoTime)) {
      load.start();
      json.put(
          "away_for_the_last_third",
          meanwhile(
              load,
              away,
              () -> {
                cluster.startNode(away);
                awaitInSync(cluster, away);
              }));
      Node wiped = follower(cluster, List.of(away));
      json.put(
          "wiped",
          meanwhile(
              load,
              wiped,
              () -> {
                cluster.wipe(wiped, Duration.ZERO);
                cluster.awaitVoter(wiped, DEADLINE);
              }));
      Node added = cluster.addNode();
      json.put(
          "added",
          meanwhile(
              load,
              added,
              () -> {
                client
                    .admin()
                    .addReplica(
                        "", added.id(), added.raft().toString(), added.client().toString(), false);
                cluster.startNode(added);
                cluster.awaitVoter(added, DEADLINE);
              }));
      json.put("failed_sends", load.failed());
    }
    Node follower = follower(cluster, List.of());
    json.put("follower_after_kill_ms", restart(cluster, follower, cluster::kill));
    json.put(
        "follower_after_stop_ms",
        restart(cluster, follower, node -> cluster.stopNode(node, GRACEFUL)));
    return json.put("leader_after_kill_ms", restart(cluster, cluster.leader(), cluster::kill));
  }

  private static Node follower(LocalCluster cluster, List<Node> not) {
    Node leader = cluster.leader();
    return cluster.brokers().stream()
        .filter(node -> !node.equals(leader) && !not.contains(node))
        .findFirst()
        .orElseThrow();
  }

  private long fill(KeelClient client, long mib) {
    long began = System.nanoTime();
    long messages = (mib << 20) / FILL_BODY_BYTES;
    var body = new byte[FILL_BODY_BYTES];
    new Seed(seed).random().nextBytes(body);
    var failed = new AtomicLong();
    var inFlight = new Semaphore(FILL_IN_FLIGHT);
    try (Producer producer =
        client.producer().deliveryTimeout(DEADLINE).maxBlock(DEADLINE).open()) {
      for (long i = 0; i < messages; i++) {
        inFlight.acquire();
        producer
            .send(OutgoingMessage.of(FILL, body))
            .whenComplete(
                (receipt, failure) -> {
                  inFlight.release();
                  if (failure != null) {
                    failed.incrementAndGet();
                  }
                });
      }
      producer.flush(DEADLINE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClusterFailure(ClusterFailure.Kind.FAILED, "interrupted", e);
    }
    if (failed.get() > 0) {
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED, failed.get() + " of " + messages + " sends failed");
    }
    return System.nanoTime() - began;
  }

  /** The second one lets Raft forget what is before the first. */
  private long snapshotTwice(Node node, KeelClient client) {
    try (var replica = new ReplicaAccess(node)) {
      long first = replica.takeSnapshot().getMillis();
      long before = replica.status().getAppliedIndex();
      fill(client, 1);
      if (!Waiting.until(DEADLINE, () -> replica.status().getAppliedIndex() > before)) {
        throw new ClusterFailure(ClusterFailure.Kind.FAILED, node.id() + " applies nothing");
      }
      return Math.max(first, replica.takeSnapshot().getMillis());
    }
  }

  /** Until it has applied all that was committed a moment before. */
  private static void awaitInSync(LocalCluster cluster, Node node) {
    cluster.awaitReady(List.of(node), DEADLINE);
    try (var replica = new ReplicaAccess(node);
        var leader = new ReplicaAccess(cluster.leader())) {
      boolean inSync =
          Waiting.until(
              DEADLINE,
              () -> {
                long committed = leader.status().getCommittedIndex();
                return replica.status().getAppliedIndex() >= committed;
              });
      if (!inSync) {
        throw new ClusterFailure(ClusterFailure.Kind.UNAVAILABLE, node.id() + " is not in sync");
      }
    }
  }

  private Json meanwhile(SteadyLoad load, Node node, Runnable comesBack) {
    long alone = System.nanoTime();
    pass(Duration.ofSeconds(beforeSeconds));
    long began = System.nanoTime();
    comesBack.run();
    long ended = System.nanoTime();
    // What was sent at the end has to be answered to count.
    pass(Duration.ofSeconds(2));
    List<Long> before = load.tookNanos(alone, began);
    List<Long> during = load.tookNanos(began, ended);
    double seconds = (ended - began) / 1e9;
    double copied = OpsPage.metric(node, "keelmq_snapshot_copied_bytes_total");
    double skippedSegments = OpsPage.metric(node, "keelmq_snapshot_skipped_segments_total");
    double copiedSegments = OpsPage.metric(node, "keelmq_snapshot_copied_segments_total");
    tell("%s is back after %.1f s".formatted(node.id(), seconds));
    return new Json()
        .put("seconds", seconds)
        .put("installs", (long) OpsPage.metric(node, "keelmq_snapshot_installs_total"))
        .put("copied_mib", copied / (1 << 20))
        .put("copied_mib_per_second", copied / (1 << 20) / seconds)
        .put("segments_skipped", (long) skippedSegments)
        .put("segments_copied", (long) copiedSegments)
        .put(
            "share_of_segments_skipped",
            skippedSegments / Math.max(1, skippedSegments + copiedSegments))
        .put("sends_before", before.size())
        .put("sends_meanwhile", during.size())
        .put("p50_before_ms", millis(before, 0.5))
        .put("p99_before_ms", millis(before, 0.99))
        .put("p50_meanwhile_ms", millis(during, 0.5))
        .put("p99_meanwhile_ms", millis(during, 0.99))
        .put("p99_ratio", millis(during, 0.99) / millis(before, 0.99));
  }

  private static double millis(List<Long> nanos, double quantile) {
    return FailoverBench.millis(Pauses.quantile(new ArrayList<>(nanos), quantile));
  }

  private static double restart(LocalCluster cluster, Node node, Consumer<Node> end) {
    end.accept(node);
    long began = System.nanoTime();
    cluster.startNode(node);
    cluster.awaitReady(List.of(node), DEADLINE);
    double millis = FailoverBench.millis(System.nanoTime() - began);
    cluster.awaitReady(cluster.brokers(), DEADLINE);
    return millis;
  }

  /** Time that is measured; nothing is waited for. */
  private static void pass(Duration time) {
    try {
      TimeUnit.NANOSECONDS.sleep(time.toNanos());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClusterFailure(ClusterFailure.Kind.FAILED, "interrupted", e);
    }
  }

  private static void tell(String what) {
    System.err.println(what);
  }
}
