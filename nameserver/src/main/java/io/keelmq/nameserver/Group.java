package io.keelmq.nameserver;

import io.keelmq.common.HostPort;
import io.keelmq.rocketmq.RouteShaper;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.Code;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.TopicRoute;
import io.keelmq.v1.TopicType;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * One broker group: its replicas, the highest term heard of, who leads in it, and its topics. Owned
 * by {@link GroupRegistry}; lost with the process.
 *
 * <p>Who leads: in the highest term, a present replica that says so itself, else whom present
 * replicas of that term name, see {@link Replica#mayLead}. Words of lower terms never count, so a
 * leader cut off from its group cannot come back into the routes. The term is kept when all who
 * told it are gone, until the group itself is forgotten.
 */
final class Group {

  static final int MAX_REPLICAS = 16;

  private final String name;
  private final long expiryMillis;
  // By node, the order of the routes.
  private final Map<String, Replica> replicas = new TreeMap<>();
  private String clusterId = "";
  private long term;
  private String leaderNode = "";
  private TopicRoutes topics = new TopicRoutes();
  private long lastPresentMillis;
  // What clients act on: without topics and applied indexes, which alone push nothing.
  private BrokerGroupRoute acted = BrokerGroupRoute.getDefaultInstance();
  private long actedTopicsVersion = -1;

  Group(String name, long expiryMillis) {
    this.name = name;
    this.expiryMillis = expiryMillis;
  }

  /**
   * Takes a report that is well formed.
   *
   * @param topicRoom how many topics this group may have
   */
  ReportOutcome report(long stream, ReplicaReport report, long nowMillis, int topicRoom) {
    Replica known = replicas.get(report.getNode());
    if (known == null && replicas.size() == MAX_REPLICAS && !forgetOneAbsent()) {
      return new ReportOutcome.Rejected(
          Code.TOO_MANY_REQUESTS,
          "group %s has %d replicas here, the most there can be: node %s finds no room"
              .formatted(name, MAX_REPLICAS, report.getNode()));
    }
    if (known != null && known.isPresent() && report.getBootId() < known.report().getBootId()) {
      return new ReportOutcome.Ignored(
          "older_boot",
          "node %s of group %s reports with boot_id %d, but lives with %d; if two processes have this name, stop one"
              .formatted(report.getNode(), name, report.getBootId(), known.report().getBootId()));
    }
    if (known != null
        && stream < known.stream()
        && report.getBootId() <= known.report().getBootId()) {
      return new ReportOutcome.Ignored(
          "older_stream",
          "node %s of group %s reports on a stream that a newer one replaced"
              .formatted(report.getNode(), name));
    }
    boolean initialized = report.getRole() != ReplicaRole.UNINITIALIZED;
    if (initialized && !report.getClusterId().equals(clusterId)) {
      if (isHeldByOthers(report.getNode())) {
        return new ReportOutcome.Rejected(
            Code.IDENTITY_MISMATCH,
            "group %s belongs to cluster %s here, node %s reports cluster %s: give one of the clusters another broker.group or other name.servers"
                .formatted(name, clusterId, report.getNode(), report.getClusterId()));
      }
      belongTo(report.getClusterId());
    }
    replicas
        .computeIfAbsent(report.getNode(), node -> new Replica())
        .hear(stream, report, nowMillis);
    lastPresentMillis = nowMillis;
    boolean fits = true;
    if (initialized) {
      term = Math.max(term, report.getTerm());
      fits = topics.offer(report, topicRoom);
    }
    boolean wantTopics = initialized && topics.lacks(report.getTopicsVersion());
    return new ReportOutcome.Accepted(refresh(), wantTopics, fits);
  }

  /** The stream of a replica ended. Returns whether the routes changed. */
  boolean streamEnded(String node, long stream, long nowMillis) {
    Replica replica = replicas.get(node);
    if (replica == null || !replica.isPresent() || replica.stream() != stream) {
      return false;
    }
    lastPresentMillis = nowMillis;
    replica.leave(nowMillis, expiryMillis);
    return refresh();
  }

  /** Lets go of whom was silent for too long. Returns whether the routes changed. */
  boolean expire(long nowMillis) {
    for (Replica replica : replicas.values()) {
      if (replica.isSilent(nowMillis, expiryMillis)) {
        lastPresentMillis = nowMillis;
        replica.expire(nowMillis, expiryMillis);
      }
    }
    boolean changed = refresh();
    replicas
        .entrySet()
        .removeIf(
            entry -> entry.getValue().isForgotten(nowMillis) && !entry.getKey().equals(leaderNode));
    return changed;
  }

  void skip(long pauseMillis) {
    lastPresentMillis += pauseMillis;
    replicas.values().forEach(replica -> replica.skip(pauseMillis));
  }

  /** Whether nobody is heard of it, since when that is so, and nothing of it is worth keeping. */
  boolean isForgettable(long nowMillis, long keptMillis) {
    return !isAlive()
        && (nowMillis - lastPresentMillis >= keptMillis
            || (clusterId.isEmpty() && replicas.isEmpty()));
  }

  boolean isAlive() {
    return replicas.values().stream().anyMatch(Replica::isPresent);
  }

  long lastPresentMillis() {
    return lastPresentMillis;
  }

  /** Everything, with the latest applied indexes and all topics. */
  BrokerGroupRoute route() {
    return build(true).setTopicsVersion(topics.version()).addAllTopics(topics.topics()).build();
  }

  /** Where a topic is, if this group has it. */
  Optional<TopicPlace> place(String topic) {
    return topics.topic(topic).map(found -> new TopicPlace(place(found), calls()));
  }

  /**
   * SDKs are told of all replicas, heard here or not: they look once in half a minute, and connect
   * anew when the addresses change. One that is started again should not have been away, and to one
   * whose only address goes away, every send fails until it looks again.
   */
  private RouteShaper.Place place(TopicRoute topic) {
    Map<String, HostPort> addresses = addresses();
    return new RouteShaper.Place(
        name,
        addresses.values().stream().distinct().toList(),
        Optional.ofNullable(addresses.get(leaderNode)),
        calls().stream().findFirst(),
        messageType(topic.getType()),
        topic.getQueues());
  }

  /** By node: those that vote, each at the address it tells itself if it is heard here. */
  private Map<String, HostPort> addresses() {
    var heard = new TreeMap<String, HostPort>();
    replicas.forEach(
        (node, replica) -> {
          if (replica.isInitialized()) {
            heard.put(node, replica.client());
          }
        });
    var voters = new TreeMap<String, HostPort>();
    replicas.values().stream()
        .filter(replica -> replica.isInitialized() && !replica.voters().isEmpty())
        .max(Comparator.comparing(Replica::isPresent).thenComparing(Replica::appliedIndex))
        .ifPresent(
            knowing ->
                knowing
                    .voters()
                    .forEach(
                        voter ->
                            voters.put(
                                voter.getNode(),
                                heard.getOrDefault(
                                    voter.getNode(), HostPort.parse(voter.getClientAddress())))));
    // One that has forgotten everything answers nobody until it is let in again.
    voters.keySet().removeIf(this::isUninitialized);
    return voters.isEmpty() ? heard : voters;
  }

  private boolean isUninitialized(String node) {
    Replica replica = replicas.get(node);
    return replica != null && replica.isPresent() && !replica.isInitialized();
  }

  private static MessageType messageType(TopicType type) {
    return switch (type) {
      case NORMAL, TOPIC_TYPE_UNSPECIFIED, UNRECOGNIZED -> MessageType.NORMAL;
      case FIFO -> MessageType.FIFO;
      case DELAY -> MessageType.DELAY;
      case TRANSACTION -> MessageType.TRANSACTION;
      case PRIORITY -> MessageType.PRIORITY;
    };
  }

  /** Where to pass calls on to, best first. */
  List<HostPort> calls() {
    return replicas.entrySet().stream()
        .filter(entry -> entry.getValue().isPresent() && entry.getValue().isInitialized())
        .sorted(
            Comparator.comparing(
                    (Map.Entry<String, Replica> entry) -> !entry.getValue().report().getReady())
                // A follower knows how to repeat a call whose outcome its leader took along.
                .thenComparing(entry -> entry.getKey().equals(leaderNode)))
        .map(entry -> entry.getValue().client())
        .toList();
  }

  String name() {
    return name;
  }

  long term() {
    return term;
  }

  String leaderNode() {
    return leaderNode;
  }

  int presentReplicas() {
    return (int) replicas.values().stream().filter(Replica::isPresent).count();
  }

  int topicCount() {
    return topics.size();
  }

  /** How many present replicas say that they lead in the highest term: more than one is a fault. */
  int leadersClaimed() {
    return (int) replicas.values().stream().filter(r -> r.claimsToLead(term)).count();
  }

  private boolean forgetOneAbsent() {
    return replicas
        .entrySet()
        .removeIf(entry -> !entry.getValue().isPresent() && !entry.getKey().equals(leaderNode));
  }

  private boolean isHeldByOthers(String node) {
    return replicas.entrySet().stream()
        .anyMatch(
            entry ->
                !entry.getKey().equals(node)
                    && entry.getValue().isPresent()
                    && entry.getValue().isInitialized());
  }

  private void belongTo(String newClusterId) {
    // Terms and topics of another cluster mean nothing here, nor do its absent replicas.
    clusterId = newClusterId;
    term = 0;
    leaderNode = "";
    topics = new TopicRoutes();
    replicas.values().removeIf(replica -> replica.isInitialized());
  }

  private boolean refresh() {
    leaderNode = findLeader();
    BrokerGroupRoute now = build(false).build();
    if (now.equals(acted) && topics.version() == actedTopicsVersion) {
      return false;
    }
    acted = now;
    actedTopicsVersion = topics.version();
    return true;
  }

  private String findLeader() {
    var claimants =
        replicas.entrySet().stream()
            .filter(entry -> entry.getValue().claimsToLead(term))
            .map(Map.Entry::getKey)
            .toList();
    if (!claimants.isEmpty()) {
      return stable(claimants);
    }
    return stable(
        replicas.values().stream()
            .filter(witness -> witness.speaksFor(term))
            .filter(witness -> isCredible(witness))
            .map(witness -> witness.report().getLeaderNode())
            .sorted()
            .toList());
  }

  private boolean isCredible(Replica witness) {
    String named = witness.report().getLeaderNode();
    if (named.isEmpty() || named.equals(witness.report().getNode())) {
      return false;
    }
    Replica leader = replicas.get(named);
    return leader == null || leader.mayLead(term, witness);
  }

  /** Raft elects one leader a term; if it is broken, routes at least do not flap. */
  private String stable(List<String> named) {
    if (named.isEmpty()) {
      return "";
    }
    return named.contains(leaderNode) ? leaderNode : named.get(0);
  }

  private BrokerGroupRoute.Builder build(boolean withAppliedIndex) {
    var route =
        BrokerGroupRoute.newBuilder()
            .setClusterId(clusterId)
            .setBrokerGroup(name)
            .setTerm(term)
            .setLeaderNode(leaderNode);
    replicas.forEach(
        (node, replica) -> {
          if (replica.isPresent() || node.equals(leaderNode)) {
            route.addReplicas(routeOf(replica, withAppliedIndex));
          }
        });
    return route;
  }

  private ReplicaRoute.Builder routeOf(Replica replica, boolean withAppliedIndex) {
    ReplicaReport report = replica.report();
    boolean leads = report.getNode().equals(leaderNode);
    // Whoever claims a term that is over has not noticed yet. It serves nobody until it does.
    boolean superseded = !leads && report.getRole() == ReplicaRole.LEADER;
    ReplicaRole role = report.getRole();
    if (leads) {
      role = ReplicaRole.LEADER;
    } else if (superseded) {
      role = ReplicaRole.FOLLOWER;
    }
    return ReplicaRoute.newBuilder()
        .setNode(report.getNode())
        .setRole(role)
        .setClientAddress(report.getClientAddress())
        .setRaftAddress(report.getRaftAddress())
        .setOpsAddress(report.getOpsAddress())
        .setReady(report.getReady() && !superseded)
        .setAppliedIndex(withAppliedIndex ? report.getAppliedIndex() : 0)
        .setSoftwareVersion(report.getSoftwareVersion())
        .setBootId(report.getBootId());
  }
}
