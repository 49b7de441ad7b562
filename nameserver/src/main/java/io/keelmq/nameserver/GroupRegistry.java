package io.keelmq.nameserver;

import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.Code;
import io.keelmq.v1.ReplicaReport;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What replicas have said, group by group: the facts behind the routes. Pure: time is told to it,
 * in milliseconds of a clock that never goes back. Not thread-safe, owned by {@link RouteDirectory}
 * under its lock. Nothing survives the process: the next reports tell it all again.
 */
final class GroupRegistry {

  static final int MAX_GROUPS = 64;

  /** Over all groups, so that the routes fit into one gRPC message of 4 MiB. */
  static final int MAX_TOPICS = 20_000;

  /** How long a group of which nobody is heard keeps its term and its topics. */
  static final long GROUP_KEPT_MILLIS = 600_000;

  /** A longer time between two calls of {@link #expire} means that this process stood still. */
  static final long LONGEST_TICK_MILLIS = 1_000;

  private record Place(String group, String node) {}

  private final long expiryMillis;
  private final Map<String, Group> groups = new TreeMap<>();
  // By stream: whose it is. As many as RegistryService lets in.
  private final Map<Long, Place> places = new HashMap<>();
  private long lastExpireMillis;

  /**
   * @param expiryMillis how long a replica may be silent
   */
  GroupRegistry(long expiryMillis, long nowMillis) {
    this.expiryMillis = expiryMillis;
    this.lastExpireMillis = nowMillis;
  }

  /**
   * Takes one report.
   *
   * @param stream the number of the stream that it came on: younger streams have higher ones
   */
  ReportOutcome report(long stream, ReplicaReport report, long nowMillis) {
    Optional<String> fault = ReportChecks.fault(report);
    if (fault.isPresent()) {
      return new ReportOutcome.Rejected(Code.INVALID_ARGUMENT, "replica report: " + fault.get());
    }
    var place = new Place(report.getBrokerGroup(), report.getNode());
    Place before = places.get(stream);
    if (before != null && !before.equals(place)) {
      return new ReportOutcome.Rejected(
          Code.INVALID_ARGUMENT,
          "node %s of group %s reports on the stream of node %s of group %s: expected a stream of its own"
              .formatted(place.node(), place.group(), before.node(), before.group()));
    }
    Group group = groups.get(place.group());
    if (group == null) {
      if (groups.size() == MAX_GROUPS && !forgetLongestGone()) {
        return new ReportOutcome.Rejected(
            Code.TOO_MANY_REQUESTS,
            "%d groups report here, the most there can be: group %s finds no room"
                .formatted(MAX_GROUPS, place.group()));
      }
      group = new Group(place.group(), expiryMillis);
    }
    int room = MAX_TOPICS - topicCount() + group.topicCount();
    ReportOutcome outcome = group.report(stream, report, nowMillis, room);
    if (outcome instanceof ReportOutcome.Accepted) {
      groups.put(place.group(), group);
      places.put(stream, place);
    }
    return outcome;
  }

  /** A stream is over, however it ended. Returns whether the routes changed. */
  boolean streamEnded(long stream, long nowMillis) {
    Place place = places.remove(stream);
    Group group = place == null ? null : groups.get(place.group());
    return group != null && group.streamEnded(place.node(), stream, nowMillis);
  }

  /**
   * Lets go of what has been silent for too long; to be called a few times a second. Returns
   * whether the routes changed.
   *
   * <p>If the last call is long ago, then it was this process that stood still. The reports of that
   * time wait in its sockets, and nobody is declared dead for them.
   */
  boolean expire(long nowMillis) {
    long pauseMillis = nowMillis - lastExpireMillis;
    lastExpireMillis = nowMillis;
    if (pauseMillis > LONGEST_TICK_MILLIS) {
      groups.values().forEach(group -> group.skip(pauseMillis));
    }
    boolean changed = false;
    for (Group group : groups.values()) {
      changed |= group.expire(nowMillis);
    }
    changed |= groups.values().removeIf(g -> g.isForgettable(nowMillis, GROUP_KEPT_MILLIS));
    return changed;
  }

  /** By name. */
  List<BrokerGroupRoute> routes() {
    return groups.values().stream().map(Group::route).toList();
  }

  /** For metrics and logs; by name. */
  Collection<Group> groups() {
    return groups.values();
  }

  Optional<Group> group(String name) {
    return Optional.ofNullable(groups.get(name));
  }

  private int topicCount() {
    return groups.values().stream().mapToInt(Group::topicCount).sum();
  }

  private boolean forgetLongestGone() {
    Optional<String> gone =
        groups.entrySet().stream()
            .filter(entry -> !entry.getValue().isAlive())
            .min(Comparator.comparingLong(entry -> entry.getValue().lastPresentMillis()))
            .map(Map.Entry::getKey);
    gone.ifPresent(groups::remove);
    return gone.isPresent();
  }
}
