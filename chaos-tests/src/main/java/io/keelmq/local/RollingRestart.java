package io.keelmq.local;

import io.keelmq.local.ClusterFailure.Kind;
import io.keelmq.local.NodeStatus.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Stops and starts every node of a cluster, one after the other and each by SIGTERM, as an upgrade
 * does: name servers first, then the brokers that follow, the one that leads last, so that
 * leadership moves once. The next one goes only when the one before is ready and has caught up.
 * Owned by one thread; a restart that fails leaves the nodes that it had not come to as they were.
 */
public final class RollingRestart {

  /**
   * How long a part may take.
   *
   * @param graceful from SIGTERM to the end of a process, after which it is killed
   * @param ready from its start until it is ready and has caught up
   */
  public record Limits(Duration graceful, Duration ready) {
    public static final Limits DEFAULT = new Limits(Duration.ofSeconds(40), Duration.ofSeconds(60));
  }

  /**
   * One node's restart.
   *
   * @param role what it was when it was told to stop
   * @param stopMillis from the signal to its end
   * @param startMillis from its start until it was ready and had caught up
   */
  public record Step(Node node, String role, long stopMillis, long startMillis) {}

  private final LocalCluster cluster;
  private final CatchUp.Awaiting catchUp;
  private final Limits limits;

  public RollingRestart(LocalCluster cluster, CatchUp.Awaiting catchUp, Limits limits) {
    this.cluster = cluster;
    this.catchUp = catchUp;
    this.limits = limits;
  }

  /**
   * Restarts all.
   *
   * @param beforeStop told of each node before its signal
   * @param done told of each node when it is back
   * @throws ClusterFailure PRECONDITION if a node is not ready before the first one is touched, or
   *     whatever a node's start failed with; the rest runs on
   */
  public void run(Consumer<Node> beforeStop, Consumer<Step> done) {
    requireWhole();
    for (Node node : cluster.nameServers()) {
      done.accept(restart(node, beforeStop));
    }
    var left = new ArrayList<>(cluster.brokers());
    while (!left.isEmpty()) {
      // Asked anew each time: leadership can move for reasons of its own.
      Node leader = cluster.leader();
      Node next = left.stream().filter(node -> !node.equals(leader)).findFirst().orElse(leader);
      left.remove(next);
      done.accept(restart(next, beforeStop));
    }
  }

  private void requireWhole() {
    List<String> lacking =
        cluster.status().stream()
            .filter(node -> node.state() != State.READY)
            .map(node -> node.node().id() + " is " + node.state() + " " + node.reason())
            .map(String::strip)
            .toList();
    if (!lacking.isEmpty()) {
      throw new ClusterFailure(
          Kind.PRECONDITION,
          "nothing was restarted: with a node away already the next one could stop the group: %s; `scripts/cluster start` starts what does not run"
              .formatted(String.join(", ", lacking)));
    }
  }

  /**
   * Restarts one.
   *
   * @param beforeStop told of it before its signal
   * @throws ClusterFailure whatever its start failed with
   */
  public Step restart(Node node, Consumer<Node> beforeStop) {
    String role = cluster.status(node).role();
    beforeStop.accept(node);
    long stopped = System.nanoTime();
    cluster.stopNode(node, limits.graceful());
    long started = System.nanoTime();
    cluster.startNode(node);
    cluster.awaitReady(List.of(node), limits.ready());
    if (node.isBroker()) {
      catchUp.await(node, limits.ready());
    }
    long ready = System.nanoTime();
    return new Step(
        node,
        role,
        TimeUnit.NANOSECONDS.toMillis(started - stopped),
        TimeUnit.NANOSECONDS.toMillis(ready - started));
  }
}
