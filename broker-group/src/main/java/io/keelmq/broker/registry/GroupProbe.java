package io.keelmq.broker.registry;

import io.grpc.StatusRuntimeException;
import io.keelmq.common.HostPort;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.GetReplicaStatusRequest;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.ListReplicasRequest;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.ReplicaStatus;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out whether a group can do without one of its replicas: another one leads, and of the
 * voters a majority answers, and holds all that is committed, though this one be gone. For one
 * thread, which its calls block; each has a deadline.
 */
public final class GroupProbe implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(GroupProbe.class);

  private static final long CALL_MILLIS = 3_000;

  private final GroupRoutes routes;

  public GroupProbe(List<HostPort> nameServers) {
    this.routes = new GroupRoutes(nameServers);
  }

  /**
   * @param wantedLeader who has to lead it; empty: anybody
   * @return why the group cannot do without {@code node}, or it is not known; empty if it can
   */
  public Optional<String> lackWithout(
      String node, String brokerGroup, String clusterId, Optional<String> wantedLeader) {
    Optional<BrokerGroupRoute> group = routes.of(brokerGroup);
    if (group.isEmpty()) {
      return Optional.of("no name server that answers knows group " + brokerGroup);
    }
    if (!group.get().getClusterId().equals(clusterId)) {
      return Optional.of(
          "group %s is of cluster %s at the name servers, this replica is of cluster %s"
              .formatted(brokerGroup, group.get().getClusterId(), clusterId));
    }
    String leader = group.get().getLeaderNode();
    if (leader.isEmpty() || leader.equals(node)) {
      return Optional.of(
          leader.isEmpty()
              ? "nobody leads group " + brokerGroup
              : "the last that led group " + brokerGroup + " is this replica");
    }
    if (wantedLeader.filter(wanted -> !wanted.equals(leader)).isPresent()) {
      return Optional.of(
          "%s leads group %s, and not %s, whose rows are wanted"
              .formatted(leader, brokerGroup, wantedLeader.get()));
    }
    Optional<String> address =
        group.get().getReplicasList().stream()
            .filter(replica -> replica.getNode().equals(leader))
            .map(ReplicaRoute::getClientAddress)
            .filter(found -> !found.isEmpty())
            .findFirst();
    if (address.isEmpty()) {
      return Optional.of("the leader " + leader + " has no address at the name servers");
    }
    try {
      return lackAtLeader(address.get(), leader, node, clusterId);
    } catch (StatusRuntimeException e) {
      return Optional.of(
          "the leader %s at %s does not answer: %s"
              .formatted(leader, address.get(), StatusDetails.fromThrowable(e).getMessage()));
    }
  }

  private Optional<String> lackAtLeader(
      String address, String leader, String node, String clusterId) {
    ReplicaStatus status = status(address);
    if (status.getRole() != ReplicaRole.LEADER || !status.getClusterId().equals(clusterId)) {
      return Optional.of(
          "%s at %s is %s of cluster %s, expected the leader of cluster %s"
              .formatted(leader, address, status.getRole(), status.getClusterId(), clusterId));
    }
    List<GroupReplica> replicas =
        calls(address).listReplicas(ListReplicasRequest.getDefaultInstance()).getReplicasList();
    return lack(
        replicas, leader, node, replica -> holds(replica, clusterId, status.getCommittedIndex()));
  }

  private ReplicaStatus status(String address) {
    return calls(address).getReplicaStatus(GetReplicaStatusRequest.getDefaultInstance());
  }

  private AdminGrpc.AdminBlockingStub calls(String address) {
    return AdminGrpc.newBlockingStub(routes.channel(address))
        .withDeadlineAfter(CALL_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** One that answers the leader may still be far behind, or wait to be repaired itself. */
  private boolean holds(GroupReplica replica, String clusterId, long committed) {
    if (replica.getClientAddress().isEmpty()) {
      return false;
    }
    try {
      ReplicaStatus status = status(replica.getClientAddress());
      return status.getClusterId().equals(clusterId)
          && status.getAppliedIndex() >= committed
          && status.getLogLastIndex() >= committed;
    } catch (StatusRuntimeException e) {
      LOG.debug("{} does not tell how far it is", replica.getNode(), e);
      return false;
    }
  }

  /**
   * Decides from what the leader knows of its group.
   *
   * @param holds whether a voter that is neither {@code leader} nor {@code node} holds all that was
   *     committed when it is asked
   */
  static Optional<String> lack(
      List<GroupReplica> replicas, String leader, String node, Predicate<GroupReplica> holds) {
    if (replicas.stream().noneMatch(replica -> replica.getNode().equals(node))) {
      return Optional.of("the leader " + leader + " has no replica " + node + " in its group");
    }
    long voters = replicas.stream().filter(replica -> replica.getIncarnation() != 0).count();
    long others =
        replicas.stream()
            .filter(replica -> replica.getIncarnation() != 0 && !replica.getNode().equals(node))
            // Of one that joins, that what answers is the incarnation that votes is not known.
            .filter(
                replica ->
                    replica.getNode().equals(leader)
                        || (replica.getAlive()
                            && replica.getJoiningIncarnation() == 0
                            && holds.test(replica)))
            .count();
    return others * 2 > voters
        ? Optional.empty()
        : Optional.of(
            "without this replica %d of %d voters answer and hold all that the leader %s has committed, which is no majority"
                .formatted(others, voters, leader));
  }

  @Override
  public void close() {
    routes.close();
  }
}
