package io.keelmq.client.doctor;

import io.keelmq.client.ClusterStatus;
import io.keelmq.client.ClusterStatus.GroupState;
import io.keelmq.client.ClusterStatus.ReplicaState;
import io.keelmq.common.HostPort;
import io.keelmq.v1.ReplicaRoute;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * All that was seen of a cluster at one look. Immutable.
 *
 * @param addresses those that replicas advertise, by {@code host:port}
 * @param pages the operators' pages that answered, by their address
 */
public record Sight(
    ClusterStatus status, Map<String, AddressSeen> addresses, Map<String, OpsPage> pages) {

  public Sight {
    addresses = Map.copyOf(addresses);
    pages = Map.copyOf(pages);
  }

  /** Where an address leads. */
  public enum Place {
    REMOTE,
    /** This machine, whoever says it. */
    LOOPBACK,
    /** No machine: 0.0.0.0 or the like. */
    WILDCARD,
    /** Its name has no address here, or it is no host:port. */
    UNRESOLVED
  }

  /**
   * One advertised address.
   *
   * @param problem why no connection was made; empty: one was
   */
  public record AddressSeen(Place place, String problem) {}

  List<ReplicaState> replicas() {
    return status.groups().stream().map(GroupState::replicas).flatMap(List::stream).toList();
  }

  Optional<OpsPage> page(ReplicaRoute route) {
    return Optional.ofNullable(pages.get(route.getOpsAddress()));
  }

  /** Those of one replica, client, Raft, operators, without the empty ones. */
  static List<String> addressesOf(ReplicaRoute route) {
    return Stream.of(route.getClientAddress(), route.getRaftAddress(), route.getOpsAddress())
        .filter(address -> !address.isEmpty())
        .toList();
  }

  static Optional<HostPort> parsed(String address) {
    try {
      return Optional.of(HostPort.parse(address));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
