package io.keelmq.nameserver;

import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.TopicRoute;
import io.keelmq.v1.TopicType;
import io.keelmq.v1.Voter;

/** Well-formed reports for tests. */
final class Reports {

  private Reports() {}

  static ReplicaReport.Builder report(
      String group, String node, ReplicaRole role, long term, String leaderNode) {
    return ReplicaReport.newBuilder()
        .setClusterId(role == ReplicaRole.UNINITIALIZED ? "" : "c1")
        .setBrokerGroup(group)
        .setNode(node)
        .setBootId(1)
        .setRole(role)
        .setTerm(term)
        .setLeaderNode(leaderNode)
        .setClientAddress("127.0.0.1:8081")
        .setRaftAddress("127.0.0.1:10911")
        .setOpsAddress("127.0.0.1:8091")
        .setReady(!leaderNode.isEmpty())
        .setSoftwareVersion("test");
  }

  static ReplicaReport.Builder leader(String node, long term) {
    return report("g0", node, ReplicaRole.LEADER, term, node);
  }

  static ReplicaReport.Builder follower(String node, long term, String leaderNode) {
    return report("g0", node, ReplicaRole.FOLLOWER, term, leaderNode);
  }

  static Voter voter(String node, String address) {
    return Voter.newBuilder().setNode(node).setClientAddress(address).build();
  }

  static TopicRoute topic(String name) {
    return TopicRoute.newBuilder().setTopic(name).setType(TopicType.NORMAL).setQueues(4).build();
  }
}
