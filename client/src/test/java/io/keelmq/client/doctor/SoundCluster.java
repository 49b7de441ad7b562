package io.keelmq.client.doctor;

import io.keelmq.client.ClusterStatus;
import io.keelmq.client.ClusterStatus.GroupState;
import io.keelmq.client.ClusterStatus.NameServerState;
import io.keelmq.client.ClusterStatus.ReplicaState;
import io.keelmq.client.doctor.Sight.AddressSeen;
import io.keelmq.client.doctor.Sight.Place;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.PeerProgress;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.Routes;
import io.keelmq.v1.StateDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * What would be seen of a cluster of two name servers and three replicas with nothing wrong; a test
 * plants its fault into one of the parts. For one thread.
 */
final class SoundCluster {

  static final long NOW_MILLIS = 1_800_000_000_000L;

  final Map<String, ReplicaRoute.Builder> routes = new TreeMap<>();
  final Map<String, ReplicaStatus.Builder> statuses = new TreeMap<>();
  final Map<String, GroupReplica.Builder> members = new TreeMap<>();
  final Map<String, AddressSeen> addresses = new TreeMap<>();
  final Map<String, List<String>> pages = new TreeMap<>();
  final Map<String, String> silent = new TreeMap<>();
  private final Map<String, Consumer<BrokerGroupRoute.Builder>> words = new TreeMap<>();
  private final Map<String, String> silentNameServers = new TreeMap<>();
  private boolean warmingUp;
  private boolean empty;

  SoundCluster() {
    for (int i = 1; i <= 3; i++) {
      String node = "n" + i;
      ReplicaRole role = i == 1 ? ReplicaRole.LEADER : ReplicaRole.FOLLOWER;
      routes.put(
          node,
          ReplicaRoute.newBuilder()
              .setNode(node)
              .setRole(role)
              .setClientAddress(node + ":8081")
              .setRaftAddress(node + ":10911")
              .setOpsAddress(node + ":8091")
              .setReady(true)
              .setSoftwareVersion("1.0"));
      statuses.put(
          node,
          ReplicaStatus.newBuilder()
              .setClusterId("c1")
              .setBrokerGroup("g0")
              .setNode(node)
              .setRole(role)
              .setTerm(7)
              .setLeaderNode("n1")
              .setReady(true)
              .setPeerId(node + ":10911:100000000" + i)
              .setFeatureLevel(2)
              .setFeatureLevelLeast(1)
              .setFeatureLevelMost(2)
              .setFeatureLevelNewest(2)
              .setCommittedIndex(50_000)
              .setAppliedIndex(50_000 - i)
              .setDigest("d" + (50_000 - i))
              .addDigests(StateDigest.newBuilder().setIndex(49_152).setDigest("aa")));
      members.put(
          node,
          GroupReplica.newBuilder()
              .setNode(node)
              .setStage(MemberStage.VOTER)
              .setIncarnation(1_000_000_000 + i)
              .setAlive(true));
      Sight.addressesOf(routes.get(node).build())
          .forEach(address -> addresses.put(address, new AddressSeen(Place.REMOTE, "")));
      pages.put(
          node,
          new ArrayList<>(
              List.of(
                  "# HELP keelmq_clock_seconds the wall clock",
                  clock(0),
                  "keelmq_log_forces_total 1000.0",
                  "keelmq_log_force_seconds_total 2.5",
                  "keelmq_disk_free_bytes{disk=\"data\"} 2.0E11")));
    }
    statuses.get("n1").addPeers(PeerProgress.newBuilder().setPeerId("n2:1").setAlive(true));
  }

  /** Of a machine whose clock is so far ahead. */
  static String clock(long aheadMillis) {
    return String.format(
        Locale.ROOT, "keelmq_clock_seconds %.3f", (NOW_MILLIS + aheadMillis) / 1e3);
  }

  /** A line of a replica's page instead of that of the same metric, or none. */
  SoundCluster metric(String node, String metric, String... instead) {
    pages.get(node).removeIf(line -> line.startsWith(metric));
    pages.get(node).addAll(List.of(instead));
    return this;
  }

  SoundCluster nameServer(String address, Consumer<BrokerGroupRoute.Builder> word) {
    words.put(address, word);
    return this;
  }

  SoundCluster silentNameServer(String address) {
    silentNameServers.put(address, "connection refused");
    return this;
  }

  SoundCluster warmingUp() {
    warmingUp = true;
    return this;
  }

  SoundCluster withoutBrokers() {
    empty = true;
    return this;
  }

  /** Its process is gone: it stands in no route. */
  SoundCluster gone(String node) {
    routes.remove(node);
    statuses.remove(node);
    pages.remove(node);
    return this;
  }

  Sight sight() {
    BrokerGroupRoute route =
        BrokerGroupRoute.newBuilder()
            .setClusterId("c1")
            .setBrokerGroup("g0")
            .setTerm(7)
            .setLeaderNode("n1")
            .setTopicsVersion(40)
            .addAllReplicas(routes.values().stream().map(ReplicaRoute.Builder::build).toList())
            .build();
    var servers = new ArrayList<NameServerState>();
    for (String address : List.of("ns1:9876", "ns2:9876")) {
      var word = route.toBuilder();
      words.getOrDefault(address, told -> {}).accept(word);
      var told = Routes.newBuilder();
      if (!empty) {
        told.addGroups(word);
      }
      servers.add(
          silentNameServers.containsKey(address)
              ? new NameServerState(
                  address, false, false, silentNameServers.get(address), Optional.empty())
              : new NameServerState(
                  address,
                  true,
                  warmingUp && address.equals("ns2:9876"),
                  "",
                  Optional.of(told.build())));
    }
    var replicas =
        routes.values().stream()
            .map(
                each ->
                    silent.containsKey(each.getNode())
                        ? new ReplicaState(
                            each.build(), Optional.empty(), silent.get(each.getNode()))
                        : new ReplicaState(
                            each.build(), Optional.of(statuses.get(each.getNode()).build()), ""))
            .toList();
    var group =
        new GroupState(
            route, replicas, members.values().stream().map(GroupReplica.Builder::build).toList());
    Map<String, OpsPage> seen = new TreeMap<>();
    pages.forEach(
        (node, lines) ->
            seen.put(
                routes.get(node).getOpsAddress(),
                new OpsPage(lines, NOW_MILLIS - 20, NOW_MILLIS + 20)));
    return new Sight(
        new ClusterStatus(servers, empty ? List.of() : List.of(group)), addresses, seen);
  }
}
