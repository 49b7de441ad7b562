package io.keelmq.chaos;

import io.keelmq.common.Json;
import io.keelmq.local.Seed;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToLongFunction;

/** What all clusters of a run of power cuts came to. Owned by one thread. */
final class PowerTally {

  private final Seed seed;
  private final long startNanos = System.nanoTime();
  private final double loadAtStart = load();
  private final List<ChaosResult> results = new ArrayList<>();
  private final List<PowerRound> rounds = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private final List<String> broken = new ArrayList<>();
  private long onNoDisk;
  private long missing;
  private boolean sawLoss = true;

  PowerTally(Seed seed) {
    this.seed = seed;
  }

  void add(PowerLossRun.Outcome outcome) {
    results.add(outcome.result());
    rounds.addAll(outcome.rounds());
    problems.addAll(outcome.result().problems());
    broken.addAll(outcome.result().broken());
    onNoDisk += outcome.onNoDisk();
    missing += outcome.result().goneMessages();
    sawLoss &= outcome.sawLoss();
  }

  boolean isBroken() {
    return !problems.isEmpty();
  }

  /** For a canary: each of its clusters lost what it had acknowledged, and it was seen. */
  boolean sawLoss() {
    return sawLoss && !results.isEmpty();
  }

  Json json(PowerPlan.Kind kind, List<PowerPlan.Moment> asked, boolean canary) {
    var cuts = new TreeMap<String, Integer>(Map.of("one", 0, "two", 0, "all", 0));
    var moments = new TreeMap<String, Integer>();
    var missed = new TreeMap<String, Integer>();
    var failpoints = new TreeMap<String, Integer>();
    long torn = 0;
    for (PowerRound round : rounds) {
      int count = round.victims().size();
      cuts.merge(count == 1 ? "one" : count == 2 ? "two" : "all", 1, Integer::sum);
      if (round.moment() == PowerPlan.Moment.ANY || round.seen()) {
        moments.merge(round.moment().name(), 1, Integer::sum);
        round.failpoint().ifPresent(each -> failpoints.merge(each.name(), 1, Integer::sum));
      } else {
        // The power went, but not when it was to: no word about that moment.
        missed.merge(round.moment().name(), 1, Integer::sum);
      }
      torn += round.torn().size();
    }
    var pauses =
        results.stream()
            .flatMap(result -> result.pauses().stream())
            .map(Pauses.Pause::longestGapNanos)
            .toList();
    return new Json()
        .put("ok", canary ? sawLoss() : !isBroken())
        .put("canary", canary)
        .put("seed", seed.value())
        .put("kind", kind.name())
        .putTexts("moment", asked.stream().map(PowerPlan.Moment::name).toList())
        .put("rounds", rounds.size())
        .put("clusters", results.size())
        .put("cuts", counts(cuts))
        .put("moments_seen", counts(moments))
        .put("moments_missed", counts(missed))
        .put("died_at", counts(failpoints))
        .put("torn_disks", torn)
        .put("invoked", sum(ChaosResult.Counts::invoked))
        .put("acked", sum(ChaosResult.Counts::acked))
        .put("failed", sum(ChaosResult.Counts::failed))
        .put("unknown", sum(ChaosResult.Counts::unknown))
        .put("delivered", sum(ChaosResult.Counts::delivered))
        .put("stored_on_replicas", sum(ChaosResult.Counts::storedOnReplicas))
        .put("acked_on_too_few_disks", most(rounds.stream().map(r -> r.onDisk().tooFew()).toList()))
        .put("acked_on_no_disk", onNoDisk)
        .put("acked_missing_on_replicas", missing)
        .put("pauses_ms", FailoverBench.summary(pauses))
        .put("load_at_start", loadAtStart)
        .put("load_at_end", load())
        .put("seconds", (System.nanoTime() - startNanos) / 1e9)
        .putTexts("broken", broken)
        .putTexts("problems", problems);
  }

  private static Json counts(Map<String, Integer> counts) {
    var json = new Json();
    counts.forEach((name, count) -> json.put(name, count));
    return json;
  }

  private long sum(ToLongFunction<ChaosResult.Counts> field) {
    return results.stream().map(ChaosResult::counts).mapToLong(field).sum();
  }

  private static long most(List<Long> values) {
    return values.stream().mapToLong(Long::longValue).max().orElse(0);
  }

  private static double load() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }
}
