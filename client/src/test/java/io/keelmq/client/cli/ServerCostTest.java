package io.keelmq.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ServerCostTest {

  @Test
  void readsPrometheusTextAndAddsUpLabels() {
    var counters =
        ServerCost.parse(
            List.of(
                "# TYPE keelmq_process_cpu_seconds counter",
                "keelmq_process_cpu_seconds_total 12.5",
                "keelmq_process_cpu_seconds_total_other 99",
                "keelmq_log_appended_bytes_total{group=\"g0\"} 1.0E3",
                "keelmq_log_appended_bytes_total{group=\"g {1}\"} 24 1700000000"));

    assertEquals(12.5, counters.cpuSeconds());
    assertEquals(1_024, counters.logBytes());
    assertTrue(Double.isNaN(counters.writtenBytes()));
  }

  @Test
  void addsUpWhatAllBrokersUsed() {
    var before = cost(Map.of("a", 1.0, "b", 2.0));
    var after = cost(Map.of("a", 1.5, "b", 4.0));

    assertEquals(2.5, after.since(before).orElseThrow().cpuSeconds());
  }

  @Test
  void knowsNothingWhenABrokerRestartedOrWentAway() {
    var before = cost(Map.of("a", 1.0, "b", 2.0));

    assertEquals(Optional.empty(), cost(Map.of("a", 1.5)).since(before));
    assertEquals(Optional.empty(), cost(Map.of("a", 1.5, "b", 0.1)).since(before));
    assertEquals(Optional.empty(), cost(Map.of()).since(cost(Map.of())));
  }

  private static ServerCost cost(Map<String, Double> cpu) {
    var brokers = new TreeMap<String, ServerCost.Counters>();
    cpu.forEach((address, seconds) -> brokers.put(address, new ServerCost.Counters(seconds, 0, 0)));
    return new ServerCost(brokers);
  }
}
