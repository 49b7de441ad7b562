package io.keelmq.client.cli;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Option;

/** The options of every bench: which topic, and when it ends. */
final class BenchScope {
  @Option(
      names = "--topic",
      paramLabel = "TOPIC",
      defaultValue = "bench",
      converter = Converters.TopicName.class,
      description = "default bench")
  String topic;

  @Option(
      names = {"--count", "--messages"},
      paramLabel = "N",
      description = "measure so many messages")
  Long count;

  @Option(
      names = "--seconds",
      paramLabel = "TIME",
      converter = Converters.Length.class,
      description = "measure for so long, e.g. 10s")
  Duration time;

  void check() {
    BenchReport.check("--count", count == null ? 1 : count, 1, Long.MAX_VALUE);
    BenchReport.checkTime("--seconds", time);
  }

  long countOr(long otherwise) {
    return count == null ? otherwise : count;
  }

  /**
   * When to end.
   *
   * @param otherwise without either option; null: never
   */
  boolean isOver(long beganNanos, Duration otherwise) {
    Duration limit = time != null ? time : count == null ? otherwise : null;
    return limit != null && System.nanoTime() - beganNanos >= limit.toNanos();
  }

  /** Seconds between two looks at the clock, more than nothing. */
  static double seconds(long fromNanos, long toNanos) {
    return Math.max(1, toNanos - fromNanos) / (double) TimeUnit.SECONDS.toNanos(1);
  }
}
