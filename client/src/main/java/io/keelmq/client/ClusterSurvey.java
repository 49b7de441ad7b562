package io.keelmq.client;

import io.keelmq.common.HostPort;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.Code;
import io.keelmq.v1.GetReplicaStatusRequest;
import io.keelmq.v1.GetRoutesRequest;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.ListReplicasRequest;
import io.keelmq.v1.ListReplicasResponse;
import io.keelmq.v1.NameServerGrpc;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.Routes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** Asks everybody at once how they are, and takes silence for an answer. For one thread. */
final class ClusterSurvey {

  private final ClientCore core;

  ClusterSurvey(ClientCore core) {
    this.core = core;
  }

  /**
   * @throws Unavailable when no name server answers
   */
  ClusterStatus run(Duration timeout) {
    Duration step = timeout.dividedBy(3);
    Map<String, CompletableFuture<Routes>> asked = new LinkedHashMap<>();
    for (HostPort server : core.nameServers()) {
      asked.put(server.toString(), askNameServer(server.toString(), step));
    }
    RouteTable table = RouteTable.EMPTY;
    var servers = new ArrayList<ClusterStatus.NameServerState>();
    var problems = new ArrayList<String>();
    for (Map.Entry<String, CompletableFuture<Routes>> each : asked.entrySet()) {
      try {
        Routes routes = core.calls().join(each.getValue(), step);
        table = table.with(routes.getGroupsList());
        servers.add(
            new ClusterStatus.NameServerState(
                each.getKey(), true, routes.getWarmingUp(), "", Optional.of(routes)));
      } catch (OutcomeUnknown | Unavailable | RequestRejected | Overloaded e) {
        servers.add(
            new ClusterStatus.NameServerState(
                each.getKey(), false, false, e.getMessage(), Optional.empty()));
        problems.add(each.getKey() + ": " + e.getMessage());
      }
    }
    if (problems.size() == servers.size()) {
      throw new Unavailable(
          Code.NO_LEADER,
          "no name server answered within " + step + ": " + String.join("; ", problems));
    }
    return new ClusterStatus(servers, askReplicas(table, step));
  }

  private List<ClusterStatus.GroupState> askReplicas(RouteTable table, Duration step) {
    Map<ReplicaRoute, CompletableFuture<ReplicaStatus>> asked = new LinkedHashMap<>();
    for (BrokerGroupRoute group : table.groups()) {
      for (ReplicaRoute replica : group.getReplicasList()) {
        asked.computeIfAbsent(replica, each -> askReplica(each.getClientAddress(), step));
      }
    }
    Map<BrokerGroupRoute, CompletableFuture<ListReplicasResponse>> members = new LinkedHashMap<>();
    for (BrokerGroupRoute group : table.groups()) {
      group.getReplicasList().stream()
          .filter(replica -> replica.getNode().equals(group.getLeaderNode()))
          .findFirst()
          .ifPresent(leader -> members.put(group, askMembers(leader.getClientAddress(), step)));
    }
    var groups = new ArrayList<ClusterStatus.GroupState>();
    for (BrokerGroupRoute group : table.groups()) {
      var replicas = new ArrayList<ClusterStatus.ReplicaState>();
      for (ReplicaRoute replica : group.getReplicasList()) {
        replicas.add(stateOf(replica, asked.get(replica), step));
      }
      groups.add(
          new ClusterStatus.GroupState(
              group, replicas, membersOf(Optional.ofNullable(members.get(group)), step)));
    }
    return groups;
  }

  private ClusterStatus.ReplicaState stateOf(
      ReplicaRoute replica, CompletableFuture<ReplicaStatus> asked, Duration step) {
    try {
      return new ClusterStatus.ReplicaState(
          replica, Optional.of(core.calls().join(asked, step)), "");
    } catch (OutcomeUnknown | Unavailable | RequestRejected | Overloaded e) {
      return new ClusterStatus.ReplicaState(replica, Optional.empty(), e.getMessage());
    }
  }

  private List<GroupReplica> membersOf(
      Optional<CompletableFuture<ListReplicasResponse>> asked, Duration step) {
    if (asked.isEmpty()) {
      return List.of();
    }
    try {
      return core.calls().join(asked.get(), step).getReplicasList();
    } catch (OutcomeUnknown | Unavailable | RequestRejected | Overloaded e) {
      // Its line in the table tells that it does not answer, or leads no more.
      return List.of();
    }
  }

  private CompletableFuture<ListReplicasResponse> askMembers(String address, Duration step) {
    return core.calls()
        .callAt(
            address,
            AdminGrpc.getListReplicasMethod(),
            ListReplicasRequest.getDefaultInstance(),
            step);
  }

  private CompletableFuture<Routes> askNameServer(String address, Duration step) {
    return core.calls()
        .callAt(
            address,
            NameServerGrpc.getGetRoutesMethod(),
            GetRoutesRequest.getDefaultInstance(),
            step);
  }

  private CompletableFuture<ReplicaStatus> askReplica(String address, Duration step) {
    return core.calls()
        .callAt(
            address,
            AdminGrpc.getGetReplicaStatusMethod(),
            GetReplicaStatusRequest.getDefaultInstance(),
            step);
  }
}
