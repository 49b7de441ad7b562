package io.keelmq.client;

import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.TopicRoute;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** The routes as merged from all name servers at one moment. Immutable. */
final class RouteTable {

  /** More groups than this are not taken from a name server. */
  static final int MAX_GROUPS = 1_024;

  static final RouteTable EMPTY = new RouteTable(new TreeMap<>());

  private final SortedMap<String, BrokerGroupRoute> groups;
  private final Map<String, TopicPlace> topics = new HashMap<>();

  /** Where a topic lives. */
  record TopicPlace(String group, TopicRoute route) {}

  private RouteTable(SortedMap<String, BrokerGroupRoute> groups) {
    this.groups = groups;
    for (BrokerGroupRoute group : groups.values()) {
      for (TopicRoute topic : group.getTopicsList()) {
        topics.putIfAbsent(topic.getTopic(), new TopicPlace(group.getBrokerGroup(), topic));
      }
    }
  }

  Collection<BrokerGroupRoute> groups() {
    return groups.values();
  }

  Optional<BrokerGroupRoute> group(String name) {
    return Optional.ofNullable(groups.get(name));
  }

  /** Where calls go that name no group: the first one that was initialized. */
  Optional<BrokerGroupRoute> defaultGroup() {
    return groups.values().stream().filter(RouteTable::isInitialized).findFirst();
  }

  /** True when groups are known and none of them was initialized. */
  boolean onlyUninitialized() {
    return !groups.isEmpty() && defaultGroup().isEmpty();
  }

  /** Null when no route names the topic. */
  TopicPlace topicOrNull(String topic) {
    return topics.get(topic);
  }

  Set<String> clientAddresses() {
    var addresses = new HashSet<String>();
    for (BrokerGroupRoute group : groups.values()) {
      group.getReplicasList().forEach(replica -> addresses.add(replica.getClientAddress()));
    }
    return addresses;
  }

  static boolean isInitialized(BrokerGroupRoute group) {
    return !group.getLeaderNode().isEmpty()
        || group.getReplicasList().stream()
            .anyMatch(replica -> replica.getRole() != ReplicaRole.UNINITIALIZED);
  }

  static Optional<ReplicaRoute> leaderOf(BrokerGroupRoute group) {
    return group.getReplicasList().stream()
        .filter(replica -> replica.getNode().equals(group.getLeaderNode()))
        .findFirst();
  }

  /** This table with one name server's word for some groups; the same object if nothing is new. */
  RouteTable with(Collection<BrokerGroupRoute> heard) {
    var merged = new TreeMap<>(groups);
    for (BrokerGroupRoute route : heard) {
      if (merged.containsKey(route.getBrokerGroup()) || merged.size() < MAX_GROUPS) {
        merged.merge(route.getBrokerGroup(), route, RouteTable::merge);
      }
    }
    return merged.equals(groups) ? this : new RouteTable(merged);
  }

  /**
   * Leader and replicas by the higher term, topics by the higher version, and the word heard last
   * where they are equal: a name server that hears little can hold an old term and new topics, or
   * the other way round.
   */
  static BrokerGroupRoute merge(BrokerGroupRoute known, BrokerGroupRoute heard) {
    if (!known.getClusterId().isEmpty()
        && !heard.getClusterId().isEmpty()
        && !known.getClusterId().equals(heard.getClusterId())) {
      return heard;
    }
    boolean olderTerm = heard.getTerm() < known.getTerm();
    // In one term there is one leader: a name server that has not heard of it takes nothing away.
    boolean losesLeader =
        heard.getTerm() == known.getTerm()
            && heard.getLeaderNode().isEmpty()
            && !known.getLeaderNode().isEmpty();
    BrokerGroupRoute lead = olderTerm ? known : heard;
    BrokerGroupRoute.Builder merged = lead.toBuilder();
    if (losesLeader) {
      merged.setLeaderNode(known.getLeaderNode());
    }
    if (lead.getReplicasCount() == 0) {
      merged.addAllReplicas(known.getReplicasList());
    }
    if (merged.getClusterId().isEmpty()) {
      merged.setClusterId(known.getClusterId());
    }
    BrokerGroupRoute topics = heard.getTopicsVersion() < known.getTopicsVersion() ? known : heard;
    return merged
        .setTopicsVersion(topics.getTopicsVersion())
        .clearTopics()
        .addAllTopics(topics.getTopicsList())
        .build();
  }
}
