package io.keelmq.chaos;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.keelmq.chaos.checks.DueTimes;
import io.keelmq.chaos.checks.LeaseVerdict;
import io.keelmq.chaos.checks.LogCatalog;
import io.keelmq.chaos.checks.Stored;
import io.keelmq.chaos.checks.Timeline;
import io.keelmq.chaos.checks.Transactions;
import io.keelmq.chaos.checks.Verdict;
import io.keelmq.client.KeelClient;
import io.keelmq.client.KeelException;
import io.keelmq.local.ClientBootstrap;
import io.keelmq.local.ClusterFailure;
import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.KillOnExit;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Waiting;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Starts a cluster, producers of all kinds and processes of lease consumers, lets a scenario inject
 * faults, heals everything, drains all consumer groups, reads every replica and gives the verdict.
 * Owned by one thread.
 *
 * <p>The folder holds the cluster and the histories. It is deleted if every promise held, and stays
 * for whoever looks into a failure.
 */
final class ConsumeRun {

  private static final Duration GRACEFUL_STOP = Duration.ofSeconds(5);

  /** Share of the run beyond which it proves too little. */
  private static final double MAX_PAUSED = 0.7;

  private static final Duration DRAIN = Duration.ofSeconds(90);

  private final ClusterOptions options;
  private final ConsumePlan plan;
  private final long wallMillisAtZero =
      Instant.now().toEpochMilli() - TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
  private final long startNanos = System.nanoTime();
  private final List<String> problems = new ArrayList<>();

  ConsumeRun(ClusterOptions options, ConsumePlan plan) {
    this.options = options;
    this.plan = plan;
  }

  ConsumeResult run(ConsumePlan.Scenario scenario) {
    LocalCluster cluster = LocalCluster.create(options, new ClientBootstrap());
    var guard = new KillOnExit(cluster);
    try {
      cluster.start(plan.startDeadline());
      ConsumeResult result = run(cluster, scenario);
      cluster.stop(GRACEFUL_STOP);
      if (result.holds()) {
        ClusterFolder.delete(options.dir());
      }
      return result;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      cluster.killEverything();
      guard.close();
    }
  }

  private ConsumeResult run(LocalCluster cluster, ConsumePlan.Scenario scenario)
      throws IOException {
    Path folder = options.dir().resolve("logs");
    Path historyFile = folder.resolve("history.bin");
    var files = new ArrayList<>(List.of(historyFile));
    try (var history = History.create(historyFile, System::nanoTime);
        var client = KeelClient.connect(cluster.endpoints());
        var consumers =
            new ConsumerProcesses(
                cluster.endpoints(),
                folder,
                history,
                plan.seed().value(),
                plan.consumerProcesses())) {
      prepare(client);
      var workload = new LaneWorkload(client, plan.ratePerSecond(), history, plan.seed());
      var faults = new Faults(cluster, workload::oks, plan.seed());
      try (workload) {
        for (int place = 0; place < consumers.places(); place++) {
          consumers.start(place);
        }
        // Nothing is owed to consumers whose processes are still starting.
        consumers.awaitOpen(plan.startDeadline());
        workload.start();
        try {
          scenario.inject(faults, consumers);
        } catch (IllegalStateException | ClusterFailure e) {
          // No progress is a verdict, not an accident: what was done until then is checked too.
          problems.add("VOID: " + e.getMessage());
        }
        heal(cluster);
        workload.stopSending();
        drain(client, workload, consumers);
      }
      consumers.endAll();
      history.seal();
      problems.addAll(workload.troubles());
      problems.addAll(consumers.troubles());
      files.addAll(consumers.histories());
      return judge(cluster, files, faults, consumers);
    }
  }

  private static void prepare(KeelClient client) {
    for (Lane lane : Lane.values()) {
      client.admin().createTopic(lane.topic(), lane.type(), lane.queues(), Duration.ZERO);
    }
    for (Crew crew : Crew.values()) {
      client
          .admin()
          .createConsumerGroup(
              ConsumerGroup.newBuilder()
                  .setConsumerGroup(crew.group())
                  .setKind(ConsumerGroupKind.LEASE)
                  .setFifo(crew.fifo())
                  .setMaxAttempts(Crew.MAX_ATTEMPTS)
                  .build());
    }
  }

  private void heal(LocalCluster cluster) {
    for (var node : cluster.nodes()) {
      if (cluster.isRunning(node)) {
        cluster.resume(node);
      } else {
        cluster.startNode(node);
      }
    }
    cluster.awaitReady(cluster.nodes(), plan.startDeadline());
  }

  private void drain(KeelClient client, LaneWorkload workload, ConsumerProcesses consumers) {
    if (!Waiting.until(DRAIN, workload::isRead)) {
      problems.add("the readers did not get everything in " + DRAIN + ":" + workload.progress());
    }
    consumers.drain();
    for (Crew crew : Crew.values()) {
      if (!Waiting.until(DRAIN, () -> isConsumed(client, crew))) {
        problems.add(
            "group %s has not consumed everything after %s: %s"
                .formatted(
                    crew.group(), DRAIN, client.admin().describeConsumerGroup(crew.group())));
      }
    }
  }

  private static boolean isConsumed(KeelClient client, Crew crew) {
    try {
      var queues = client.admin().describeConsumerGroup(crew.group()).getQueuesList();
      return queues.size() == crew.lane().queues()
          && queues.stream()
              .allMatch(
                  queue ->
                      queue.getCursorOffset() == queue.getEndOffset()
                          && queue.getLeased() + queue.getReady() + queue.getBlocked() == 0);
    } catch (KeelException e) {
      return false;
    }
  }

  private ConsumeResult judge(
      LocalCluster cluster, List<Path> files, Faults faults, ConsumerProcesses consumers) {
    var spans = new PauseSpans(faults.moments());
    History.replayAll(files, spans::event);
    var timeline = new Timeline(wallMillisAtZero, spans.spans());
    var checks = new Checks(cluster.brokers().size(), timeline, plan.tolerance());
    var replicas = new ArrayList<ReplicaAccess>();
    try {
      cluster.brokers().forEach(node -> replicas.add(new ReplicaAccess(node)));
      var digests = new ReplicaDigests(replicas, DRAIN);
      if (!digests.awaitSameIndex(checks.verdict)) {
        problems.add("the replicas did not reach a common log index in " + DRAIN);
      }
      var catalog = new LogCatalog();
      readLanes(replicas.get(0), catalog::add);
      var leases = new LeaseVerdict(Crew.allRules(), catalog, timeline, plan.tolerance().toNanos());
      History.replayAll(
          files,
          event -> {
            checks.verdict.event(event);
            leases.event(event);
          });
      long stored = readBack(replicas, checks.verdict);
      readDeadLetters(replicas.get(0), leases);
      return result(checks, leases, spans, timeline, faults, consumers, stored);
    } finally {
      replicas.forEach(ReplicaAccess::close);
    }
  }

  /** The checks of what the log holds, with those of messages that wait among them. */
  private static final class Checks {
    private final Transactions transactions = new Transactions();
    private final Verdict verdict;
    private DueTimes dueTimes;

    Checks(int replicas, Timeline timeline, Duration tolerance) {
      verdict =
          new Verdict(
              replicas,
              ledger -> {
                dueTimes = new DueTimes(timeline, ledger, tolerance.toMillis());
                return List.of(dueTimes, transactions);
              });
    }
  }

  private long readBack(List<ReplicaAccess> replicas, Verdict verdict) {
    long messages = 0;
    for (ReplicaAccess replica : replicas) {
      try {
        verdict.replicaBegins(replica.node());
        messages += readLanes(replica, verdict::stored);
        // Only of a replica that was read to its end can be said what it lacks.
        verdict.replicaEnds(replica.node());
      } catch (StatusRuntimeException | IllegalStateException | UncheckedIOException e) {
        problems.add("replica " + replica.node() + " cannot be read: " + e);
      }
    }
    return messages;
  }

  private static long readLanes(ReplicaAccess replica, Consumer<Stored> to) {
    long messages = 0;
    for (Lane lane : Lane.values()) {
      var ends =
          replica.read(
              lane.topic(),
              stored ->
                  to.accept(
                      new Stored(
                          stored.replica(),
                          lane.queue(stored.queue()),
                          stored.offset(),
                          stored.intact(),
                          stored.producer(),
                          stored.key(),
                          stored.seq(),
                          stored.bodyHash())));
      messages += ends.values().stream().mapToLong(Long::longValue).sum();
    }
    return messages;
  }

  private void readDeadLetters(ReplicaAccess replica, LeaseVerdict leases) {
    for (Crew crew : Crew.values()) {
      try {
        replica.read(crew.deadLetterTopic(), stored -> leases.dead(crew.number(), stored));
      } catch (StatusRuntimeException e) {
        // Made with the first dead letter.
        if (e.getStatus().getCode() != Status.Code.NOT_FOUND) {
          problems.add("the dead letters of " + crew.group() + " cannot be read: " + e);
        }
      }
    }
  }

  private ConsumeResult result(
      Checks checks,
      LeaseVerdict leases,
      PauseSpans spans,
      Timeline timeline,
      Faults faults,
      ConsumerProcesses consumers,
      long stored) {
    var ledger = checks.verdict.ledger();
    int injected = faults.kinds().values().stream().mapToInt(Integer::intValue).sum();
    requireAtLeast(plan.minOks(), ledger.acked(), "sends acknowledged");
    requireAtLeast(plan.minDeliveries(), leases.deliveries(), "deliveries to lease consumers");
    requireAtLeast(plan.minFaults(), injected, "faults injected");
    if (timeline.pausedNanos() > (System.nanoTime() - startNanos) * MAX_PAUSED) {
      problems.add(
          "VOID: paused for "
              + TimeUnit.NANOSECONDS.toSeconds(timeline.pausedNanos())
              + " s, which leaves too little time in which something was promised");
    }
    problems.addAll(faults.problems());
    problems.addAll(checks.verdict.problems());
    problems.addAll(leases.problems());
    var broken = new ArrayList<>(checks.verdict.broken());
    broken.addAll(leases.broken());
    Map<String, Long> counts = new LinkedHashMap<>();
    counts.put("sent", ledger.invoked());
    counts.put("acked", ledger.acked());
    counts.put("failed", ledger.failed());
    counts.put("unknown", ledger.unknown());
    counts.put("timers_seen", checks.dueTimes.seen());
    counts.put("timers_recalled", checks.dueTimes.recalled());
    counts.put("timers_latest_ms", checks.dueTimes.latestMillis());
    counts.put("timers_soonest_ms", checks.dueTimes.earliestMillis());
    counts.put("committed", checks.transactions.committed());
    counts.put("rolled_back", checks.transactions.rolledBack());
    counts.put("deliveries", leases.deliveries());
    counts.put("settled", leases.settled());
    counts.put("group_messages_acked", leases.acked());
    counts.put("group_messages_acked_perhaps", leases.maybeAcked());
    counts.put("group_messages_dead", leases.dead());
    counts.put("attempts_nobody_saw", leases.unseenAttempts());
    counts.put("longest_hidden_ms", leases.longestHiddenMillis());
    counts.put("consumer_processes_ended", (long) consumers.ended());
    counts.put("stored_on_replicas", stored);
    counts.put("paused_ms", TimeUnit.NANOSECONDS.toMillis(timeline.pausedNanos()));
    counts.put(
        "slowest_answer_without_fault_ms",
        TimeUnit.NANOSECONDS.toMillis(spans.slowestWithoutFaultNanos()));
    Map<String, Long> causes = new LinkedHashMap<>();
    leases.redeliveries().forEach((cause, count) -> causes.put(cause.name(), count));
    return new ConsumeResult(
        plan,
        counts,
        faults.kinds(),
        causes,
        spans.faultNanos(),
        faults.schedule(),
        List.copyOf(problems),
        broken);
  }

  private void requireAtLeast(long expected, long found, String what) {
    if (found < expected) {
      problems.add("VOID: " + found + " " + what + ", expected " + expected);
    }
  }
}
