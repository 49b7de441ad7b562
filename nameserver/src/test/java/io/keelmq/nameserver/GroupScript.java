package io.keelmq.nameserver;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReplicaRole;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Plays a story to a registry. Steps end in ";":
 *
 * <pre>
 * n1 LEADER 5 n1       a report: node, role, term, leader it knows (- for none)
 * n1 ends              its stream ends; its next report comes on a new one
 * n1 restarts          as before, and the next report comes from a new life
 * wait 4000 n2 n3      time passes in ticks while n2 and n3 repeat their last report each second
 * pause 9000           the name server stands still
 * </pre>
 */
final class GroupScript {

  static final long EXPIRY_MILLIS = 4_000;
  private static final long TICK_MILLIS = 250;

  final GroupRegistry registry = new GroupRegistry(EXPIRY_MILLIS, 0);
  long nowMillis;
  private long lastStream;
  private final Map<String, Long> streams = new HashMap<>();
  private final Map<String, Long> boots = new HashMap<>();
  private final Map<String, ReplicaReport> lastReports = new HashMap<>();

  GroupScript play(String story) {
    for (String step : story.split(";", -1)) {
      String[] words = step.strip().split("\\s+");
      switch (words[0]) {
        case "wait" ->
            pass(Long.parseLong(words[1]), Arrays.asList(words).subList(2, words.length));
        case "pause" -> {
          nowMillis += Long.parseLong(words[1]);
          registry.expire(nowMillis);
        }
        default -> speak(words);
      }
    }
    return this;
  }

  private void speak(String[] words) {
    String node = words[0];
    switch (words[1]) {
      case "ends" -> end(node);
      case "restarts" -> {
        end(node);
        boots.merge(node, 1L, Long::sum);
      }
      default ->
          send(
              Reports.report(
                      "g0",
                      node,
                      ReplicaRole.valueOf(words[1]),
                      Long.parseLong(words[2]),
                      words[3].equals("-") ? "" : words[3])
                  .setBootId(1 + boots.getOrDefault(node, 0L))
                  .build());
    }
  }

  private void end(String node) {
    Long stream = streams.remove(node);
    if (stream != null) {
      registry.streamEnded(stream, nowMillis);
    }
  }

  private void send(ReplicaReport report) {
    long stream = streams.computeIfAbsent(report.getNode(), node -> ++lastStream);
    lastReports.put(report.getNode(), report);
    assertInstanceOf(ReportOutcome.Accepted.class, registry.report(stream, report, nowMillis));
  }

  private void pass(long millis, List<String> talking) {
    for (long passed = TICK_MILLIS; passed <= millis; passed += TICK_MILLIS) {
      nowMillis += TICK_MILLIS;
      if (passed % 1_000 == 0) {
        talking.forEach(node -> send(lastReports.get(node)));
      }
      registry.expire(nowMillis);
    }
  }

  /** E.g. "5 n1: n1 LEADER, n2 FOLLOWER"; "-" for no leader; "gone" if the group is not known. */
  String seen() {
    List<BrokerGroupRoute> routes = registry.routes();
    if (routes.isEmpty()) {
      return "gone";
    }
    BrokerGroupRoute route = routes.get(0);
    return "%d %s: %s"
        .formatted(
            route.getTerm(),
            route.getLeaderNode().isEmpty() ? "-" : route.getLeaderNode(),
            route.getReplicasList().stream()
                .map(replica -> replica.getNode() + " " + replica.getRole())
                .collect(Collectors.joining(", ")))
        .strip();
  }
}
