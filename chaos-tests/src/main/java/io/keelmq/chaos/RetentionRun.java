package io.keelmq.chaos;

import io.grpc.StatusRuntimeException;
import io.keelmq.client.KeelClient;
import io.keelmq.common.Json;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Node;
import io.keelmq.local.ReachedLevels;
import io.keelmq.local.Seed;
import io.keelmq.local.Waiting;
import io.keelmq.v1.TopicType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * What happens in a run of {@link RetentionBench}: a second topic whose messages are kept for a
 * short time is filled beside the run's own one, which is kept; disks are looked at, snapshots
 * taken, leaders killed; in the end the short-lived topic is read from every replica and judged.
 * The run's own topic is judged by {@link ChaosRun}, as always. For one thread, and one run.
 */
final class RetentionRun {

  static final Duration PROGRESS = Duration.ofMinutes(2);

  private static final String TICKS = "ticks";
  static final Duration START_DEADLINE = Duration.ofMinutes(3);
  private static final Duration LOOK = Duration.ofSeconds(2);
  private static final int NEEDED_LEVEL = 2;

  /**
   * @param kept how long the run's own topic keeps messages
   * @param retention how long the other one does
   * @param ticks what is sent to the other one
   * @param bodyBytes of each message of both
   * @param betweenSnapshots of one replica
   */
  record Plan(
      Duration length,
      int kills,
      Duration kept,
      Duration retention,
      WorkloadOptions ticks,
      int bodyBytes,
      Duration betweenSnapshots) {}

  private final Plan plan;
  private final Seed seed;
  private final Faults faults;
  private final DiskCourse disks = new DiskCourse();
  private final ShortLived judge;
  private final Map<String, Counted> relocated = new TreeMap<>();
  private final Map<String, Counted> freed = new TreeMap<>();
  private final NavigableMap<Long, Long> tickOks = new TreeMap<>();
  private final TrimmedRanges ranges = new TrimmedRanges();
  private long beganNanos;
  private long snapshots;

  RetentionRun(Plan plan, Seed seed, Faults faults) {
    this.plan = plan;
    this.seed = seed;
    this.faults = faults;
    this.judge = new ShortLived(plan.retention());
  }

  /** A counter of a process, which begins at 0 again with each start. */
  private static final class Counted {
    private double before;
    private double last;

    void now(double value) {
      if (value < last) {
        before += last;
      }
      last = value;
    }

    long sum() {
      return (long) (before + last);
    }
  }

  /**
   * @param topic the run's own
   */
  void run(String topic) {
    LocalCluster cluster = faults.cluster();
    try (var client = KeelClient.connect(cluster.endpoints());
        var history = History.create(cluster.dir().resolve("logs/ticks.bin"), System::nanoTime)) {
      var levels = ReachedLevels.await(client, PROGRESS);
      if (levels.values().stream().anyMatch(level -> level.now() < NEEDED_LEVEL)) {
        faults.problem("VOID: the group relocates nothing at its feature level, " + levels);
      }
      client.admin().alterTopic(topic, OptionalInt.empty(), Optional.of(plan.kept()));
      client.admin().createTopic(TICKS, TopicType.NORMAL, plan.ticks().queues(), plan.retention());
      var ticks = new Workload(client, TICKS, plan.ticks(), history, seed, ranges);
      try (ticks) {
        ticks.start();
        beganNanos = System.nanoTime();
        go(ticks);
        ticks.stopSending();
        readReplicas(ticks, history);
      }
      ticks.troubles().forEach(faults::problem);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    judge.problems().forEach(faults::problem);
    disks.problems().forEach(faults::problem);
  }

  private void go(Workload ticks) {
    long length = plan.length().toNanos();
    long nextSnapshots = plan.betweenSnapshots().toNanos();
    // A replica that was killed late frees its share late: that is given as long again.
    for (int killed = 0;
        sinceBegin() < length || (sinceBegin() < 2 * length && !disks.problems().isEmpty()); ) {
      LockSupport.parkNanos(LOOK.toNanos());
      look(ticks);
      if (sinceBegin() >= nextSnapshots) {
        takeSnapshots();
        nextSnapshots = sinceBegin() + plan.betweenSnapshots().toNanos();
      }
      if (killed < plan.kills() && sinceBegin() >= length / (plan.kills() + 1) * (killed + 1)) {
        killed++;
        Node leader = faults.cluster().leader();
        faults.kill(leader);
        faults.awaitMoreOks(1, PROGRESS);
        faults.startAll(List.of(leader), START_DEADLINE);
      }
    }
    look(ticks);
  }

  private long sinceBegin() {
    return System.nanoTime() - beganNanos;
  }

  /** In place of the hour a topic is given seconds, so snapshots cannot wait for their minute. */
  private void takeSnapshots() {
    for (Node node : faults.cluster().brokers()) {
      try (var replica = new ReplicaAccess(node)) {
        replica.takeSnapshot();
        snapshots++;
      } catch (StatusRuntimeException e) {
        // One is being taken, or another replica is being sent the last one.
        faults.note("no snapshot of " + node.id() + ": " + e.getStatus().getDescription());
      }
    }
  }

  private void look(Workload ticks) {
    long now = System.nanoTime();
    long sent = ticks.oks();
    tickOks.put(now, sent);
    var old = tickOks.floorEntry(now - plan.retention().toNanos());
    long gone = old == null ? 0 : old.getValue();
    long written = (faults.oks() + sent) * plan.bodyBytes();
    double second = TimeUnit.NANOSECONDS.toMillis(now - beganNanos) / 1e3;
    for (Node node : faults.cluster().brokers()) {
      var use = DiskUse.of(faults.cluster().dataDir(node));
      disks.add(
          new DiskCourse.Sample(
              second, node.id(), use, written, written - gone * plan.bodyBytes()));
      count(relocated, node, "keelmq_relocated_bytes_total");
      count(freed, node, "keelmq_log_segments_freed_total");
    }
  }

  private static void count(Map<String, Counted> counters, Node node, String metric) {
    Counted counted = counters.computeIfAbsent(node.id(), id -> new Counted());
    // Of one that is being started the next look finds what it has counted.
    OpsPage.ifAnswered(node, metric).ifPresent(counted::now);
  }

  private void readReplicas(Workload ticks, History history) {
    var readings = new ArrayList<ReplicaReading>();
    for (Node node : faults.cluster().brokers()) {
      try {
        readings.add(ReplicaReading.of(node, TICKS));
      } catch (StatusRuntimeException | IllegalStateException | UncheckedIOException e) {
        faults.problem("replica " + node.id() + " cannot be read: " + e);
      }
    }
    if (!Waiting.until(PROGRESS, () -> ticks.delivered() + ranges.messages() >= ticks.oks())) {
      faults.problem(
          "the reader of %s was handed %d messages and told of %d that went, of at least %d"
              .formatted(TICKS, ticks.delivered(), ranges.messages(), ticks.oks()));
    }
    history.replaySoFar(judge::event);
    ranges.tell(judge);
    judge.judgeReader();
    readings.forEach(judge::judgeReplica);
  }

  /** Puts what the run found behind its verdict. */
  Json into(Json verdict) {
    return verdict
        .put("ticks_acked", judge.acked())
        .put("ticks_gone_before_they_were_read", judge.trimmedUnread())
        .put("ticks_read_from_replicas", judge.readOfReplicas())
        .put("snapshots", snapshots)
        .put("relocated_bytes", sum(relocated))
        .put("freed_segments", sum(freed))
        .put("disks", disks.json())
        .putObjects("samples", disks.thinned());
  }

  private static long sum(Map<String, Counted> counters) {
    return counters.values().stream().mapToLong(Counted::sum).sum();
  }
}
