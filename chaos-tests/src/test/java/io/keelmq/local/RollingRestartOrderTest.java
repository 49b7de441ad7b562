package io.keelmq.local;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.local.ClusterFailure.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Over the fake programs, of which n1 leads. */
class RollingRestartOrderTest {

  private static final Duration DEADLINE = Duration.ofSeconds(60);

  @TempDir Path temp;
  private LocalCluster cluster;

  @BeforeEach
  void start() throws IOException {
    Path dir = temp.resolve("cluster");
    var options =
        new ClusterOptions(
            dir, FakeDistribution.in(temp.resolve("home")), new PortPlan.Free(new Random()));
    cluster = LocalCluster.create(options, FakeDistribution.bootstrap(dir));
    cluster.start(DEADLINE);
  }

  @AfterEach
  void endProcesses() {
    cluster.killEverything();
  }

  @Test
  void restartsEachNodeOnceTheLeaderLast() {
    var before = pids();
    var stopped = new ArrayList<String>();
    var caughtUp = new ArrayList<String>();

    new RollingRestart(
            cluster,
            (node, deadline) -> caughtUp.add(node.id()),
            new RollingRestart.Limits(DEADLINE, DEADLINE))
        .run(node -> stopped.add(node.id()), step -> {});

    assertEquals(List.of("ns1", "ns2", "n2", "n3", "n1"), stopped);
    assertEquals(List.of("n2", "n3", "n1"), caughtUp);
    for (int i = 0; i < before.size(); i++) {
      assertNotEquals(before.get(i), pids().get(i), cluster.nodes().get(i).id());
    }
  }

  @Test
  void touchesNothingWhileANodeIsAway() {
    cluster.kill(cluster.node("n3"));
    var before = pids();
    var restart =
        new RollingRestart(
            cluster, (node, deadline) -> {}, new RollingRestart.Limits(DEADLINE, DEADLINE));

    var failure = assertThrows(ClusterFailure.class, () -> restart.run(node -> {}, step -> {}));

    assertEquals(Kind.PRECONDITION, failure.kind());
    assertTrue(failure.getMessage().contains("n3 is DEAD"), failure.getMessage());
    assertEquals(before, pids());
  }

  @Test
  void stopsNoOtherWhenOneDoesNotCatchUp() {
    Node leader = cluster.node("n1");
    long before = cluster.pid(leader);
    var restart =
        new RollingRestart(
            cluster,
            (node, deadline) -> {
              throw new ClusterFailure(Kind.UNAVAILABLE, node.id() + " has not caught up");
            },
            new RollingRestart.Limits(DEADLINE, DEADLINE));

    assertThrows(ClusterFailure.class, () -> restart.run(node -> {}, step -> {}));

    assertEquals(before, cluster.pid(leader));
    assertTrue(cluster.nodes().stream().allMatch(cluster::isRunning));
  }

  private List<Long> pids() {
    return cluster.nodes().stream().map(cluster::pid).toList();
  }
}
