package io.keelmq.chaos;

import io.keelmq.client.KeelClient;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * The disks of the replicas: small file systems in memory, which only root can mount. A file takes
 * what is left of one or of all while messages are sent, and is taken away again. Nobody starts
 * anything. With little left the leader refuses; with nothing left a replica runs into the wall.
 * For one thread; unmounts them when closed.
 */
final class FullDisks implements AutoCloseable {

  private static final Duration PROGRESS = Duration.ofSeconds(60);
  private static final int DISK_MEBIBYTES = 96;

  /** Below disk.min.free, and enough for what is in flight. */
  private static final long LITTLE_BYTES = 4 << 20;

  /** More than a broker writes in a run. */
  private static final int LOG_LINES = 100_000;

  private static final String FULL = "the disk is full: the replica closes";
  private static final String OPEN_AGAIN = "the replica is open again";
  private static final String REFUSALS = "keelmq_disk_full_refusals_total";

  private final List<Tmpfs> disks;
  private final DiskFigures figures;

  private FullDisks(List<Tmpfs> disks, DiskFigures figures) {
    this.disks = disks;
    this.figures = figures;
  }

  /** Makes the disks of a cluster that will live in this folder. */
  static FullDisks mount(Path dir, DiskFigures figures) throws IOException {
    return new FullDisks(Tmpfs.mountData(dir, DISK_MEBIBYTES), figures);
  }

  /** Why they are not mounted; empty if they are. */
  String problem() {
    return Tmpfs.problem(disks);
  }

  static ClusterOptions settings(ClusterOptions options) {
    return options.withBrokerSettings(Map.of("log.segment.bytes", "4MiB", "disk.min.free", "8MiB"));
  }

  static ChaosPlan plan(Seed seed) {
    var workload = new WorkloadOptions(2, 8, 4, 512, 1_024, 150, 512, Duration.ofSeconds(60));
    return new ChaosPlan("full-disk", seed, workload, 1_000, 0);
  }

  @Override
  public void close() {
    disks.forEach(Tmpfs::close);
  }

  /** Fills the disk of a follower, of the leader and of all, and gives the room back each time. */
  void run(Faults faults) {
    faults.awaitMoreOks(100, PROGRESS);
    followerIsFull(faults);
    leaderIsLow(faults);
    leaderRunsIntoTheWall(faults);
    allAreLow(faults);
    allRunIntoTheWall(faults);
  }

  private void followerIsFull(Faults faults) {
    Node node = faults.cluster().node("n2");
    lead(faults, "n1");
    int before = lines(faults.cluster(), node, FULL);

    disks.get(1).fillUpTo(0);
    faults.await(
        node.id() + " is full", PROGRESS, () -> lines(faults.cluster(), node, FULL) > before);
    faults.note(node.id() + " is full");
    faults.awaitMoreOks(200, PROGRESS);
    disks.get(1).free();
    long began = System.nanoTime();
    faults.cluster().awaitReady(List.of(node), LocalCluster.START_DEADLINE);
    figures.since(began, "room for a follower until it was back");
    faults.awaitMoreOks(50, PROGRESS);
  }

  private void leaderIsLow(Faults faults) {
    lead(faults, "n2");

    disks.get(1).fillUpTo(LITTLE_BYTES);
    awaitRefusals(faults, faults.cluster().node("n2"));
    requireReadsAndAdmin(faults.cluster());
    disks.get(1).free();
    resumes(faults, "room for a leader that was low until writes went on");
  }

  private void leaderRunsIntoTheWall(Faults faults) {
    Node node = faults.cluster().node("n2");
    lead(faults, "n2");
    int before = lines(faults.cluster(), node, FULL);
    double refused = OpsPage.metric(node, REFUSALS);

    disks.get(1).fillUpTo(0);
    long began = System.nanoTime();
    faults.await(
        "the leader notices its full disk",
        PROGRESS,
        () ->
            lines(faults.cluster(), node, FULL) > before
                || OpsPage.metric(node, REFUSALS) > refused);
    figures.since(began, "a full leader until it noticed");
    disks.get(1).free();
    resumes(faults, "room for a leader that was full until writes went on");
    awaitAllOpen(faults);
  }

  private void allAreLow(Faults faults) {
    disks.forEach(disk -> disk.fillUpTo(LITTLE_BYTES));
    awaitRefusals(faults, faults.cluster().leader());
    requireReadsAndAdmin(faults.cluster());
    disks.forEach(Tmpfs::free);
    resumes(faults, "room for all, who were low, until writes went on");
  }

  /** A force that fails for want of room is as bad as any other: those whose log it hit close. */
  private void allRunIntoTheWall(Faults faults) {
    LocalCluster cluster = faults.cluster();
    disks.forEach(disk -> disk.fillUpTo(0));
    faults.await(
        "all notice their full disks",
        PROGRESS,
        () -> cluster.brokers().stream().allMatch(node -> isClosed(cluster, node) || isLow(node)));
    faults.note(
        "closed: " + cluster.brokers().stream().filter(node -> isClosed(cluster, node)).toList());
    disks.forEach(Tmpfs::free);
    resumes(faults, "room for all, who were full, until writes went on");
    awaitAllOpen(faults);
  }

  private void awaitAllOpen(Faults faults) {
    LocalCluster cluster = faults.cluster();
    faults.await(
        "every replica opens again",
        PROGRESS,
        () -> cluster.brokers().stream().noneMatch(node -> isClosed(cluster, node)));
    cluster.awaitReady(cluster.brokers(), LocalCluster.START_DEADLINE);
  }

  private void resumes(Faults faults, String what) {
    long began = System.nanoTime();
    faults.awaitMoreOks(1, PROGRESS);
    figures.since(began, what);
    faults.note(what);
    faults.awaitMoreOks(50, PROGRESS);
  }

  private static void awaitRefusals(Faults faults, Node leader) {
    double before = OpsPage.metric(leader, REFUSALS);
    faults.await(
        leader.id() + " refuses sends", PROGRESS, () -> OpsPage.metric(leader, REFUSALS) > before);
    faults.note(leader.id() + " refuses sends");
  }

  private static void requireReadsAndAdmin(LocalCluster cluster) {
    try (var client = KeelClient.connect(cluster.endpoints())) {
      String topic = "made-while-full-" + System.nanoTime();
      client.admin().createTopic(topic, 1);
      if (client.admin().topics().stream().noneMatch(made -> made.getTopic().equals(topic))) {
        throw new IllegalStateException(topic + " was made while disks are low, and is not there");
      }
    }
  }

  private static void lead(Faults faults, String node) {
    LocalCluster cluster = faults.cluster();
    if (cluster.leader().id().equals(node)) {
      return;
    }
    try (var client = KeelClient.connect(cluster.endpoints())) {
      client.admin().transferLeadership("g0", node);
    }
    faults.await(node + " leads", PROGRESS, () -> cluster.leader().id().equals(node));
  }

  private static boolean isClosed(LocalCluster cluster, Node node) {
    return lines(cluster, node, FULL) > lines(cluster, node, OPEN_AGAIN);
  }

  private static boolean isLow(Node node) {
    return OpsPage.ifAnswered(node, "keelmq_disk_low").orElse(0) == 1;
  }

  private static int lines(LocalCluster cluster, Node node, String text) {
    return (int) cluster.tail(node, LOG_LINES).stream().filter(l -> l.contains(text)).count();
  }
}
