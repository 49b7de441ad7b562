package io.keelmq.chaos;

import io.grpc.StatusRuntimeException;
import io.keelmq.chaos.checks.Event;
import io.keelmq.chaos.checks.Verdict;
import io.keelmq.client.KeelClient;
import io.keelmq.local.ClientBootstrap;
import io.keelmq.local.ClusterFailure;
import io.keelmq.local.ClusterFolder;
import io.keelmq.local.ClusterOptions;
import io.keelmq.local.KillOnExit;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Starts a cluster, lets the workload run while a scenario injects faults, heals everything, reads
 * every replica and gives the verdict. Owned by one thread.
 *
 * <p>The folder holds the cluster and the history. It is deleted if every promise held, and stays
 * for whoever looks into a failure.
 */
final class ChaosRun {

  static final String TOPIC = "chaos";
  private static final Duration GRACEFUL_STOP = Duration.ofSeconds(5);

  private final ClusterOptions options;
  private final ChaosPlan plan;

  ChaosRun(ClusterOptions options, ChaosPlan plan) {
    this.options = options;
    this.plan = plan;
  }

  ChaosResult run(ChaosPlan.Scenario scenario) {
    return run((faults, history) -> scenario.inject(faults));
  }

  /** For a scenario that looks into the history while the run goes on. */
  ChaosResult run(ChaosPlan.WatchingScenario scenario) {
    long startNanos = System.nanoTime();
    Path folder = options.dir();
    LocalCluster cluster = LocalCluster.create(options, new ClientBootstrap());
    Path historyFile = folder.resolve("logs").resolve("history.bin");
    var guard = new KillOnExit(cluster);
    try {
      cluster.start(plan.startDeadline());
      ChaosResult result = run(cluster, historyFile, scenario, startNanos);
      cluster.stop(GRACEFUL_STOP);
      if (result.holds()) {
        ClusterFolder.delete(folder);
      }
      return result;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      cluster.killEverything();
      guard.close();
    }
  }

  private ChaosResult run(
      LocalCluster cluster, Path historyFile, ChaosPlan.WatchingScenario scenario, long startNanos)
      throws IOException {
    var problems = new ArrayList<String>();
    try (var history = History.create(historyFile, System::nanoTime);
        var client = KeelClient.connect(cluster.endpoints())) {
      client.admin().createTopic(TOPIC, plan.workload().queues());
      var workload = new Workload(client, TOPIC, plan.workload(), history, plan.seed());
      var faults = new Faults(cluster, workload::oks, plan.seed());
      try (workload) {
        workload.start();
        try {
          scenario.inject(faults, history);
        } catch (IllegalStateException | ClusterFailure e) {
          // No progress is a verdict, not an accident: what was acked until then is checked too.
          problems.add("VOID: " + e.getMessage());
        }
        heal(cluster);
        workload.stopSending();
        if (!Waiting.until(plan.drainDeadline(), () -> workload.delivered() >= workload.oks())) {
          problems.add(
              "the reader was handed "
                  + workload.delivered()
                  + " messages of at least "
                  + workload.oks()
                  + " in "
                  + plan.drainDeadline());
        }
      }
      history.seal();
      // Members may have come and gone.
      var verdict = new Verdict(cluster.brokers().size());
      long read = readBack(cluster, history, verdict, problems);
      return result(verdict, problems, workload, faults, history, read, startNanos);
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

  private long readBack(
      LocalCluster cluster, History history, Verdict verdict, List<String> problems) {
    history.replay(verdict::event);
    var replicas = new ArrayList<ReplicaAccess>();
    try {
      cluster.brokers().forEach(node -> replicas.add(new ReplicaAccess(node)));
      if (!new ReplicaDigests(replicas, plan.drainDeadline()).awaitSameIndex(verdict)) {
        problems.add("the replicas did not reach a common log index in " + plan.drainDeadline());
      }
      long messages = 0;
      for (ReplicaAccess replica : replicas) {
        try {
          verdict.replicaBegins(replica.node());
          var ends = replica.read(TOPIC, verdict::stored);
          messages += ends.values().stream().mapToLong(Long::longValue).sum();
          // Only of a replica that was read to its end can be said what it lacks.
          verdict.replicaEnds(replica.node());
        } catch (StatusRuntimeException | IllegalStateException | UncheckedIOException e) {
          problems.add("replica " + replica.node() + " cannot be read: " + e);
        }
      }
      return messages;
    } finally {
      replicas.forEach(ReplicaAccess::close);
    }
  }

  private ChaosResult result(
      Verdict verdict,
      List<String> problems,
      Workload workload,
      Faults faults,
      History history,
      long readBack,
      long startNanos) {
    var ledger = verdict.ledger();
    if (ledger.acked() < plan.minOks()) {
      problems.add("VOID: " + ledger.acked() + " sends acknowledged, expected " + plan.minOks());
    }
    int injected = faults.moments().size();
    if (injected < plan.minFaults()) {
      problems.add("VOID: " + injected + " faults injected, expected " + plan.minFaults());
    }
    problems.addAll(faults.problems());
    problems.addAll(workload.troubles());
    problems.addAll(verdict.problems());
    var counts =
        new ChaosResult.Counts(
            ledger.invoked(),
            ledger.acked(),
            ledger.failed(),
            ledger.unknown(),
            workload.delivered(),
            readBack,
            verdict.replicasRead(),
            injected,
            workload.republishedBatches(),
            TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos));
    return new ChaosResult(
        plan,
        counts,
        faults.schedule(),
        pauses(history, faults.moments()),
        problems,
        verdict.broken(),
        verdict.goneMessages());
  }

  /** Keeps the sends in flight only. */
  static List<Pauses.Pause> pauses(History history, List<Long> faults) {
    record Send(int producer, long seq) {}
    var pauses = new Pauses(faults);
    Map<Send, Long> open = new HashMap<>();
    history.replay(
        event -> {
          if (event instanceof Event.Invoke invoke) {
            open.put(new Send(invoke.producer(), invoke.seq()), invoke.nanos());
          } else if (event instanceof Event.Ok
              || event instanceof Event.Fail
              || event instanceof Event.Unknown) {
            var end = (Event.OfSend) event;
            Long invoked = open.remove(new Send(end.producer(), end.seq()));
            if (event instanceof Event.Ok && invoked != null) {
              pauses.ok(invoked, event.nanos());
            }
          }
        });
    return pauses.pauses();
  }
}
