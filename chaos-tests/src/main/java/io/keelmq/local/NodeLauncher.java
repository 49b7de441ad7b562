package io.keelmq.local;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Starts one node's process. Its output goes to {@code logs/NODE.log}, its data to {@code
 * data/NODE}; it outlives us and the terminal. Immutable.
 *
 * @param jvmOptions added to those of the distribution's conf, for brokers
 * @param nodeJvmOptions behind those, by the broker's node
 * @param extraClassPath put before the distribution's lib, for brokers
 */
record NodeLauncher(
    Path dir,
    Distribution distribution,
    List<String> jvmOptions,
    Map<String, List<String>> nodeJvmOptions,
    List<Path> extraClassPath) {

  /** Starts the node in a session of its own, so that Ctrl-C in our terminal is not for it. */
  private static final Path SETSID = Path.of("/usr/bin/setsid");

  /** Names one option of the JVMs of all brokers; for tests, whose brokers live for seconds. */
  private static final String ALL_BROKERS = "keelmq.brokers.jvm";

  private static final int MAX_TAIL_BYTES = 64 * 1024;

  /**
   * @param nodes all nodes of the cluster: a broker is told the name servers
   * @param release what it is started from
   * @param more JVM options of this start, for a broker
   */
  Process launch(Node node, List<Node> nodes, Release release, List<String> more) {
    Path log = logFile(dir, node.id());
    try {
      Files.createDirectories(log.getParent());
      var command = new ArrayList<String>();
      if (Files.isExecutable(SETSID)) {
        command.add(SETSID.toString());
      }
      boolean broker = node.isBroker();
      command.addAll(
          release
              .distribution()
              .javaCommand(
                  node.role(),
                  broker ? jvmOptions(node, more) : List.of(),
                  broker ? extraClassPath : List.of()));
      settings(node, nodes, release.brokerSettings())
          .forEach((key, value) -> command.add(key + "=" + value));
      var process = new ProcessBuilder(command);
      // As bin/broker does: glibc's arenas for each thread would triple what RocksDB's buffers
      // cost.
      process.environment().putIfAbsent("MALLOC_ARENA_MAX", "2");
      return process
          // A dying JVM leaves its report in its working directory.
          .directory(log.getParent().toFile())
          .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
          .start();
    } catch (IOException e) {
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED, "cannot start " + node.id() + ": " + e.getMessage(), e);
    }
  }

  private List<String> jvmOptions(Node node, List<String> more) {
    var options = new ArrayList<String>();
    Optional.ofNullable(System.getProperty(ALL_BROKERS)).ifPresent(options::add);
    options.addAll(jvmOptions);
    options.addAll(nodeJvmOptions.getOrDefault(node.id(), List.of()));
    options.addAll(more);
    return options;
  }

  private Map<String, String> settings(
      Node node, List<Node> nodes, Map<String, String> brokerSettings) {
    var settings = new TreeMap<String, String>();
    settings.put("ops.listen", node.ops().toString());
    if (!node.isBroker()) {
      settings.put("listen", node.client().toString());
      return settings;
    }
    settings.put("node", node.id());
    settings.put("data.dir", dataDir(dir, node.id()).toString());
    settings.put("client.listen", node.client().toString());
    settings.put("raft.listen", node.raft().toString());
    settings.put("name.servers", nameServers(nodes));
    settings.putAll(brokerSettings);
    return settings;
  }

  static String nameServers(List<Node> nodes) {
    return nodes.stream()
        .filter(node -> !node.isBroker())
        .map(node -> node.client().toString())
        .collect(Collectors.joining(","));
  }

  static Path logFile(Path dir, String node) {
    return dir.resolve("logs").resolve(node + ".log");
  }

  static Path dataDir(Path dir, String node) {
    return dir.resolve("data").resolve(node);
  }

  /** The last lines of a node's output, at most {@code lines}. */
  static List<String> tail(Path dir, String node, int lines) {
    try (var file = new RandomAccessFile(logFile(dir, node).toFile(), "r")) {
      long from = Math.max(0, file.length() - MAX_TAIL_BYTES);
      file.seek(from);
      byte[] bytes = new byte[(int) Math.min(MAX_TAIL_BYTES, file.length() - from)];
      file.readFully(bytes);
      List<String> all = new String(bytes, StandardCharsets.UTF_8).lines().toList();
      return all.subList(Math.max(0, all.size() - lines), all.size());
    } catch (IOException e) {
      return List.of("(no output: " + e.getMessage() + ")");
    }
  }
}
