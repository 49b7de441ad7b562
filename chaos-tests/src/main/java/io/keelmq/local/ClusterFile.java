package io.keelmq.local;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/**
 * What is known about a local cluster between two commands: its nodes, their processes, whether it
 * was initialized. A file of properties, {@code cluster.properties}, replaced as a whole, so that a
 * crash leaves the old or the new one. Immutable.
 *
 * @param processes by node id; of nodes that were started and not yet stopped by us
 * @param brokerSettings given to every broker at each start, beside the addresses
 */
record ClusterFile(
    List<Node> nodes,
    boolean initialized,
    Map<String, ProcessId> processes,
    Map<String, String> brokerSettings) {

  static final String NAME = "cluster.properties";
  private static final String FORMAT = "1";

  ClusterFile {
    nodes = List.copyOf(nodes);
    processes = Map.copyOf(processes);
    brokerSettings = Map.copyOf(brokerSettings);
  }

  static boolean exists(Path dir) {
    return Files.isRegularFile(dir.resolve(NAME));
  }

  static ClusterFile load(Path dir) {
    Path file = dir.resolve(NAME);
    var properties = new Properties();
    try {
      properties.load(new StringReader(Files.readString(file)));
    } catch (IOException e) {
      throw new ClusterFailure(ClusterFailure.Kind.FAILED, "cannot read " + file, e);
    }
    if (!FORMAT.equals(properties.getProperty("format"))) {
      throw new ClusterFailure(
          ClusterFailure.Kind.PRECONDITION,
          file + ": format is " + properties.getProperty("format") + ", expected " + FORMAT);
    }
    var nodes = new ArrayList<Node>();
    var processes = new LinkedHashMap<String, ProcessId>();
    var settings = new LinkedHashMap<String, String>();
    try {
      for (String id : properties.getProperty("nodes", "").split(",", -1)) {
        String prefix = "node." + id + ".";
        nodes.add(
            new Node(
                id,
                Node.Role.valueOf(required(properties, prefix + "role")),
                Integer.parseInt(required(properties, prefix + "client")),
                Integer.parseInt(required(properties, prefix + "raft")),
                Integer.parseInt(required(properties, prefix + "ops"))));
        String pid = properties.getProperty(prefix + "pid");
        if (pid != null) {
          String started = required(properties, prefix + "started");
          processes.put(id, new ProcessId(Long.parseLong(pid), started));
        }
      }
    } catch (IllegalArgumentException e) {
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED, file + " is damaged: " + e.getMessage(), e);
    }
    for (String name : properties.stringPropertyNames()) {
      if (name.startsWith("set.")) {
        settings.put(name.substring(4), properties.getProperty(name));
      }
    }
    boolean initialized = Boolean.parseBoolean(properties.getProperty("initialized"));
    return new ClusterFile(nodes, initialized, processes, settings);
  }

  void save(Path dir) {
    var lines = new TreeMap<String, String>();
    lines.put("format", FORMAT);
    lines.put("initialized", Boolean.toString(initialized));
    lines.put("nodes", String.join(",", nodes.stream().map(Node::id).toList()));
    for (Node node : nodes) {
      String prefix = "node." + node.id() + ".";
      lines.put(prefix + "role", node.role().name());
      lines.put(prefix + "client", Integer.toString(node.clientPort()));
      lines.put(prefix + "raft", Integer.toString(node.raftPort()));
      lines.put(prefix + "ops", Integer.toString(node.opsPort()));
      ProcessId process = processes.get(node.id());
      if (process != null) {
        lines.put(prefix + "pid", Long.toString(process.pid()));
        lines.put(prefix + "started", process.started());
      }
    }
    brokerSettings.forEach((key, value) -> lines.put("set." + key, value));
    var text = new StringBuilder();
    lines.forEach((key, value) -> text.append(key).append('=').append(escape(value)).append('\n'));
    Path next = dir.resolve(NAME + ".next");
    try {
      Files.writeString(next, text, StandardCharsets.UTF_8);
      Files.move(next, dir.resolve(NAME), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED, "cannot write " + dir.resolve(NAME) + ": " + e, e);
    }
  }

  ClusterFile withProcess(String node, ProcessId process) {
    var changed = new LinkedHashMap<>(processes);
    changed.put(node, process);
    return new ClusterFile(nodes, initialized, changed, brokerSettings);
  }

  ClusterFile withoutProcess(String node) {
    var changed = new LinkedHashMap<>(processes);
    changed.remove(node);
    return new ClusterFile(nodes, initialized, changed, brokerSettings);
  }

  ClusterFile withNode(Node node) {
    var changed = new ArrayList<>(nodes);
    changed.add(node);
    return new ClusterFile(changed, initialized, processes, brokerSettings);
  }

  ClusterFile withoutNode(Node node) {
    var changed = new ArrayList<>(nodes);
    changed.remove(node);
    return new ClusterFile(changed, initialized, processes, brokerSettings)
        .withoutProcess(node.id());
  }

  ClusterFile asInitialized() {
    return new ClusterFile(nodes, true, processes, brokerSettings);
  }

  private static String required(Properties properties, String key) {
    String value = properties.getProperty(key);
    if (value == null) {
      throw new IllegalArgumentException(key + " is missing");
    }
    return value;
  }

  private static String escape(String value) {
    return value.replace("\\", "\\\\").replace("\n", "\\n");
  }
}
