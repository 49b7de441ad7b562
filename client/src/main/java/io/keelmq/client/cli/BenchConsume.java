package io.keelmq.client.cli;

import io.keelmq.client.ConsumedMessage;
import io.keelmq.client.ConsumerStats;
import io.keelmq.common.Durations;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongFunction;
import org.HdrHistogram.Recorder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code keelmq bench consume}. */
@Command(
    name = "consume",
    description = "Consumes and acknowledges messages as fast as they come and tells how fast.")
final class BenchConsume extends CliCommand {
  private static final Duration DEFAULT_TIME = Duration.ofSeconds(10);
  private static final Duration DRAIN = Duration.ofSeconds(30);
  private static final long DEFAULT_PREFILL = 200_000;
  private static final int PREFILL_IN_FLIGHT = 4_096;
  private static final long BUFFER_BYTES = 64L << 20;
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final long MAX_LATENCY_MILLIS = TimeUnit.DAYS.toMillis(1);

  @Mixin BenchScope scope;

  @Mixin BenchTopic bodies;

  @Option(
      names = "--group",
      paramLabel = "GROUP",
      defaultValue = "bench",
      description = "consumer group of kind lease, made if it is missing; default bench")
  String group;

  @Option(names = "--consumers", paramLabel = "N", defaultValue = "1", description = "default 1")
  int consumers;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description = "of each consumer; default 1")
  int threads;

  @Option(
      names = "--in-flight",
      paramLabel = "N",
      defaultValue = "4096",
      description = "messages that each consumer has unacknowledged at the most; default 4096")
  int inFlight;

  @Option(
      names = "--prefill",
      description = "send as many messages as will be measured first; default 200000")
  boolean prefill;

  @Override
  public Integer call() {
    scope.check();
    bodies.check();
    BenchReport.check("--consumers", consumers, 1, 256);
    BenchReport.check("--threads", threads, 1, 256);
    BenchReport.check("--in-flight", inFlight, 1, 10_000);
    return withCluster(this::measure);
  }

  private int measure(Cluster cluster) {
    bodies.make(cluster, scope.topic);
    if (prefill) {
      fill(cluster, scope.countOr(DEFAULT_PREFILL));
    }
    long wanted = scope.countOr(prefill ? DEFAULT_PREFILL : Long.MAX_VALUE);
    List<String> brokers = ServerCost.opsAddresses(cluster.brokerGroups().status());
    var tally = new Tally(console().clock());
    var options = new Cluster.ReceiverOptions(group, scope.topic, "", inFlight);
    var progress = new Progress(console(), tally.messages::sum, () -> 0);
    var listening = new ArrayList<Cluster.Listening>();
    ServerCost before = ServerCost.now(brokers);
    long began = System.nanoTime();
    try {
      for (int i = 0; i < consumers; i++) {
        listening.add(cluster.openListener(options, threads, tally::take));
      }
      Duration limit = prefill ? null : DEFAULT_TIME;
      while (tally.messages.sum() < wanted
          && !console().stop().requested()
          && !scope.isOver(began, limit)) {
        LockSupport.parkNanos(LOOK_NANOS);
        progress.show();
      }
    } finally {
      // Acks that are on their way are stored by then.
      listening.forEach(Cluster.Listening::close);
    }
    ServerCost after = ServerCost.now(brokers);
    progress.clear();
    long messages = tally.messages.sum();
    List<ConsumerStats> stats = listening.stream().map(Cluster.Listening::stats).toList();
    var report =
        new BenchReport("bench consume", scope.topic)
            .text("group", group)
            .number("consumers", consumers)
            .number("threads", threads)
            .number("in_flight", inFlight)
            .number("acknowledged", sum(stats, ConsumerStats::acknowledgedMessages))
            .number("redelivered", sum(stats, ConsumerStats::redeliveredMessages))
            .number("lost_leases", sum(stats, ConsumerStats::lostMessages))
            .number("settle_requests", sum(stats, ConsumerStats::settleRequests))
            .decimal("first_message_ms", tally.firstMillis(began))
            .throughput(
                messages,
                tally.bytes.sum(),
                BenchScope.seconds(tally.first(began), tally.last(began)))
            .percentiles("latency_ms", tally.latencies.getIntervalHistogram(), 1)
            .clientCpu()
            .servers(after.brokers().size(), after.since(before), messages, tally.bytes.sum());
    out().line(json() ? report.json() : report.text());
    return ExitCodes.OK;
  }

  private void fill(Cluster cluster, long messages) {
    var settings = new LoadRun.Settings(scope.topic, bodies.size, PREFILL_IN_FLIGHT, 0);
    Cluster.Sink sink = cluster.openSink(new Cluster.SinkOptions(BUFFER_BYTES, DRAIN));
    try (var run = new LoadRun(settings, List.of(sink), System::nanoTime)) {
      var progress = new Progress(console(), run);
      run.start(messages);
      while (!run.finished() && !console().stop().requested()) {
        LockSupport.parkNanos(LOOK_NANOS);
        progress.show();
      }
      boolean settled = run.drain(DRAIN.toNanos());
      progress.clear();
      Throwable failure = run.firstFailure();
      if (failure != null) {
        throw new CliError(
            Failures.exitCode(failure),
            Failures.code(failure),
            "filling the topic failed: " + Failures.line(failure, root().endpoints()),
            failure);
      }
      if (!settled) {
        throw new CliError(
            ExitCodes.UNAVAILABLE,
            "OUTCOME_UNKNOWN",
            "filling the topic: messages had no receipt after " + Durations.text(DRAIN));
      }
    }
  }

  private static long sum(List<ConsumerStats> all, ToLongFunction<ConsumerStats> count) {
    return all.stream().mapToLong(count).sum();
  }

  /** What the listeners have seen. Thread-safe. */
  private static final class Tally {
    final LongAdder messages = new LongAdder();
    final LongAdder bytes = new LongAdder();

    /** In milliseconds: producers say no more. */
    final Recorder latencies = new Recorder(MAX_LATENCY_MILLIS, 3);

    private final InstantSource clock;
    private final AtomicLong firstNanos = new AtomicLong();
    private final AtomicLong lastNanos = new AtomicLong();

    Tally(InstantSource clock) {
      this.clock = clock;
    }

    void take(ConsumedMessage message) {
      long now = System.nanoTime();
      if (firstNanos.get() == 0) {
        firstNanos.compareAndSet(0, now);
      }
      lastNanos.set(now);
      messages.increment();
      bytes.add(message.bodySize());
      long born = message.message().getBornTimeMillis();
      if (born != 0) {
        long latency = clock.millis() - born;
        latencies.recordValue(Math.min(MAX_LATENCY_MILLIS, Math.max(0, latency)));
      }
    }

    long first(long otherwise) {
      return firstNanos.get() == 0 ? otherwise : firstNanos.get();
    }

    long last(long otherwise) {
      return lastNanos.get() == 0 ? otherwise : lastNanos.get();
    }

    double firstMillis(long began) {
      return firstNanos.get() == 0 ? Double.NaN : (firstNanos.get() - began) / 1e6;
    }
  }
}
