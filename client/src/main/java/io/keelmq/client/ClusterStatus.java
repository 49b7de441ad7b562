package io.keelmq.client;

import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.Routes;
import java.util.List;
import java.util.Optional;

/**
 * What the name servers and the replicas themselves say at one moment. Immutable.
 *
 * @param nameServers in the order of the client's endpoints
 * @param groups by name
 */
public record ClusterStatus(List<NameServerState> nameServers, List<GroupState> groups) {

  public ClusterStatus {
    nameServers = List.copyOf(nameServers);
    groups = List.copyOf(groups);
  }

  /**
   * One name server.
   *
   * @param reachable false: it gave no answer; {@code problem} says why
   * @param warmingUp true: it has just started and does not know all replicas yet
   * @param routes its own word, not merged with that of others; empty if it gave no answer
   */
  public record NameServerState(
      String address,
      boolean reachable,
      boolean warmingUp,
      String problem,
      Optional<Routes> routes) {}

  /**
   * One broker group.
   *
   * @param route merged from all name servers
   * @param replicas by node
   * @param members by node, as the group's leader knows them; empty when it does not answer
   */
  public record GroupState(
      BrokerGroupRoute route, List<ReplicaState> replicas, List<GroupReplica> members) {
    public GroupState {
      replicas = List.copyOf(replicas);
      members = List.copyOf(members);
    }
  }

  /**
   * One replica.
   *
   * @param status what the replica says of itself; empty when it could not be reached
   * @param problem why it could not be reached; empty when it was
   */
  public record ReplicaState(ReplicaRoute route, Optional<ReplicaStatus> status, String problem) {
    public boolean reachable() {
      return status.isPresent();
    }
  }
}
