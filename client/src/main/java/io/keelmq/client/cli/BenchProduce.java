package io.keelmq.client.cli;

import io.keelmq.common.Durations;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.HdrHistogram.Histogram;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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

  @Mixin BenchScope scope;

  @Mixin BenchTopic bodies;

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
    scope.check();
    bodies.check();
    BenchReport.check("--producers", producers, 1, 256);
    BenchReport.check("--in-flight", inFlight, 1, 1_000_000);
    BenchReport.checkTime("--warmup", warmUp);
    if (!(rate >= 0 && rate <= 1e9)) {
      throw CliError.usage("--rate " + rate + ": give messages a second, or 0");
    }
    return withCluster(this::measure);
  }

  private int measure(Cluster cluster) {
    bodies.make(cluster, scope.topic);
    List<String> brokers = ServerCost.opsAddresses(cluster.brokerGroups().status());
    var sinks = new ArrayList<Cluster.Sink>();
    for (int i = 0; i < producers; i++) {
      sinks.add(cluster.openSink(new Cluster.SinkOptions(BUFFER_BYTES, DRAIN)));
    }
    var settings = new LoadRun.Settings(scope.topic, bodies.size, inFlight, rate);
    try (var run = new LoadRun(settings, sinks, System::nanoTime)) {
      var progress = new Progress(console(), run);
      run.start(Long.MAX_VALUE);
      long warmUpBegan = System.nanoTime();
      watch(run, progress, () -> System.nanoTime() - warmUpBegan >= warmUp.toNanos());

      ServerCost before = ServerCost.now(brokers);
      long acknowledgedBefore = run.acknowledged();
      long began = System.nanoTime();
      run.record(scope.countOr(Long.MAX_VALUE));
      watch(run, progress, () -> scope.isOver(began, DEFAULT_TIME));
      boolean settled = run.drain(DRAIN.toNanos());
      ServerCost after = ServerCost.now(brokers);
      progress.clear();

      long messages = run.acknowledged() - acknowledgedBefore;
      double took = BenchScope.seconds(began, run.lastReceiptNanos());
      report(run, messages, took, after, after.since(before));
      return exit(run, settled);
    }
  }

  private void watch(LoadRun run, Progress progress, BooleanSupplier over) {
    while (!run.finished() && !console().stop().requested() && !over.getAsBoolean()) {
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
        new BenchReport("bench produce", scope.topic)
            .number("size", bodies.size)
            .number("producers", producers)
            .number("in_flight", inFlight)
            .decimal("rate", rate)
            .number("failed", run.failed())
            .throughput(messages, messages * bodies.size, took)
            .percentiles("latency_ms", latency)
            .clientCpu()
            .servers(after.brokers().size(), cost, messages, messages * bodies.size);
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
