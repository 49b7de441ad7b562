package io.keelmq.broker.app;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.api.ReplicaIdentity;
import io.keelmq.broker.api.ReplicaRoles;
import io.keelmq.broker.api.VoterAddresses;
import io.keelmq.broker.registry.ReplicaFacts;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.TopicRoute;
import io.keelmq.v1.TopicType;
import io.keelmq.v1.Voter;

/** What this replica tells the name servers. Thread-safe: it keeps nothing. */
final class ReplicaReports implements ReplicaFacts {

  private final ReplicaIdentity identity;
  private final Replica replica;
  private final ReplicaControl control;

  ReplicaReports(ReplicaIdentity identity, Replica replica, ReplicaControl control) {
    this.identity = identity;
    this.replica = replica;
    this.control = control;
  }

  @Override
  public ReplicaReport report(boolean withTopics) {
    Leadership leadership = replica.leadership();
    ReplicaControl.Status status = control.status();
    var report =
        ReplicaReport.newBuilder()
            .setClusterId(status.plan().map(ReplicaControl.Plan::clusterId).orElse(""))
            .setBrokerGroup(identity.brokerGroup())
            .setNode(identity.node())
            .setBootId(identity.bootId())
            .setRole(ReplicaRoles.of(leadership.role()))
            .setTerm(leadership.term())
            .setLeaderNode(leadership.leaderNode().orElse(""))
            .setClientAddress(identity.clientAddress())
            .setRaftAddress(identity.raftAddress())
            .setOpsAddress(identity.opsAddress())
            .setReady(status.ready())
            .setAppliedIndex(status.appliedIndex())
            .setSoftwareVersion(identity.softwareVersion());
    if (leadership.role() == Leadership.Role.UNINITIALIZED) {
      // The name server binds a broker group to a cluster by the replicas that take part in it.
      return report.setClusterId("").build();
    }
    VoterAddresses.of(replica, control)
        .forEach(
            (node, address) ->
                report.addVoters(
                    Voter.newBuilder().setNode(node).setClientAddress(address.toString())));
    // Before the topics: told with an older version, they are asked for again.
    report.setTopicsVersion(replica.state().topicsVersion());
    if (withTopics) {
      report.setHasTopics(true);
      for (var topic : replica.state().topics()) {
        report.addTopics(
            TopicRoute.newBuilder()
                .setTopic(topic.name())
                .setTypeValue(typeNumber(topic.type()))
                .setQueues(topic.queues()));
      }
    }
    return report.build();
  }

  private static int typeNumber(io.keelmq.broker.state.TopicType type) {
    return TopicType.valueOf(type.name()).getNumber();
  }
}
