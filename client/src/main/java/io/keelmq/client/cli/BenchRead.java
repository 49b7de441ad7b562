package io.keelmq.client.cli;

import io.keelmq.client.MessagesTrimmed;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.StartAt;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code keelmq bench read}. */
@Command(
    name = "read",
    description = "Reads a topic as fast as it comes and tells how fast that was.")
final class BenchRead extends CliCommand {
  private static final Duration POLL = Duration.ofMillis(200);
  private static final long MAX_WAIT_NANOS = TimeUnit.MINUTES.toNanos(10);
  private static final int MAX_POLL = 4_096;

  @Mixin BenchScope scope;

  @Option(
      names = "--from",
      paramLabel = "PLACE",
      defaultValue = "earliest",
      description = "earliest (default), latest, an offset, a time, or -5m")
  String from;

  @Option(names = "--follow", description = "wait at the end for more")
  boolean follow;

  @Override
  public Integer call() {
    scope.check();
    StartAt start = Converters.startAt("--from", from, console().clock());
    return withCluster(
        cluster -> {
          measure(cluster, start);
          return ExitCodes.OK;
        });
  }

  private void measure(Cluster cluster, StartAt start) {
    List<String> brokers = ServerCost.opsAddresses(cluster.brokerGroups().status());
    var waits = new Histogram(MAX_WAIT_NANOS, 3);
    long most = scope.countOr(Long.MAX_VALUE);
    long messages = 0;
    long bytes = 0;
    long lost = 0;
    ServerCost before = ServerCost.now(brokers);
    long began = System.nanoTime();
    long first = 0;
    long last = began;
    var options = new Cluster.SourceOptions(scope.topic, List.of(), start, follow, MAX_POLL);
    try (Cluster.Source source = cluster.openSource(options)) {
      while (messages < most && !console().stop().requested() && !scope.isOver(began, null)) {
        long asked = System.nanoTime();
        List<ReadMessage> batch;
        try {
          batch = source.poll(POLL);
        } catch (MessagesTrimmed e) {
          lost += e.toOffset() - e.fromOffset();
          continue;
        }
        long now = System.nanoTime();
        if (batch.isEmpty()) {
          if (source.atEnd()) {
            break;
          }
          continue;
        }
        waits.recordValue(Math.min(MAX_WAIT_NANOS, now - asked));
        first = first == 0 ? now : first;
        last = now;
        messages += batch.size();
        for (ReadMessage message : batch) {
          bytes += message.bodySize();
        }
      }
    }
    ServerCost after = ServerCost.now(brokers);
    double took = BenchScope.seconds(began, last);
    var report =
        new BenchReport("bench read", scope.topic)
            .number("trimmed", lost)
            .decimal("first_message_ms", first == 0 ? Double.NaN : (first - began) / 1e6)
            .throughput(messages, bytes, took)
            .percentiles("poll_ms", waits)
            .clientCpu()
            .servers(after.brokers().size(), after.since(before), messages, 0);
    out().line(json() ? report.json() : report.text());
  }
}
