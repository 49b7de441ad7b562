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
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures how long a cluster takes from nothing to ready, and a broker that holds a log of a given
 * size from its start to ready: after kill -9, and after a graceful stop, of a follower and of the
 * leader.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.StartBench --log-mib 1024}
 */
@Command(
    name = "start-bench",
    description = "Start of a cluster, restart of a broker with a log of some size, as JSON.")
public final class StartBench implements Callable<Integer> {

  private static final String TOPIC = "fill";
  private static final int BODY_BYTES = 4096;
  private static final Duration FLUSH = Duration.ofMinutes(5);
  private static final Duration GRACEFUL = Duration.ofSeconds(30);

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(
      names = "--starts",
      defaultValue = "3",
      description = "New clusters to start (default: ${DEFAULT-VALUE}).")
  int starts;

  @Option(
      names = "--log-mib",
      defaultValue = "1024",
      description = "Size of the log, MiB (default: ${DEFAULT-VALUE}).")
  long logMib;

  @Option(
      names = "--restarts",
      defaultValue = "3",
      description = "Of each kind (default: ${DEFAULT-VALUE}).")
  int restarts;

  private StartBench() {}

  public static void main(String[] args) {
    LocalProgram.main(new StartBench(), args);
  }

  @Override
  public Integer call() {
    var startNanos = new ArrayList<Long>();
    for (int i = 1; i < starts; i++) {
      try (var scratch = ScratchCluster.create(UnaryOperator.identity())) {
        startNanos.add(start(scratch.cluster()));
      }
    }
    try (var scratch = ScratchCluster.create(UnaryOperator.identity())) {
      LocalCluster cluster = scratch.cluster();
      startNanos.add(start(cluster));
      long filledNanos = fill(cluster);
      var json =
          new Json()
              .putNumbers("start_to_ready_ms", millis(startNanos))
              .put("fill_s", filledNanos / 1e9);
      Node follower =
          cluster.brokers().stream()
              .filter(node -> !node.equals(cluster.leader()))
              .findFirst()
              .orElseThrow();
      json.put("log_bytes", bytesOf(cluster.dataDir(follower)));
      json.putNumbers("follower_after_kill_ms", millis(restart(cluster, () -> follower, true)));
      json.putNumbers("follower_after_stop_ms", millis(restart(cluster, () -> follower, false)));
      json.putNumbers("leader_after_kill_ms", millis(restart(cluster, cluster::leader, true)));
      System.out.println(json);
    }
    return 0;
  }

  private static long start(LocalCluster cluster) {
    long began = System.nanoTime();
    cluster.start(LocalCluster.START_DEADLINE);
    return System.nanoTime() - began;
  }

  private long fill(LocalCluster cluster) {
    long began = System.nanoTime();
    long messages = (logMib << 20) / BODY_BYTES;
    var failed = new AtomicLong();
    var body = new byte[BODY_BYTES];
    // Noise: nothing on the way may shorten it.
    new Seed(1).random().nextBytes(body);
    try (var client = KeelClient.connect(cluster.endpoints())) {
      client.admin().createTopic(TOPIC, 4);
      try (Producer producer = client.producer().deliveryTimeout(FLUSH).maxBlock(FLUSH).open()) {
        for (long i = 0; i < messages; i++) {
          producer
              .send(OutgoingMessage.of(TOPIC, body))
              .whenComplete(
                  (receipt, failure) -> {
                    if (failure != null) {
                      failed.incrementAndGet();
                    }
                  });
        }
        producer.flush(FLUSH);
      }
    }
    if (failed.get() > 0) {
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED, failed.get() + " of " + messages + " sends failed");
    }
    return System.nanoTime() - began;
  }

  private List<Long> restart(LocalCluster cluster, Supplier<Node> who, boolean kill) {
    var nanos = new ArrayList<Long>();
    for (int i = 0; i < restarts; i++) {
      Node node = who.get();
      if (kill) {
        cluster.kill(node);
      } else {
        cluster.stopNode(node, GRACEFUL);
      }
      long began = System.nanoTime();
      cluster.startNode(node);
      cluster.awaitReady(List.of(node), LocalCluster.START_DEADLINE);
      nanos.add(System.nanoTime() - began);
      cluster.awaitReady(cluster.brokers(), LocalCluster.START_DEADLINE);
    }
    return nanos;
  }

  private static List<Double> millis(List<Long> nanos) {
    return nanos.stream().map(FailoverBench::millis).toList();
  }

  private static long bytesOf(Path folder) {
    try (var files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + folder, e);
    }
  }
}
