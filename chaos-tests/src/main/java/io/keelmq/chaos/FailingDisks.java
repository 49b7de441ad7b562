package io.keelmq.chaos;

import io.keelmq.local.ClusterOptions;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Forces of the log do what a file for each broker says, while messages are sent: fail once, or do
 * not return. Nobody starts anything. For one thread.
 */
final class FailingDisks {

  private static final Duration PROGRESS = Duration.ofSeconds(60);
  private static final String REPAIRS = "keelmq_disk_repairs_total";

  private final Path dir;
  private final DiskFigures figures;

  /**
   * @param dir of the cluster
   */
  FailingDisks(Path dir, DiskFigures figures) {
    this.dir = dir;
    this.figures = figures;
  }

  ClusterOptions settings(ClusterOptions options) {
    Map<String, List<String>> faults =
        Stream.of("n1", "n2", "n3")
            .collect(
                Collectors.toMap(
                    node -> node, node -> List.of("-Dkeelmq.test.disk.fault=" + fault(node))));
    return options.withBrokerSettings(Map.of("disk.stall", "1s")).withNodeJvm(faults);
  }

  static ChaosPlan plan(Seed seed, int rounds) {
    var workload = new WorkloadOptions(2, 8, 4, 64, 512, 200, 512, Duration.ofSeconds(60));
    return new ChaosPlan("disk-error", seed, workload, 500, 2 * rounds);
  }

  /** A force of the leader fails once, and behind it one of the next leader stalls. */
  void run(Faults faults) {
    faults.awaitMoreOks(100, PROGRESS);
    failOnce(faults);
    stall(faults);
  }

  private void failOnce(Faults faults) {
    LocalCluster cluster = faults.cluster();
    Node leader = cluster.leader();
    double repairs = OpsPage.metric(leader, REPAIRS);
    faults.disturb();
    write(fault(leader.id()), "eio");
    faults.note("EIO on " + leader.id());
    moves(faults, leader, "a force of the leader that failed until another replica led");
    faults.awaitMoreOks(100, PROGRESS);
    long began = System.nanoTime();
    faults.await(
        leader.id() + " opens its folder again",
        PROGRESS,
        () -> shows(leader, REPAIRS, repairs + 1));
    cluster.awaitReady(List.of(leader), LocalCluster.START_DEADLINE);
    figures.since(began, "another leader until the failed one was back");
    faults.awaitMoreOks(100, PROGRESS);
  }

  private void stall(Faults faults) {
    Node leader = faults.cluster().leader();
    faults.disturb();
    write(fault(leader.id()), "stall");
    faults.note("stall of " + leader.id());
    moves(faults, leader, "a force of the leader that stalls until another replica led");
    if (OpsPage.metric(leader, "keelmq_may_lead") != 0) {
      faults.problem(leader.id() + " may lead though its disk stalls");
    }
    faults.awaitMoreOks(100, PROGRESS);
    try {
      Files.delete(fault(leader.id()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    long began = System.nanoTime();
    faults.await(
        leader.id() + " may lead again", PROGRESS, () -> shows(leader, "keelmq_may_lead", 1));
    figures.since(began, "the end of the stall until the replica might lead again");
    faults.awaitMoreOks(100, PROGRESS);
  }

  private void moves(Faults faults, Node from, String figure) {
    long began = System.nanoTime();
    faults.await(
        "another leader than " + from.id(),
        PROGRESS,
        () ->
            faults.cluster().brokers().stream()
                .filter(node -> !node.equals(from))
                .anyMatch(node -> shows(node, "keelmq_leader", 1)));
    figures.since(began, figure);
  }

  /** A page asked this often may refuse. */
  private static boolean shows(Node node, String metric, double value) {
    OptionalDouble now = OpsPage.ifAnswered(node, metric);
    return now.isPresent() && now.getAsDouble() == value;
  }

  private Path fault(String node) {
    return dir.resolve("fault-" + node);
  }

  private static void write(Path file, String text) {
    try {
      Path next = Files.writeString(file.resolveSibling("fault.tmp"), text);
      Files.move(next, file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
