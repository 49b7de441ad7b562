package io.keelmq.broker.api;

import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.state.Members;
import io.keelmq.common.HostPort;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Where the voting members of a group serve clients, as one replica of it knows: all of them, also
 * those that are down. Stateless.
 */
public final class VoterAddresses {

  private VoterAddresses() {}

  /** By node, in the order of the nodes' names; empty if this replica knows none. */
  public static Map<String, HostPort> of(Replica replica, ReplicaControl control) {
    var addresses = new TreeMap<String, HostPort>();
    Collection<Members.Seat> seats = replica.state().members();
    for (Members.Seat seat : seats) {
      if (seat.voting() != 0 && !seat.leaving()) {
        parse(seat.clientAddress()).ifPresent(address -> addresses.put(seat.node(), address));
      }
    }
    if (!addresses.isEmpty()) {
      return addresses;
    }
    // Members get rows with the first change of them; until then they are those of the beginning.
    control.status().plan().stream()
        .flatMap(plan -> plan.members().stream())
        .forEach(
            member ->
                parse(member.clientAddress())
                    .ifPresent(address -> addresses.put(member.node(), address)));
    return addresses;
  }

  /** Nobody can be sent to an address that is none; the state takes what a member says. */
  private static Optional<HostPort> parse(String address) {
    try {
      return Optional.of(HostPort.parse(address));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
