package io.keelmq.local;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * How a new local cluster shall look. Immutable.
 *
 * @param dir holds its file, logs and data
 * @param brokers 1, 3 or 5
 * @param brokerSettings for every broker, beside the addresses
 * @param jvmOptions for every broker, beside those of the distribution
 * @param nodeJvmOptions for single brokers, by the node's id, behind those
 * @param extraClassPath put before the brokers' own
 */
public record ClusterOptions(
    Path dir,
    Distribution distribution,
    int brokers,
    int nameServers,
    PortPlan ports,
    Map<String, String> brokerSettings,
    List<String> jvmOptions,
    Map<String, List<String>> nodeJvmOptions,
    List<Path> extraClassPath) {

  private static final int MAX_NAME_SERVERS = 5;

  public ClusterOptions {
    if (brokers != 1 && brokers != 3 && brokers != 5) {
      throw new ClusterFailure(
          ClusterFailure.Kind.USAGE, "--brokers " + brokers + ": expected 1, 3 or 5");
    }
    if (nameServers < 1 || nameServers > MAX_NAME_SERVERS) {
      throw new ClusterFailure(
          ClusterFailure.Kind.USAGE,
          "--name-servers " + nameServers + ": expected 1 to " + MAX_NAME_SERVERS);
    }
    dir = dir.toAbsolutePath().normalize();
    brokerSettings = Map.copyOf(brokerSettings);
    jvmOptions = List.copyOf(jvmOptions);
    nodeJvmOptions = Map.copyOf(nodeJvmOptions);
    extraClassPath = List.copyOf(extraClassPath);
  }

  public ClusterOptions(Path dir, Distribution distribution, PortPlan ports) {
    this(dir, distribution, 3, 2, ports, Map.of(), List.of(), Map.of(), List.of());
  }

  public ClusterOptions withBrokers(int count) {
    return new ClusterOptions(
        dir,
        distribution,
        count,
        nameServers,
        ports,
        brokerSettings,
        jvmOptions,
        nodeJvmOptions,
        extraClassPath);
  }

  public ClusterOptions withBrokerSettings(Map<String, String> settings) {
    return new ClusterOptions(
        dir,
        distribution,
        brokers,
        nameServers,
        ports,
        settings,
        jvmOptions,
        nodeJvmOptions,
        extraClassPath);
  }

  public ClusterOptions withBrokerJvm(List<String> options, List<Path> classPath) {
    return new ClusterOptions(
        dir,
        distribution,
        brokers,
        nameServers,
        ports,
        brokerSettings,
        options,
        nodeJvmOptions,
        classPath);
  }

  /**
   * @param options of single brokers, by the node's id
   */
  public ClusterOptions withNodeJvm(Map<String, List<String>> options) {
    return new ClusterOptions(
        dir,
        distribution,
        brokers,
        nameServers,
        ports,
        brokerSettings,
        jvmOptions,
        options,
        extraClassPath);
  }
}
