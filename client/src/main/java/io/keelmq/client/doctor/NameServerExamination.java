package io.keelmq.client.doctor;

import io.keelmq.client.ClusterStatus.NameServerState;
import io.keelmq.client.doctor.Finding.Kind;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.Routes;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Whether name servers answer, and tell the same. Stateless. */
final class NameServerExamination {

  private NameServerExamination() {}

  static List<Finding> of(Sight sight) {
    var findings = new ArrayList<Finding>();
    var telling = new ArrayList<NameServerState>();
    for (NameServerState server : sight.status().nameServers()) {
      if (!server.reachable()) {
        findings.add(
            Finding.warning(
                Kind.NAME_SERVER_SILENT,
                server.address(),
                "gives no answer: " + server.problem(),
                "start this name server, or take it out of the endpoints of brokers and clients"));
      } else if (server.warmingUp()) {
        findings.add(
            Finding.note(
                Kind.NAME_SERVER_WARMING_UP,
                server.address(),
                "has just started and does not know all replicas yet",
                "nothing; if it stays so, see its log and the name.servers setting of the brokers"));
      } else if (server.routes().isPresent()) {
        telling.add(server);
      }
    }
    if (sight.status().groups().isEmpty()) {
      findings.add(
          Finding.warning(
              Kind.NO_GROUP,
              "cluster",
              "no broker has reported to these name servers",
              "start the brokers with name.servers=" + addresses(sight)));
    }
    Set<String> groups = new LinkedHashSet<>();
    telling.forEach(server -> groups(server).forEach(g -> groups.add(g.getBrokerGroup())));
    groups.forEach(group -> compare(group, telling, findings));
    return findings;
  }

  private static void compare(String group, List<NameServerState> telling, List<Finding> findings) {
    Map<String, BrokerGroupRoute> told = new TreeMap<>();
    for (NameServerState server : telling) {
      told.put(
          server.address(),
          groups(server).stream()
              .filter(route -> route.getBrokerGroup().equals(group))
              .findFirst()
              .orElse(BrokerGroupRoute.getDefaultInstance()));
    }
    differ(told, BrokerGroupRoute::getClusterId)
        .ifPresent(
            words ->
                findings.add(
                    Finding.critical(
                        Kind.CLUSTERS_DIFFER,
                        group,
                        "name servers know it as the group of different clusters: " + words,
                        "give brokers and clients the name servers of one cluster only")));
    differ(told, route -> route.getLeaderNode() + " in term " + route.getTerm())
        .ifPresent(
            words ->
                findings.add(
                    Finding.warning(
                        Kind.LEADERS_DIFFER,
                        group,
                        "name servers disagree on who leads: " + words,
                        "see that every replica reaches every name server: name.servers and the network between them")));
    differ(told, NameServerExamination::nodes)
        .ifPresent(
            words ->
                findings.add(
                    Finding.warning(
                        Kind.REPLICAS_DIFFER,
                        group,
                        "name servers know different replicas: " + words,
                        "see that every replica reaches every name server: name.servers and the network between them")));
    differ(told, NameServerExamination::topics)
        .ifPresent(
            words ->
                findings.add(
                    Finding.warning(
                        Kind.TOPICS_DIFFER,
                        group,
                        "name servers know different topics: " + words,
                        "restart the name server with the older topics; it keeps nothing and hears them anew")));
  }

  private static Optional<String> differ(
      Map<String, BrokerGroupRoute> told, Function<BrokerGroupRoute, String> what) {
    if (told.values().stream().map(what).distinct().count() <= 1) {
      return Optional.empty();
    }
    return Optional.of(
        told.entrySet().stream()
            .map(each -> each.getKey() + " says " + named(what.apply(each.getValue())))
            .collect(Collectors.joining(", ")));
  }

  private static String named(String word) {
    return word.isBlank() ? "nothing" : word.startsWith(" in term") ? "nobody" + word : word;
  }

  private static String nodes(BrokerGroupRoute route) {
    return route.getReplicasList().stream()
        .map(ReplicaRoute::getNode)
        .sorted()
        .collect(Collectors.joining(" "));
  }

  private static String topics(BrokerGroupRoute route) {
    return route.getTopicsCount() + " topics of version " + route.getTopicsVersion();
  }

  private static List<BrokerGroupRoute> groups(NameServerState server) {
    return server.routes().map(Routes::getGroupsList).orElse(List.of());
  }

  private static String addresses(Sight sight) {
    return sight.status().nameServers().stream()
        .map(NameServerState::address)
        .collect(Collectors.joining(","));
  }
}
