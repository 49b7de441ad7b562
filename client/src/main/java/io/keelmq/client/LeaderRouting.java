package io.keelmq.client;

import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Which replica to call: the leader if it is known and has not just failed, else a ready replica,
 * which forwards, else any. Owned by the loop.
 */
final class LeaderRouting {

  /** For as long a replica that failed is called only if no other is left. */
  static final long AVOID_MILLIS = 1_000;

  /** For as long an answer that names the leader counts for more than the route. */
  static final long HINT_MILLIS = 3_000;

  private static final int MAX_MARKS = 1_024;

  private final ClientLoop loop;
  private final RouteCache routes;
  private final Map<String, Long> avoidUntilNanos = new HashMap<>();
  private final Map<String, Hint> leaderHints = new HashMap<>();

  /** A replica as chosen: under which term, and whether a leader was known then. */
  record Target(String group, String node, String address, long term, boolean leaderKnown) {}

  private record Hint(String node, long term, long untilNanos) {}

  LeaderRouting(ClientLoop loop, RouteCache routes) {
    this.loop = loop;
    this.routes = routes;
  }

  /**
   * @param group empty: the first initialized one
   * @param anyReplica true: ready replicas in random order, the leader among them
   */
  Optional<Target> pick(String group, boolean anyReplica) {
    Optional<BrokerGroupRoute> found =
        group.isEmpty() ? routes.table().defaultGroup() : routes.table().group(group);
    if (found.isEmpty()) {
      return Optional.empty();
    }
    BrokerGroupRoute route = found.get();
    String leader = leaderNode(route);
    ReplicaRoute best = null;
    int bestRank = Integer.MAX_VALUE;
    for (ReplicaRoute replica : shuffled(route.getReplicasList())) {
      if (replica.getRole() == ReplicaRole.UNINITIALIZED || replica.getClientAddress().isEmpty()) {
        continue;
      }
      boolean leads = replica.getNode().equals(leader);
      int rank = (leads && !anyReplica ? 0 : replica.getReady() ? 1 : leads ? 2 : 3);
      if (isAvoided(replica.getClientAddress())) {
        rank += 10;
      }
      if (rank < bestRank) {
        bestRank = rank;
        best = replica;
      }
    }
    if (best == null) {
      return Optional.empty();
    }
    return Optional.of(
        new Target(
            route.getBrokerGroup(),
            best.getNode(),
            best.getClientAddress(),
            route.getTerm(),
            !leader.isEmpty()));
  }

  /** The leader as far as known, when that is somebody else than the target, of a later view. */
  boolean leadsElsewhere(Target target) {
    Optional<BrokerGroupRoute> route = routes.table().group(target.group());
    if (route.isEmpty()) {
      return false;
    }
    Optional<ReplicaRoute> leader = RouteTable.leaderOf(route.get());
    return leader.isPresent()
        && !leader.get().getClientAddress().equals(target.address())
        && !isAvoided(leader.get().getClientAddress());
  }

  /**
   * {@link #leadsElsewhere}, known only since the target was chosen: a target taken because the
   * leader could not be reached is not left for that leader at every push.
   */
  boolean leaderMoved(Target target) {
    return leadsElsewhere(target)
        && routes
            .table()
            .group(target.group())
            .map(route -> route.getTerm() > target.term() || !target.leaderKnown())
            .orElse(false);
  }

  void failed(Target target) {
    if (avoidUntilNanos.size() >= MAX_MARKS) {
      avoidUntilNanos.clear();
    }
    avoidUntilNanos.put(target.address(), loop.nanoTime() + AVOID_MILLIS * 1_000_000);
    leaderHints.remove(target.group());
  }

  void worked(Target target) {
    avoidUntilNanos.remove(target.address());
  }

  /** A replica said who leads. */
  void hint(Target said, String leaderNode) {
    if (leaderNode.isEmpty() || leaderNode.equals(said.node())) {
      return;
    }
    long until = loop.nanoTime() + HINT_MILLIS * 1_000_000;
    leaderHints.put(said.group(), new Hint(leaderNode, said.term(), until));
  }

  private String leaderNode(BrokerGroupRoute route) {
    Hint hint = leaderHints.get(route.getBrokerGroup());
    if (hint != null) {
      if (hint.term() >= route.getTerm() && hint.untilNanos() - loop.nanoTime() > 0) {
        return hint.node();
      }
      leaderHints.remove(route.getBrokerGroup());
    }
    return route.getLeaderNode();
  }

  private boolean isAvoided(String address) {
    Long until = avoidUntilNanos.get(address);
    if (until == null) {
      return false;
    }
    if (until - loop.nanoTime() <= 0) {
      avoidUntilNanos.remove(address);
      return false;
    }
    return true;
  }

  private static List<ReplicaRoute> shuffled(List<ReplicaRoute> replicas) {
    var copy = new ArrayList<>(replicas);
    java.util.Collections.shuffle(copy, ThreadLocalRandom.current());
    return copy;
  }
}
