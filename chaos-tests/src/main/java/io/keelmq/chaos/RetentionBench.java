package io.keelmq.chaos;

import io.keelmq.common.Json;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.Distribution;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.PortPlan;
import io.keelmq.local.Seed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Two topics in one broker group: an archive, which keeps its few messages for 30 days, and ticks,
 * which keep theirs for as long as stands in for an hour. Leaders are killed meanwhile. Nothing of
 * the archive may be lost, nor any tick before its time, and the disks must follow what is kept
 * rather than what was written.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.RetentionBench --seconds
 * 300}
 */
@Command(
    name = "retention-bench",
    description =
        "Fills a topic that is kept and one that is not; the verdict and the disks' use as JSON. Exit"
            + " code 0 only if nothing was lost and every disk fell behind what was written.")
public final class RetentionBench implements Callable<Integer> {

  private static final Duration KEPT = Duration.ofDays(30);
  private static final int LEAST_RETENTIONS = 4;
  private static final int TICK_PRODUCERS = 2;
  private static final int QUEUES = 4;

  @Mixin RunOptions run;
  @Spec CommandSpec spec;

  @Option(
      names = "--seconds",
      defaultValue = "300",
      description =
          "Of load, and at most as many again until every disk has fallen behind (default:"
              + " ${DEFAULT-VALUE}).")
  int seconds;

  @Option(
      names = "--kills",
      defaultValue = "1",
      description = "Leaders killed meanwhile (default: ${DEFAULT-VALUE}).")
  int kills;

  @Option(
      names = "--retention",
      defaultValue = "20",
      description = "Seconds that ticks are kept (default: ${DEFAULT-VALUE}).")
  int retentionSeconds;

  @Option(
      names = "--rate",
      defaultValue = "400",
      description = "Messages a second, of both topics (default: ${DEFAULT-VALUE}).")
  int rate;

  @Option(
      names = "--body",
      defaultValue = "2048",
      description = "Bytes of a message (default: ${DEFAULT-VALUE}).")
  int bodyBytes;

  @Option(
      names = "--archive-percent",
      defaultValue = "5",
      description = "Of the messages, 1 to 50 (default: ${DEFAULT-VALUE}).")
  int archivePercent;

  @Option(
      names = "--snapshots",
      defaultValue = "10",
      description =
          "Seconds between two snapshots of a replica; by itself it takes one a minute at most"
              + " (default: ${DEFAULT-VALUE}).")
  int snapshotSeconds;

  /** Null before the load begins. */
  private RetentionRun retention;

  private RetentionBench() {}

  public static void main(String[] args) {
    LocalProgram.main(new RetentionBench(), args);
  }

  private static ClusterOptions cluster(Path dir, Seed seed) {
    return new ClusterOptions(dir, Distribution.find(), new PortPlan.Free(seed.random()))
        .withBrokerSettings(Map.of("log.segment.bytes", "1MiB", "snapshot.bytes", "2MiB"));
  }

  @Override
  public Integer call() throws IOException {
    check();
    Seed used = run.seed();
    Path dir = Files.createTempDirectory("keelmq-").resolve("retention-bench");
    int archiveRate = Math.max(1, rate * archivePercent / 100);
    var ticks = workload(TICK_PRODUCERS, Math.max(1, (rate - archiveRate) / TICK_PRODUCERS));
    var course =
        new RetentionRun.Plan(
            Duration.ofSeconds(seconds),
            kills,
            KEPT,
            Duration.ofSeconds(retentionSeconds),
            ticks,
            bodyBytes,
            Duration.ofSeconds(snapshotSeconds));
    var plan =
        new ChaosPlan(
            "retention-bench",
            used,
            workload(1, archiveRate),
            1,
            kills,
            RetentionRun.PROGRESS,
            RetentionRun.START_DEADLINE);
    ChaosResult result =
        new ChaosRun(cluster(dir, used), plan)
            .run(
                faults -> {
                  retention = new RetentionRun(course, used, faults);
                  retention.run(ChaosRun.TOPIC);
                });
    System.err.println(result.text());
    System.out.println(json(result));
    return result.holds() ? 0 : 1;
  }

  private void check() {
    if (seconds < LEAST_RETENTIONS * retentionSeconds) {
      throw bad(
          "--seconds=%d: expected at least %d, %d times --retention, so that what is gone can be seen"
              .formatted(seconds, LEAST_RETENTIONS * retentionSeconds, LEAST_RETENTIONS));
    }
    if (archivePercent < 1 || archivePercent > 50) {
      throw bad("--archive-percent=" + archivePercent + ": expected 1 to 50");
    }
    if (bodyBytes < Payload.MIN_BYTES) {
      throw bad("--body=" + bodyBytes + ": expected at least " + Payload.MIN_BYTES);
    }
  }

  private ParameterException bad(String what) {
    return new ParameterException(spec.commandLine(), what);
  }

  private WorkloadOptions workload(int producers, int ratePerProducer) {
    return new WorkloadOptions(
        producers, 8, QUEUES, bodyBytes, bodyBytes, ratePerProducer, 512, RetentionRun.PROGRESS);
  }

  private Json json(ChaosResult result) {
    Json verdict =
        result
            .json(kills)
            .put("seconds_of_load", seconds)
            .put("messages_per_second", rate)
            .put("body_bytes", bodyBytes)
            .put("archive_percent", archivePercent)
            .put("ticks_retention_seconds", retentionSeconds)
            .put("snapshot_seconds", snapshotSeconds)
            .putTexts("schedule", result.schedule());
    return retention == null ? verdict : retention.into(verdict);
  }
}
