package io.keelmq.client.cli;

import io.keelmq.client.RequestRejected;
import io.keelmq.common.Durations;
import io.keelmq.v1.Code;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code keelmq bench produce}. */
@Command(
    name = "produce",
    description = "Sends messages of random bytes and tells how fast they are acknowledged.")
final class BenchProduce extends CliCommand {
  private static final Duration DEFAULT_TIME = Duration.ofSeconds(10);
  private static final Duration DRAIN = Duration.ofSeconds(30);
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final long BUFFER_BYTES = 64L << 20;

  @Option(
      names = "--topic",
      paramLabel = "TOPIC",
      defaultValue = "bench",
      converter = Converters.TopicName.class,
      description = "default bench; made when it is missing")
  String topic;

  @Option(
      names = "--queues",
      paramLabel = "N",
      defaultValue = "4",
      description = "of a topic that is made; default 4")
  int queues;

  @Option(
      names = "--size",
      paramLabel = "BYTES",
      defaultValue = "1024",
      description = "of a body; default 1024")
  int size;

  @Option(names = "--count", paramLabel = "N", description = "measure so many messages")
  Long count;

  @Option(
      names = "--seconds",
      paramLabel = "TIME",
      converter = Converters.Length.class,
      description = "measure for so long; default 10s unless --count is given")
  Duration time;

  @Option(
      names = "--warmup",
      paramLabel = "TIME",
      defaultValue = "3s",
      converter = Converters.Length.class,
      description = "before that, unmeasured; default 3s")
  Duration warmUp;

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "messages a second, on time whatever the answers do; default: as fast as can be")
  double rate;

  @Option(names = "--producers", paramLabel = "N", defaultValue = "1", description = "default 1")
  int producers;

  @Option(
      names = "--in-flight",
      paramLabel = "N",
      defaultValue = "4096",
      description = "messages of each producer without a receipt, at the most; default 4096")
  int inFlight;

  @Override
  public Integer call() {
    BenchReport.check("--size", size, 0, 4 << 20);
    BenchReport.check("--queues", queues, 1, 1_024);
    BenchReport.check("--producers", producers, 1, 256);
    BenchReport.check("--in-flight", inFlight, 1, 1_000_000);
    BenchReport.check("--count", count == null ? 1 : count, 1, Long.MAX_VALUE);
    BenchReport.checkTime("--seconds", time);
    BenchReport.checkTime("--warmup", warmUp);
    if (!(rate >= 0 && rate <= 1e9)) {
      throw CliError.usage("--rate " + rate + ": give messages a second, or 0");
    }
    return withCluster(this::measure);
  }

  private int measure(Cluster cluster) {
    makeTopic(cluster);
    List<String> brokers = ServerCost.opsAddresses(cluster.brokerGroups().status());
    var sinks = new ArrayList<Cluster.Sink>();
    for (int i = 0; i < producers; i++) {
      sinks.add(cluster.openSink(new Cluster.SinkOptions(BUFFER_BYTES, DRAIN)));
    }
    var settings = new LoadRun.Settings(topic, size, inFlight, rate);
    try (var run = new LoadRun(settings, sinks, System::nanoTime)) {
      var progress = new Progress(console(), run);
      run.start(Long.MAX_VALUE);
      watch(run, progress, System.nanoTime() + warmUp.toNanos());

      ServerCost before = ServerCost.now(brokers);
      long acknowledgedBefore = run.acknowledged();
      long began = System.nanoTime();
      run.record(count == null ? Long.MAX_VALUE : count);
      long limit =
          time == null && count != null
              ? Long.MAX_VALUE
              : began + (time == null ? DEFAULT_TIME : time).toNanos();
      watch(run, progress, limit);
      boolean settled = run.drain(DRAIN.toNanos());
      ServerCost after = ServerCost.now(brokers);
      progress.clear();

      long messages = run.acknowledged() - acknowledgedBefore;
      double took =
          Math.max(1, run.lastReceiptNanos() - began) / (double) TimeUnit.SECONDS.toNanos(1);
      report(run, messages, took, after, after.since(before));
      return exit(run, settled);
    }
  }

  private void makeTopic(Cluster cluster) {
    try {
      cluster
          .topics()
          .create(
              Topic.newBuilder()
                  .setTopic(topic)
                  .setType(TopicType.NORMAL)
                  .setQueues(queues)
                  .build());
    } catch (RequestRejected e) {
      // It is there with other settings, which are as good.
      if (e.code() != Code.TOPIC_EXISTS) {
        throw e;
      }
    }
  }

  private void watch(LoadRun run, Progress progress, long limitNanos) {
    while (!run.finished()
        && !console().stop().requested()
        && (limitNanos == Long.MAX_VALUE || System.nanoTime() < limitNanos)) {
      LockSupport.parkNanos(LOOK_NANOS);
      progress.show();
    }
  }

  private void report(
      LoadRun run,
      long messages,
      double took,
      ServerCost after,
      Optional<ServerCost.Counters> cost) {
    Histogram latency = run.takeLatencies();
    var report =
        new BenchReport("bench produce", topic)
            .number("size", size)
            .number("producers", producers)
            .number("in_flight", inFlight)
            .decimal("rate", rate)
            .number("failed", run.failed())
            .throughput(messages, messages * size, took)
            .percentiles("latency_ms", latency)
            .clientCpu()
            .servers(after.brokers().size(), cost, messages, messages * size);
    out().line(json() ? report.json() : report.text());
  }

  private int exit(LoadRun run, boolean settled) {
    Throwable failure = run.firstFailure();
    if (failure != null) {
      throw new CliError(
          Failures.exitCode(failure),
          Failures.code(failure),
          "%d messages failed, the first because: %s"
              .formatted(run.failed(), Failures.line(failure, root().endpoints())),
          failure);
    }
    if (!settled) {
      throw new CliError(
          ExitCodes.UNAVAILABLE,
          "OUTCOME_UNKNOWN",
          "messages had no receipt %s after the last was sent: see `keelmq cluster status`"
              .formatted(Durations.text(DRAIN)));
    }
    return ExitCodes.OK;
  }
}
