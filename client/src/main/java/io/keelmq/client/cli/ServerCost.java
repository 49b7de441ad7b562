package io.keelmq.client.cli;

import io.keelmq.client.ClusterStatus;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the brokers have used up, by their own metrics: differences between two looks are the cost
 * of what ran between them. Immutable.
 *
 * @param brokers by ops address
 */
record ServerCost(TreeMap<String, Counters> brokers) {
  static final String CPU = "keelmq_process_cpu_seconds_total";
  static final String LOG_BYTES = "keelmq_log_appended_bytes_total";
  static final String WRITTEN_BYTES = "keelmq_written_bytes_total";

  private static final int TIMEOUT_MILLIS = 1_000;

  /** A metrics page is some hundred lines; more is not one. */
  private static final int MAX_LINES = 50_000;

  /**
   * One broker's counters since its start; NaN where it has none.
   *
   * @param writtenBytes to its files, whatever they hold
   */
  record Counters(double cpuSeconds, double logBytes, double writtenBytes) {
    Counters minus(Counters earlier) {
      return new Counters(
          cpuSeconds - earlier.cpuSeconds,
          logBytes - earlier.logBytes,
          writtenBytes - earlier.writtenBytes);
    }
  }

  static List<String> opsAddresses(ClusterStatus status) {
    return status.groups().stream()
        .flatMap(group -> group.replicas().stream())
        .map(replica -> replica.route().getOpsAddress())
        .filter(address -> !address.isEmpty())
        .distinct()
        .toList();
  }

  /** Asks each broker; those that do not answer are left out. */
  static ServerCost now(List<String> opsAddresses) {
    var counters = new TreeMap<String, Counters>();
    for (String address : opsAddresses) {
      ask(address).ifPresent(answer -> counters.put(address, answer));
    }
    return new ServerCost(counters);
  }

  /**
   * The cost since an earlier look, added up over all brokers; empty unless the same brokers
   * answered both times and none was restarted between.
   */
  Optional<Counters> since(ServerCost earlier) {
    if (brokers.isEmpty() || !brokers.keySet().equals(earlier.brokers.keySet())) {
      return Optional.empty();
    }
    var sum = new Counters(0, 0, 0);
    for (var broker : brokers.entrySet()) {
      Counters used = broker.getValue().minus(earlier.brokers.get(broker.getKey()));
      if (used.cpuSeconds < 0) {
        return Optional.empty();
      }
      sum =
          new Counters(
              sum.cpuSeconds + used.cpuSeconds,
              sum.logBytes + used.logBytes,
              sum.writtenBytes + used.writtenBytes);
    }
    return Optional.of(sum);
  }

  private static Optional<Counters> ask(String address) {
    HttpURLConnection connection = null;
    try {
      connection =
          (HttpURLConnection) URI.create("http://" + address + "/metrics").toURL().openConnection();
      connection.setConnectTimeout(TIMEOUT_MILLIS);
      connection.setReadTimeout(TIMEOUT_MILLIS);
      try (var lines =
          new BufferedReader(
              new InputStreamReader(connection.getInputStream(), StandardCharsets.UTF_8))) {
        return Optional.of(parse(lines.lines().limit(MAX_LINES).toList()));
      }
    } catch (IOException | RuntimeException e) {
      // A bench is worth running without these figures; they read null then.
      return Optional.empty();
    } finally {
      if (connection != null) {
        connection.disconnect();
      }
    }
  }

  /** Reads the Prometheus text format; a metric with labels is the sum over them. */
  static Counters parse(List<String> lines) {
    return new Counters(sum(lines, CPU), sum(lines, LOG_BYTES), sum(lines, WRITTEN_BYTES));
  }

  private static double sum(List<String> lines, String metric) {
    double sum = Double.NaN;
    for (String line : lines) {
      if (!line.startsWith(metric)) {
        continue;
      }
      String rest = line.substring(metric.length());
      int value = rest.startsWith("{") ? rest.lastIndexOf('}') + 1 : 0;
      if (value >= rest.length() || rest.charAt(value) != ' ') {
        continue;
      }
      double number = Double.parseDouble(rest.substring(value).strip().split(" ", 2)[0]);
      sum = Double.isNaN(sum) ? number : sum + number;
    }
    return sum;
  }
}
