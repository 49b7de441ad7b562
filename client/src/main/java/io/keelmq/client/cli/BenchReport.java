package io.keelmq.client.cli;

import io.keelmq.common.Durations;
import io.keelmq.common.Json;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/** The result of a bench, for people and for programs at once. For one thread. */
final class BenchReport {
  private static final double MILLI = TimeUnit.MILLISECONDS.toNanos(1);
  private static final double MEGA = 1e6;
  private static final Duration LONGEST = Duration.ofDays(1);

  private final Json json = new Json();
  private final StringBuilder text = new StringBuilder();

  BenchReport(String command, String topic) {
    json.put("command", command).put("topic", topic);
    text.append(command).append(" --topic ").append(topic);
  }

  static void check(String option, long value, long least, long most) {
    if (value < least || value > most) {
      throw CliError.usage(
          "%s %d: give a number from %d to %d".formatted(option, value, least, most));
    }
  }

  /**
   * @param time null: not given, which is fine
   */
  static void checkTime(String option, Duration time) {
    if (time != null && time.compareTo(LONGEST) > 0) {
      throw CliError.usage(
          "%s %s: give at most %s"
              .formatted(option, Durations.text(time), Durations.text(LONGEST)));
    }
  }

  BenchReport text(String name, String value) {
    json.put(name, value);
    line(name.replace('_', ' '), value);
    return this;
  }

  BenchReport number(String name, long value) {
    json.put(name, value);
    line(name.replace('_', ' '), String.format(Locale.ROOT, "%,d", value));
    return this;
  }

  /** Zero is left out for people: it says that nothing was asked for or measured. */
  BenchReport decimal(String name, double value) {
    json.put(name, value);
    if (value == 0) {
      return this;
    }
    line(name.replace('_', ' '), String.format(Locale.ROOT, "%,.1f", value));
    return this;
  }

  BenchReport throughput(long messages, long bytes, double seconds) {
    double perSecond = messages / seconds;
    double megaBytes = bytes / MEGA / seconds;
    json.put("messages", messages)
        .put("bytes", bytes)
        .put("seconds", seconds)
        .put("messages_per_second", perSecond)
        .put("mb_per_second", megaBytes);
    line("messages", String.format(Locale.ROOT, "%,d in %.2f s", messages, seconds));
    line(
        "throughput",
        String.format(Locale.ROOT, "%,.0f messages/s, %.1f MB/s", perSecond, megaBytes));
    return this;
  }

  /**
   * @param nanos recorded in nanoseconds
   */
  BenchReport percentiles(String name, Histogram nanos) {
    return percentiles(name, nanos, MILLI);
  }

  /**
   * @param milli how many units of the histogram a millisecond is
   */
  BenchReport percentiles(String name, Histogram recorded, double milli) {
    double p50 = recorded.getValueAtPercentile(50) / milli;
    double p99 = recorded.getValueAtPercentile(99) / milli;
    double p999 = recorded.getValueAtPercentile(99.9) / milli;
    double max = recorded.getMaxValue() / milli;
    json.put(
        name,
        new Json()
            .put("count", recorded.getTotalCount())
            .put("mean", recorded.getTotalCount() == 0 ? 0 : recorded.getMean() / milli)
            .put("p50", p50)
            .put("p90", recorded.getValueAtPercentile(90) / milli)
            .put("p99", p99)
            .put("p999", p999)
            .put("max", max));
    line(
        name.replace("_ms", ""),
        String.format(
            Locale.ROOT,
            "p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, max %.2f ms",
            p50,
            p99,
            p999,
            max));
    return this;
  }

  BenchReport clientCpu() {
    double seconds =
        ProcessHandle.current()
            .info()
            .totalCpuDuration()
            .map(Duration::toNanos)
            .map(nanos -> nanos / 1e9)
            .orElse(Double.NaN);
    json.put("client_cpu_seconds", seconds);
    line("client CPU", String.format(Locale.ROOT, "%.1f s since its start", seconds));
    return this;
  }

  /**
   * @param brokers that told their counters
   * @param cost of all brokers together; empty when they could not be asked
   */
  BenchReport servers(
      int brokers, Optional<ServerCost.Counters> cost, long messages, long payloadBytes) {
    if (cost.isEmpty()) {
      json.putNull("servers");
      line("servers", "unknown: their ops addresses did not answer, or one was restarted");
      return this;
    }
    ServerCost.Counters used = cost.get();
    double cpuPerMillion = messages == 0 ? Double.NaN : used.cpuSeconds() / messages * 1e6;
    double log = perPayloadByte(used.logBytes(), brokers, payloadBytes);
    double written = perPayloadByte(used.writtenBytes(), brokers, payloadBytes);
    json.put(
        "servers",
        new Json()
            .put("brokers", brokers)
            .put("cpu_seconds", used.cpuSeconds())
            .put("cpu_seconds_per_million_messages", cpuPerMillion)
            .put("log_bytes_per_payload_byte", log)
            .put("written_bytes_per_payload_byte", written));
    line(
        "servers' CPU",
        String.format(
            Locale.ROOT,
            "%.1f s of %d brokers together, %s s a million messages",
            used.cpuSeconds(),
            brokers,
            known(cpuPerMillion)));
    line(
        "servers' disks",
        "a payload byte is %s bytes of log and %s bytes written, on each replica"
            .formatted(known(log), known(written)));
    return this;
  }

  /** One object. */
  String json() {
    return json.toString();
  }

  /** A line for each figure. */
  String text() {
    return text.toString();
  }

  private static double perPayloadByte(double bytes, int brokers, long payloadBytes) {
    return payloadBytes == 0 ? Double.NaN : bytes / brokers / payloadBytes;
  }

  private static String known(double value) {
    return Double.isNaN(value) ? "unknown" : String.format(Locale.ROOT, "%.2f", value);
  }

  private void line(String name, String value) {
    text.append('\n').append(String.format(Locale.ROOT, "  %-16s %s", name, value));
  }
}
