package io.keelmq.local;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.local.ClusterFailure.Kind;
import io.keelmq.local.NodeStatus.State;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalClusterTest {

  private static final Duration DEADLINE = Duration.ofSeconds(60);
  private static final Duration GRACEFUL = Duration.ofSeconds(30);

  @TempDir static Path shared;
  private static Distribution distribution;

  @TempDir Path temp;
  private Path dir;
  private final List<LocalCluster> clusters = new ArrayList<>();

  @BeforeEach
  void build() throws IOException {
    if (distribution == null) {
      distribution = FakeDistribution.in(shared);
    }
    dir = temp.resolve("cluster");
  }

  @AfterEach
  void endProcesses() {
    clusters.forEach(LocalCluster::killEverything);
  }

  @Test
  void startsInitializesStopsAndLeavesNoProcess() {
    LocalCluster cluster = create(Map.of());

    cluster.start(DEADLINE);
    var states = cluster.status().stream().map(NodeStatus::state).distinct().toList();
    var pids = pids(cluster);
    var leader = cluster.node("leader").id();
    cluster.stop(GRACEFUL);

    assertEquals(List.of(State.READY), states);
    assertEquals("n1", leader);
    assertEquals(5, pids.size());
    assertTrue(pids.stream().noneMatch(LocalClusterTest::runs), "left: " + pids);
    assertTrue(cluster.status().stream().allMatch(node -> node.state() == State.STOPPED));
    assertTrue(Files.exists(cluster.dataDir(cluster.node("n1")).resolve("initialized")));
  }

  @Test
  void startsAgainWhatRunsWithoutTouchingIt() {
    LocalCluster cluster = create(Map.of());
    cluster.start(DEADLINE);
    var pids = pids(cluster);

    LocalCluster reopened = reopen();
    reopened.start(DEADLINE);

    assertEquals(pids, pids(reopened));
  }

  @Test
  void isStoppedByWhoeverOpensItsFolder() {
    LocalCluster cluster = create(Map.of());
    cluster.start(DEADLINE);
    var pids = pids(cluster);

    LocalCluster.open(dir, Optional.empty(), FakeDistribution.bootstrap(dir)).stop(GRACEFUL);

    assertTrue(pids.stream().noneMatch(LocalClusterTest::runs), "left: " + pids);
  }

  @Test
  void killsAndRestartsOneNode() {
    LocalCluster cluster = create(Map.of());
    cluster.start(DEADLINE);
    Node node = cluster.node("n2");
    long pid = cluster.pid(node);

    cluster.kill(node);
    var killed = cluster.status(node).state();
    cluster.startNode(node);
    cluster.awaitReady(List.of(node), DEADLINE);

    assertEquals(State.DEAD, killed);
    assertFalse(runs(pid));
    assertEquals(State.READY, cluster.status(node).state());
    assertNotEquals(pid, cluster.pid(node));
  }

  @Test
  void pausesResumesAndStopsPausedNodes() {
    LocalCluster cluster = create(Map.of());
    cluster.start(DEADLINE);
    Node node = cluster.node("n3");

    cluster.pause(node);
    var paused = cluster.status(node).state();
    cluster.resume(node);
    var resumed = cluster.status(node).state();
    cluster.pause(node);
    long pid = cluster.pid(node);
    cluster.stop(GRACEFUL);

    assertEquals(State.PAUSED, paused);
    assertEquals(State.READY, resumed);
    assertFalse(runs(pid));
  }

  @Test
  void killsWhatDoesNotEndOnSigterm() {
    LocalCluster cluster = create(Map.of("stubborn", "true"));
    cluster.start(DEADLINE);
    var pids = pids(cluster);

    cluster.stop(Duration.ofMillis(100));

    assertTrue(pids.stream().noneMatch(LocalClusterTest::runs), "left: " + pids);
  }

  @Test
  void tellsWhyANodeDiedAndStopsTheOthers() {
    LocalCluster cluster = create(Map.of("fails", "n2"));

    var failure = assertThrows(ClusterFailure.class, () -> cluster.start(DEADLINE));

    assertTrue(failure.getMessage().contains("n2 ended with exit code 3"), failure.getMessage());
    assertTrue(failure.getMessage().contains("no reason to live"), failure.getMessage());
    assertTrue(cluster.nodes().stream().noneMatch(cluster::isRunning));
  }

  @Test
  void namesTheTakenPortAndStartsNothing() throws IOException {
    LocalCluster cluster = create(Map.of());
    int port = cluster.node("n2").raftPort();

    try (var taken = new ServerSocket(port, 1, InetAddress.getByName(Node.HOST))) {
      var failure = assertThrows(ClusterFailure.class, () -> cluster.start(DEADLINE));

      assertEquals(port, taken.getLocalPort());
      assertEquals(Kind.PRECONDITION, failure.kind());
      assertTrue(failure.getMessage().contains("port " + port + " (raft of n2)"));
      assertTrue(failure.getMessage().contains("--port-offset"));
    }
    assertTrue(cluster.nodes().stream().noneMatch(cluster::isRunning));
  }

  @Test
  void doesNotSignalAProcessThatHasTheOldPid() {
    LocalCluster cluster = create(Map.of());
    // This test's own JVM, as if it had got the pid of a node that ended long ago.
    var stranger = new ProcessId(ProcessHandle.current().pid(), "ticks:1");
    ClusterFile.load(dir).withProcess("n1", stranger).save(dir);

    LocalCluster reopened = reopen();
    reopened.stop(GRACEFUL);

    assertFalse(stranger.isRunning());
    assertTrue(ProcessHandle.current().isAlive());
    assertEquals(State.STOPPED, reopened.status(reopened.node("n1")).state());
    assertEquals(cluster.nodes(), reopened.nodes());
  }

  @Test
  void unknownNodesAndFoldersAreNotFound() {
    LocalCluster cluster = create(Map.of());

    var node = assertThrows(ClusterFailure.class, () -> cluster.node("n9"));
    var folder =
        assertThrows(
            ClusterFailure.class,
            () -> LocalCluster.open(temp.resolve("none"), Optional.empty(), null));

    assertEquals(Kind.NOT_FOUND, node.kind());
    assertTrue(node.getMessage().contains("n1, n2, n3"), node.getMessage());
    assertEquals(Kind.NOT_FOUND, folder.kind());
  }

  private LocalCluster create(Map<String, String> settings) {
    var options =
        new ClusterOptions(dir, distribution, new PortPlan.Free(new Random()))
            .withBrokerSettings(settings);
    LocalCluster cluster = LocalCluster.create(options, FakeDistribution.bootstrap(dir));
    clusters.add(cluster);
    return cluster;
  }

  private LocalCluster reopen() {
    LocalCluster cluster =
        LocalCluster.open(dir, Optional.of(distribution), FakeDistribution.bootstrap(dir));
    clusters.add(cluster);
    return cluster;
  }

  private static List<Long> pids(LocalCluster cluster) {
    return cluster.nodes().stream().map(cluster::pid).filter(pid -> pid != 0).toList();
  }

  /** A child that ended and was not yet reaped counts as gone. */
  private static boolean runs(long pid) {
    return ProcessId.of(pid).filter(ProcessId::isRunning).isPresent();
  }
}
