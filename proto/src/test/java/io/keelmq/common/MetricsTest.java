package io.keelmq.common;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class MetricsTest {

  @Test
  void writesCountersGaugesAndHistograms() {
    var metrics = new Metrics();
    metrics.counter("keelmq_sends_total", "Sends.", "result").labelValues("ok").inc(3);
    metrics.gauge("keelmq_term", "Term.", () -> 7);
    metrics.gauges("keelmq_lag", "Lag.", callback -> callback.call(2, "n1"), "node");
    metrics.seconds("keelmq_ack_seconds", "Acks.").observe(0.0015);

    String text = metrics.text();

    assertTrue(text.contains("keelmq_sends_total{result=\"ok\"} 3.0"), text);
    assertTrue(text.contains("keelmq_term 7.0"), text);
    assertTrue(text.contains("keelmq_lag{node=\"n1\"} 2.0"), text);
    assertTrue(text.contains("keelmq_ack_seconds_bucket{le=\"0.0016\"} 1"), text);
    assertTrue(text.contains("keelmq_process_cpu_seconds_total"), text);
  }

  @Test
  void instancesDoNotSeeEachOther() {
    var one = new Metrics();
    var other = new Metrics();
    one.counter("keelmq_sends_total", "Sends.").inc();

    assertFalse(other.text().contains("keelmq_sends_total"));
  }
}
