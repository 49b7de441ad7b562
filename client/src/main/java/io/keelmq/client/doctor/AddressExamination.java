package io.keelmq.client.doctor;

import io.keelmq.client.ClusterStatus.ReplicaState;
import io.keelmq.client.doctor.Finding.Kind;
import io.keelmq.client.doctor.Sight.AddressSeen;
import io.keelmq.client.doctor.Sight.Place;
import io.keelmq.v1.ReplicaRoute;
import java.util.ArrayList;
import java.util.List;

/** Whether others can use the addresses that replicas advertise. Stateless. */
final class AddressExamination {

  private AddressExamination() {}

  static List<Finding> of(Sight sight) {
    // On a cluster that lives on one machine everybody may say localhost.
    boolean someAreRemote =
        sight.addresses().values().stream().anyMatch(seen -> seen.place() == Place.REMOTE);
    var findings = new ArrayList<Finding>();
    for (ReplicaState replica : sight.replicas()) {
      ReplicaRoute route = replica.route();
      examine(sight, someAreRemote, route, "client", route.getClientAddress(), findings);
      examine(sight, someAreRemote, route, "raft", route.getRaftAddress(), findings);
      examine(sight, someAreRemote, route, "ops", route.getOpsAddress(), findings);
    }
    return findings;
  }

  private static void examine(
      Sight sight,
      boolean someAreRemote,
      ReplicaRoute route,
      String port,
      String address,
      List<Finding> findings) {
    AddressSeen seen = sight.addresses().get(address);
    if (address.isEmpty() || seen == null) {
      return;
    }
    String what = "advertises " + address + " as its " + port + " address";
    String set = "set " + port + ".advertised of " + route.getNode();
    if (seen.place() == Place.WILDCARD) {
      findings.add(
          Finding.critical(
              Kind.ADDRESS_WILDCARD,
              route.getNode(),
              what + ", which is no machine's",
              set + " to a name or address by which the others reach it, and restart it"));
    } else if (seen.place() == Place.UNRESOLVED) {
      findings.add(
          Finding.warning(
              Kind.ADDRESS_UNRESOLVED,
              route.getNode(),
              what + ", whose name has no address on this machine",
              set + " to a name that every machine resolves, or add the name to the DNS"));
    } else if (seen.place() == Place.LOOPBACK && someAreRemote) {
      findings.add(
          Finding.warning(
              Kind.ADDRESS_LOOPBACK,
              route.getNode(),
              what + ", which to every other machine is itself",
              set + " to a name or address by which the others reach it, and restart it"));
    } else if (!seen.problem().isEmpty()) {
      findings.add(unreachable(route, port, what, seen));
    }
  }

  /** Raft and operators' ports may be closed to this machine on purpose; a client's may not. */
  private static Finding unreachable(
      ReplicaRoute route, String port, String what, AddressSeen seen) {
    String found = what + ", where nobody answers this machine: " + seen.problem();
    return port.equals("client")
        ? Finding.warning(
            Kind.ADDRESS_UNREACHABLE,
            route.getNode(),
            found,
            "see that " + route.getNode() + " runs and that no firewall is between")
        : Finding.note(
            Kind.ADDRESS_UNREACHABLE,
            route.getNode(),
            found,
            "nothing, if a firewall keeps this machine from that port on purpose; else open it");
  }
}
