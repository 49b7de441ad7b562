package io.keelmq.broker.app;

import io.keelmq.broker.Membership;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.registry.Joiner;
import io.keelmq.v1.JoinReplicaRequest;
import io.keelmq.v1.JoinReplicaResponse;
import java.util.Optional;

/** What this replica says to its leader, on the wire. Thread-safe: it keeps nothing. */
final class ReplicaJoiner implements Joiner {

  private final Membership membership;
  private final String clientAddress;

  ReplicaJoiner(Membership membership, String clientAddress) {
    this.membership = membership;
    this.clientAddress = clientAddress;
  }

  @Override
  public Optional<JoinReplicaRequest> request() {
    return membership
        .arrival()
        .map(
            arrival ->
                JoinReplicaRequest.newBuilder()
                    .setClusterId(arrival.clusterId())
                    .setBrokerGroup(arrival.brokerGroup())
                    .setNode(arrival.self().node())
                    .setRaftAddress(arrival.self().raftAddress())
                    .setClientAddress(clientAddress)
                    .setBootId(arrival.bootId())
                    .setIncarnation(arrival.incarnation())
                    .setDurableIndex(arrival.durableIndex())
                    .setStartedAsLearner(arrival.startedAsLearner())
                    .setSoftwareVersion(arrival.version().software())
                    .setFeatureLevelLeast(arrival.version().levels().least())
                    .setFeatureLevelMost(arrival.version().levels().most())
                    .build());
  }

  @Override
  public void answered(JoinReplicaResponse response) {
    var plan =
        new Plan(
            response.getPlan().getClusterId(),
            response.getPlan().getBrokerGroup(),
            response.getPlan().getMembersList().stream()
                .map(
                    member ->
                        new Member(
                            member.getNode(),
                            member.getRaftAddress(),
                            member.getIncarnation(),
                            member.getClientAddress()))
                .toList());
    try {
      membership.take(new Membership.Place(plan, response.getIncarnation()));
    } catch (Refused refused) {
      membership.notTaken(refused.getMessage());
    }
  }

  @Override
  public void refused(String why) {
    membership.notTaken(why);
  }
}
