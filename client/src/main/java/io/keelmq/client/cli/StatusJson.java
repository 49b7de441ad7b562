package io.keelmq.client.cli;

import io.keelmq.client.ClusterStatus;
import io.keelmq.client.ClusterStatus.ReplicaState;
import io.keelmq.client.GroupLevels;
import io.keelmq.common.Json;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.ReplicaStatus;

/** {@code cluster status} for programs. */
final class StatusJson {

  private StatusJson() {}

  static Json of(ClusterStatus status) {
    return new Json()
        .putObjects(
            "name_servers",
            status.nameServers().stream()
                .map(
                    server ->
                        new Json()
                            .put("address", server.address())
                            .put("reachable", server.reachable())
                            .put("warming_up", server.warmingUp())
                            .put("problem", server.problem()))
                .toList())
        .putObjects(
            "groups",
            status.groups().stream()
                .map(
                    group ->
                        new Json()
                            .put("cluster_id", group.route().getClusterId())
                            .put("broker_group", group.route().getBrokerGroup())
                            .put("term", group.route().getTerm())
                            .put("leader_node", group.route().getLeaderNode())
                            .put("feature_level", GroupLevels.of(group).now())
                            .put("feature_level_supported", GroupLevels.of(group).supported())
                            .put("feature_level_possible", GroupLevels.of(group).possible())
                            .putObjects(
                                "replicas",
                                group.replicas().stream().map(StatusJson::replica).toList())
                            .putObjects(
                                "members",
                                group.members().stream().map(StatusJson::member).toList()))
                .toList());
  }

  static Json member(GroupReplica member) {
    return new Json()
        .put("node", member.getNode())
        .put("stage", MemberChangeCommand.stage(member))
        .put("incarnation", member.getIncarnation())
        .put("joining_incarnation", member.getJoiningIncarnation())
        .put("alive", member.getAlive())
        .put("durable_index", member.getDurableIndex())
        .put("stays_learner", member.getStaysLearner())
        .put("raft_address", member.getRaftAddress())
        .put("client_address", member.getClientAddress());
  }

  private static Json replica(ReplicaState replica) {
    var route = replica.route();
    var json =
        new Json()
            .put("node", route.getNode())
            .put("role", ClusterCommand.role(replica))
            .put("reachable", replica.reachable())
            .put("ready", ClusterCommand.ready(replica))
            .put(
                "problem",
                replica.status().map(ReplicaStatus::getReason).orElseGet(replica::problem))
            .put("client_address", route.getClientAddress())
            .put("raft_address", route.getRaftAddress())
            .put("ops_address", route.getOpsAddress())
            .put("software_version", route.getSoftwareVersion());
    // What only the replica itself knows is null while it does not answer.
    if (replica.status().isEmpty()) {
      return json.putNull("peer_id")
          .putNull("term")
          .putNull("committed_index")
          .putNull("applied_index")
          .putNull("log_first_index")
          .putNull("log_last_index")
          .putNull("digest")
          .putNull("feature_level")
          .putNull("feature_level_most")
          .putNull("feature_level_newest");
    }
    ReplicaStatus status = replica.status().get();
    return json.put("peer_id", status.getPeerId())
        .put("term", status.getTerm())
        .put("committed_index", status.getCommittedIndex())
        .put("applied_index", status.getAppliedIndex())
        .put("log_first_index", status.getLogFirstIndex())
        .put("log_last_index", status.getLogLastIndex())
        .put("digest", status.getDigest())
        .put("feature_level", GroupLevels.now(status))
        .put("feature_level_most", GroupLevels.most(status))
        .put("feature_level_newest", GroupLevels.newest(status));
  }
}
