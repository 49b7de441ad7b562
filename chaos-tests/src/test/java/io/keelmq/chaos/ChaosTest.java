package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.raft.AckPolicy;
import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.PortPlan;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: what the group promises holds while its processes die. Method: real processes of the built
 * distribution, producers and a reader at work, a scenario of faults drawn from the printed seed,
 * then a final read of every replica and the checks of {@link io.keelmq.chaos.checks.Verdict}.
 */
@Tag("chaos")
class ChaosTest {

  private static final Duration PROGRESS = Duration.ofSeconds(60);
  private static final int LEADER_KILLS = 3;

  @Test
  void keepsItsPromisesWhenTheLeaderIsKilledThreeTimes() {
    ChaosResult result =
        run(
            "leader-kills",
            WorkloadOptions.standard(),
            1_400,
            LEADER_KILLS,
            faults -> {
              for (int i = 0; i < LEADER_KILLS; i++) {
                faults.awaitMoreOks(faults.draw(300, 1_500), PROGRESS);
                Node leader = faults.cluster().leader();
                faults.kill(leader);
                // Sometimes it is back before the others have elected, sometimes long after.
                faults.awaitMoreOks(faults.draw(0, 2) * 500L, PROGRESS);
                faults.startAndAwait(leader);
              }
              faults.awaitMoreOks(500, PROGRESS);
            });

    assertTrue(result.holds(), result::text);
  }

  @Test
  void keepsItsPromisesWhenAllBrokersAreKilledAtOnce() {
    ChaosResult result =
        run(
            "all-killed",
            WorkloadOptions.standard(),
            2_000,
            2,
            faults -> {
              for (int i = 0; i < 2; i++) {
                faults.awaitMoreOks(faults.draw(500, 1_500), PROGRESS);
                List<Node> brokers = faults.cluster().brokers();
                faults.kill(brokers);
                faults.startAll(brokers);
              }
              faults.awaitMoreOks(500, PROGRESS);
            });

    assertTrue(result.holds(), result::text);
  }

  @Test
  void keepsItsPromisesWhenNameServersDieAndComeBackEmpty() {
    ChaosResult result =
        run(
            "name-servers",
            WorkloadOptions.standard(),
            3_000,
            3,
            faults -> {
              Node first = faults.cluster().node("ns1");
              Node second = faults.cluster().node("ns2");
              faults.awaitMoreOks(500, PROGRESS);
              faults.kill(first);
              faults.awaitMoreOks(faults.draw(500, 1_500), PROGRESS);
              // Nobody but this one knows the routes now; it comes back knowing nothing.
              faults.kill(second);
              faults.startAndAwait(second);
              faults.awaitMoreOks(faults.draw(500, 1_500), PROGRESS);
              // The clients have to find the new leader by the one that came back.
              Node leader = faults.cluster().leader();
              faults.kill(leader);
              faults.awaitMoreOks(500, PROGRESS);
              faults.startAndAwait(leader);
              faults.startAndAwait(first);
              faults.awaitMoreOks(500, PROGRESS);
            });

    assertTrue(result.holds(), result::text);
  }

  /**
   * Goal: a replica that has lost its folder is a full member again, by itself, under load. Method:
   * a follower is wiped; when it votes again the other follower is killed, so that from then on
   * every acknowledgement needs the one that was wiped.
   */
  @Test
  void keepsItsPromisesWhenAFollowerIsWipedAndTheOtherKilled() {
    ChaosResult result =
        run(
            "wiped",
            WorkloadOptions.standard(),
            1_500,
            2,
            faults -> {
              LocalCluster cluster = faults.cluster();
              faults.awaitMoreOks(faults.draw(500, 1_500), PROGRESS);
              Node leader = cluster.leader();
              List<Node> followers =
                  cluster.brokers().stream().filter(node -> !node.equals(leader)).toList();
              faults.wipe(followers.get(0));
              faults.awaitVoter(followers.get(0));
              faults.kill(followers.get(1));
              faults.awaitMoreOks(500, PROGRESS);
            });

    assertTrue(result.holds(), result::text);
  }

  /**
   * Goal: the checks see the loss that an ack without a quorum brings. Method: brokers that ack at
   * the leader only; the followers die first, so that what is acked then is on one disk; the leader
   * dies; the followers elect among themselves and overwrite its tail.
   */
  @Test
  void seesTheLossOfABrokerThatAcknowledgesAtTheLeaderOnly() {
    ClusterOptions broken =
        options("canary-ack-at-leader")
            .withBrokerJvm(
                List.of("-D" + AckPolicy.PROPERTY + "=true"),
                List.of(Path.of(System.getProperty("chaos.marker"))));
    // Lost acks leave a gap in a producer's sequence, after which it may get nothing through.
    var workload = WorkloadOptions.standard().withDeliveryTimeout(Duration.ofSeconds(10));
    var plan =
        new ChaosPlan(
            "canary-ack-at-leader",
            ChaosPlan.givenOrNewSeed(),
            workload,
            500,
            2,
            Duration.ofSeconds(5));

    ChaosResult result =
        new ChaosRun(broken, plan)
            .run(
                faults -> {
                  LocalCluster cluster = faults.cluster();
                  faults.awaitMoreOks(500, PROGRESS);
                  Node leader = cluster.leader();
                  List<Node> followers =
                      cluster.brokers().stream().filter(node -> !node.equals(leader)).toList();
                  faults.kill(followers);
                  // A sound leader acks no more from here on; this one does.
                  faults.awaitMoreOks(50, Duration.ofSeconds(10));
                  faults.kill(leader);
                  faults.startAll(followers);
                  faults.startAndAwait(leader);
                });

    System.out.println(result.text());
    assertTrue(result.goneMessages() > 0, "the canary's loss went unseen: " + result.text());
    assertTrue(result.broken().contains("NoAckedLoss"), result::text);
    ClusterFolder.delete(broken.dir());
  }

  private static ChaosResult run(
      String name,
      WorkloadOptions workload,
      long minOks,
      int minFaults,
      ChaosPlan.Scenario scenario) {
    var plan = new ChaosPlan(name, ChaosPlan.givenOrNewSeed(), workload, minOks, minFaults);
    ChaosResult result = new ChaosRun(options(name), plan).run(scenario);
    System.out.println(result.text());
    assertEquals(3, result.counts().replicas(), "replicas read back");
    return result;
  }

  private static ClusterOptions options(String name) {
    Path dir =
        Path.of(
            System.getProperty("chaos.dir", "target/chaos"),
            name + "-" + Long.toString(System.currentTimeMillis(), 36));
    return new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(new Random()));
  }
}
