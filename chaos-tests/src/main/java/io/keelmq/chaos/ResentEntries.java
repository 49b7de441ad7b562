package io.keelmq.chaos;

import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.Seed;
import java.time.Duration;
import java.util.List;

/**
 * A follower that is needed for a quorum gets entries twice while its disk hangs, because its
 * leader waited too long for an answer; then the disk refuses the first copy. A follower that
 * confirms the second one makes the leader acknowledge what is on its own disk alone, and the
 * leader is killed at once. For one thread.
 */
final class ResentEntries {

  private static final Duration PROGRESS = Duration.ofSeconds(60);

  /** Longer than entries under way take, shorter than the leader waits for an answer. */
  private static final Duration QUIET = Duration.ofSeconds(2);

  private static final int LOG_LINES = 100_000;
  private static final String REQUESTS = "keelmq_raft_append_requests_total";
  private static final String NOT_CONFIRMED = "entries are not confirmed";

  private final FailingDisks disks;
  private final DiskFigures figures;

  ResentEntries(FailingDisks disks, DiskFigures figures) {
    this.disks = disks;
    this.figures = figures;
  }

  static ChaosPlan plan(Seed seed, int rounds) {
    var workload = new WorkloadOptions(2, 8, 4, 64, 512, 200, 512, Duration.ofSeconds(60));
    return new ChaosPlan("resent-entries", seed, workload, 200, 2 * rounds);
  }

  void run(Faults faults) {
    LocalCluster cluster = faults.cluster();
    faults.awaitMoreOks(100, PROGRESS);
    Node leader = cluster.leader();
    List<Node> followers = cluster.brokers().stream().filter(node -> !node.equals(leader)).toList();
    Node refusing = followers.get(faults.draw(0, followers.size()));
    Node away = followers.get(followers.indexOf(refusing) == 0 ? 1 : 0);

    faults.kill(away);
    faults.awaitMoreOks(50, PROGRESS);
    faults.disturb();
    disks.holdForces(refusing);
    faults.note("forces of " + refusing.id() + " do not return");
    double first = quietRequests(faults, refusing);
    faults.await(
        refusing.id() + " gets entries again",
        PROGRESS,
        () -> OpsPage.metric(refusing, REQUESTS) > first);
    faults.note(refusing.id() + " has got entries again");

    int notConfirmed = notConfirmed(cluster, refusing);
    long oks = faults.oks();
    disks.failHeldForce(refusing);
    // One that is right says so; one that is wrong lets sends be acknowledged.
    faults.await(
        refusing.id() + " answers",
        PROGRESS,
        () -> notConfirmed(cluster, refusing) > notConfirmed || faults.oks() > oks);
    faults.note(
        "%s: %d not confirmed, %d acknowledged"
            .formatted(
                refusing.id(), notConfirmed(cluster, refusing) - notConfirmed, faults.oks() - oks));
    faults.kill(leader);
    long began = System.nanoTime();
    faults.startAndAwait(away);
    faults.awaitMoreOks(50, PROGRESS);
    figures.since(began, "the leader's death until sends went on");
    faults.startAndAwait(leader);
    faults.awaitMoreOks(50, PROGRESS);
  }

  /** How many requests with entries it has got when no more come. */
  private static double quietRequests(Faults faults, Node node) {
    var last = new double[] {-1};
    var since = new long[] {System.nanoTime()};
    faults.await(
        "no more entries come to " + node.id(),
        PROGRESS,
        () -> {
          double now = OpsPage.metric(node, REQUESTS);
          if (now != last[0]) {
            last[0] = now;
            since[0] = System.nanoTime();
          }
          return System.nanoTime() - since[0] > QUIET.toNanos();
        });
    return last[0];
  }

  private static int notConfirmed(LocalCluster cluster, Node node) {
    return (int)
        cluster.tail(node, LOG_LINES).stream().filter(line -> line.contains(NOT_CONFIRMED)).count();
  }
}
