package io.keelmq.common;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;

/**
 * The metrics of one broker or name server. There is no global registry: two instances in one
 * process do not see each other. Names are {@code keelmq_...} with the unit last, counters end in
 * {@code _total}.
 *
 * <p>Thread-safe. Counts start at zero with each process.
 */
public final class Metrics {

  /** From 0.1 ms to about 13 s, each twice the one before. */
  private static final double FIRST_BUCKET_SECONDS = 0.0001;

  private static final int BUCKETS = 18;

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();

  public Metrics() {
    registerJvm();
  }

  public Counter counter(String name, String help, String... labelNames) {
    return Counter.builder().name(name).help(help).labelNames(labelNames).register(registry);
  }

  public Gauge gauge(String name, String help, String... labelNames) {
    return Gauge.builder().name(name).help(help).labelNames(labelNames).register(registry);
  }

  /** A histogram of seconds, in buckets that each are twice the one before. */
  public Histogram seconds(String name, String help, String... labelNames) {
    return Histogram.builder()
        .name(name)
        .help(help)
        .labelNames(labelNames)
        .classicOnly()
        .classicExponentialUpperBounds(FIRST_BUCKET_SECONDS, 2, BUCKETS)
        .register(registry);
  }

  /** A gauge read at each scrape; the supplier must not block. */
  public void gauge(String name, String help, DoubleSupplier value) {
    gauges(name, help, callback -> callback.call(value.getAsDouble()));
  }

  /** A gauge with labels, read at each scrape: call back once for each combination of labels. */
  public void gauges(
      String name, String help, Consumer<GaugeWithCallback.Callback> values, String... labelNames) {
    GaugeWithCallback.builder()
        .name(name)
        .help(help)
        .labelNames(labelNames)
        .callback(values)
        .register(registry);
  }

  /** A counter that lives elsewhere and is read at each scrape; it must never go back. */
  public void counter(String name, String help, DoubleSupplier value) {
    CounterWithCallback.builder()
        .name(name)
        .help(help)
        .callback(callback -> callback.call(value.getAsDouble()))
        .register(registry);
  }

  /** Writes all metrics in the Prometheus text format 0.0.4. */
  public void writeText(OutputStream out) throws IOException {
    writer.write(out, registry.scrape());
  }

  public String text() {
    var out = new ByteArrayOutputStream();
    try {
      writeText(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  String contentType() {
    return writer.getContentType();
  }

  private void registerJvm() {
    Runtime runtime = Runtime.getRuntime();
    gauge(
        "keelmq_process_heap_used_bytes",
        "Java heap in use.",
        () -> runtime.totalMemory() - runtime.freeMemory());
    gauge("keelmq_process_heap_max_bytes", "Java heap limit.", runtime::maxMemory);
    counter(
        "keelmq_process_cpu_seconds_total",
        "Processor time used by this process.",
        () ->
            ProcessHandle.current()
                .info()
                .totalCpuDuration()
                .map(used -> used.toMillis() / 1000.0)
                .orElse(Double.NaN));
  }
}
