package io.keelmq.house;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.house.Sources.Source;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Holds every import against the picture of the house in docs/ARCHITECTURE.md. */
class ArchitectureTest {

  /** Our packages, and which others of ours each may import. */
  private static final Map<String, Set<String>> ARROWS =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("io.keelmq.common", Set.of("io.keelmq.v1")),
              Map.entry("io.keelmq.edge", Set.of("io.keelmq.common", "io.keelmq.rocketmq.v2")),
              Map.entry("io.keelmq.failpoint", Set.of()),
              Map.entry("io.keelmq.raftlog", Set.of("io.keelmq.failpoint")),
              Map.entry("io.keelmq.rocketmq", Set.of("io.keelmq.common", "io.keelmq.rocketmq.v2")),
              Map.entry("io.keelmq.broker.state", Set.of()),
              Map.entry("io.keelmq.broker", Set.of("io.keelmq.broker.state")),
              Map.entry("io.keelmq.broker.filter", Set.of()),
              Map.entry(
                  "io.keelmq.broker.store",
                  Set.of("io.keelmq.broker.state", "io.keelmq.failpoint")),
              Map.entry(
                  "io.keelmq.broker.raft",
                  Set.of(
                      "io.keelmq.broker",
                      "io.keelmq.broker.state",
                      "io.keelmq.broker.store",
                      "io.keelmq.failpoint",
                      "io.keelmq.raftlog",
                      "io.keelmq.common",
                      "io.keelmq.v1",
                      "io.keelmq.v1.log")),
              Map.entry(
                  "io.keelmq.broker.api",
                  Set.of(
                      "io.keelmq.broker",
                      "io.keelmq.broker.filter",
                      "io.keelmq.broker.state",
                      "io.keelmq.common",
                      "io.keelmq.edge",
                      "io.keelmq.v1")),
              Map.entry(
                  "io.keelmq.broker.rocketmq",
                  Set.of(
                      "io.keelmq.broker",
                      "io.keelmq.broker.api",
                      "io.keelmq.broker.filter",
                      "io.keelmq.broker.state",
                      "io.keelmq.common",
                      "io.keelmq.rocketmq",
                      "io.keelmq.rocketmq.v2",
                      "io.keelmq.v1")),
              Map.entry("io.keelmq.broker.registry", Set.of("io.keelmq.common", "io.keelmq.v1")),
              Map.entry(
                  "io.keelmq.nameserver",
                  Set.of(
                      "io.keelmq.common",
                      "io.keelmq.edge",
                      "io.keelmq.rocketmq",
                      "io.keelmq.rocketmq.v2",
                      "io.keelmq.v1")),
              Map.entry("io.keelmq.client", Set.of("io.keelmq.common", "io.keelmq.v1")),
              Map.entry(
                  "io.keelmq.client.doctor",
                  Set.of("io.keelmq.client", "io.keelmq.common", "io.keelmq.v1")),
              Map.entry(
                  "io.keelmq.client.cli",
                  Set.of(
                      "io.keelmq.client",
                      "io.keelmq.client.doctor",
                      "io.keelmq.common",
                      "io.keelmq.v1"))));

  /** Libraries that only some packages may know, by the beginning of their names. */
  private static final Map<String, Set<String>> LIBRARIES =
      new TreeMap<>(
          Map.of(
              "com.alipay.",
              Set.of("io.keelmq.raftlog", "io.keelmq.broker.raft"),
              "org.rocksdb.",
              Set.of("io.keelmq.broker.store"),
              "io.grpc.",
              Set.of(
                  "io.keelmq.common",
                  "io.keelmq.edge",
                  "io.keelmq.rocketmq",
                  "io.keelmq.broker.api",
                  "io.keelmq.broker.rocketmq",
                  "io.keelmq.broker.registry",
                  "io.keelmq.nameserver",
                  "io.keelmq.client"),
              "com.google.protobuf.",
              Set.of(
                  "io.keelmq.common",
                  "io.keelmq.edge",
                  "io.keelmq.broker.raft",
                  "io.keelmq.broker.api",
                  "io.keelmq.broker.rocketmq",
                  "io.keelmq.nameserver",
                  "io.keelmq.client",
                  "io.keelmq.client.cli"),
              "picocli.",
              Set.of("io.keelmq.client.cli"),
              "io.netty.",
              Set.of("io.keelmq.broker.raft"),
              "sun.",
              Set.of()));

  /** Where everything is put together, and the tools that see the house from outside. */
  private static final Set<String> FREE =
      Set.of("io.keelmq.broker.app", "io.keelmq.chaos", "io.keelmq.local");

  @Test
  void everyImportFollowsAnArrow() {
    var broken = new ArrayList<String>();
    for (Source source : Sources.of("src/main/java")) {
      broken.addAll(violations(source));
    }

    assertEquals(List.of(), broken, "change the picture in docs/ARCHITECTURE.md first");
  }

  @Test
  void arrowsMakeNoCycle() {
    for (String start : ARROWS.keySet()) {
      var reached = new TreeSet<String>();
      var next = new ArrayList<>(ARROWS.get(start));
      while (!next.isEmpty()) {
        String name = next.remove(next.size() - 1);
        if (reached.add(name)) {
          next.addAll(ARROWS.getOrDefault(name, Set.of()));
        }
      }
      assertTrue(!reached.contains(start), start + " is reached from itself");
    }
  }

  @Test
  void onlyOneFileOfTheLogKnowsJRaft() {
    var files =
        Sources.of("src/main/java").stream()
            .filter(source -> source.name().startsWith("raft-log"))
            .filter(source -> source.imports().stream().anyMatch(i -> i.startsWith("com.alipay.")))
            .map(Source::name)
            .toList();

    assertEquals(1, files.size(), files.toString());
  }

  @Test
  void noticesAPlantedArrow() {
    assertEquals(1, violations(planted("io.keelmq.broker.state", "org.rocksdb.RocksDB")).size());
    assertEquals(
        1, violations(planted("io.keelmq.broker.state", "io.keelmq.broker.api.Reads")).size());
    assertEquals(1, violations(planted("io.keelmq.broker.state", "org.slf4j.Logger")).size());
    assertEquals(1, violations(planted("io.keelmq.client", "io.keelmq.broker.Replica")).size());
    assertEquals(1, violations(planted("io.keelmq.unheard", "java.util.List")).size());
    assertEquals(0, violations(planted("io.keelmq.broker.store", "org.rocksdb.RocksDB")).size());
  }

  private static Source planted(String packageName, String imported) {
    return new Source(
        "Planted.java", Arrays.asList("package " + packageName + ";", "import " + imported + ";"));
  }

  private static List<String> violations(Source source) {
    String from = source.packageName();
    if (FREE.stream().anyMatch(free -> from.equals(free) || from.startsWith(free + "."))) {
      return List.of();
    }
    if (!ARROWS.containsKey(from)) {
      return List.of(source.name() + ": package " + from + " is not in the picture");
    }
    var broken = new ArrayList<String>();
    for (String imported : source.imports()) {
      if (imported.startsWith("io.keelmq.")) {
        String to = ourPackage(imported);
        if (!to.equals(from) && !ARROWS.get(from).contains(to)) {
          broken.add(source.name() + ": " + from + " -> " + imported);
        }
      } else if (from.equals("io.keelmq.broker.state") && !imported.startsWith("java.")) {
        broken.add(source.name() + ": the state machine imports " + imported);
      } else {
        LIBRARIES.forEach(
            (library, allowed) -> {
              if (imported.startsWith(library) && !allowed.contains(from)) {
                broken.add(source.name() + ": " + from + " -> " + imported);
              }
            });
      }
    }
    return broken;
  }

  /** A package's name ends where a class's, which has a capital, begins. */
  private static String ourPackage(String imported) {
    var name = new StringBuilder();
    for (String part : imported.split("\\.", -1)) {
      if (Character.isUpperCase(part.charAt(0))) {
        break;
      }
      name.append(name.isEmpty() ? "" : ".").append(part);
    }
    return name.toString();
  }
}
