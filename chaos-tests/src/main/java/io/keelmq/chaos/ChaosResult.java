package io.keelmq.chaos;

import io.keelmq.chaos.Pauses.Pause;
import io.keelmq.common.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * What a run came to. Immutable.
 *
 * @param problems empty if every promise held and the run counts
 * @param broken the names of the checks that found something
 * @param goneMessages acknowledged messages that are nowhere, summed over the replicas
 */
record ChaosResult(
    ChaosPlan plan,
    Counts counts,
    List<String> schedule,
    List<Pause> pauses,
    List<String> problems,
    List<String> broken,
    long goneMessages) {

  /** How much was done. */
  record Counts(
      long invoked,
      long acked,
      long failed,
      long unknown,
      long delivered,
      long storedOnReplicas,
      int replicas,
      int faults,
      long republishedBatches,
      long wallMillis) {}

  /** Of a run whose replicas could not be asked. */
  static ChaosResult none(ChaosPlan plan, String why) {
    var nothing = new Counts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    return new ChaosResult(plan, nothing, List.of(), List.of(), List.of(why), List.of(), 0);
  }

  boolean holds() {
    return problems.isEmpty();
  }

  /** What the verdicts of all tools begin with; more may be put behind. */
  Json json(int rounds) {
    return new Json()
        .put("tool", plan.name())
        .put("seed", plan.seed().value())
        .put("rounds", rounds)
        .put("holds", holds())
        .put("acked", counts.acked())
        .put("failed", counts.failed())
        .put("unknown", counts.unknown())
        .put("gone_messages", goneMessages)
        .put("read_back", counts.storedOnReplicas())
        .put("seconds", counts.wallMillis() / 1e3)
        .putTexts("problems", problems);
  }

  String text() {
    var lines = new ArrayList<String>();
    lines.add(
        "chaos run "
            + plan.name()
            + ", seed "
            + plan.seed().value()
            + " (again: -Dseed="
            + plan.seed().value()
            + ")");
    lines.add("  schedule: " + String.join("; ", schedule));
    lines.add(
        String.format(
            Locale.ROOT,
            "  sent %d, acked %d, failed %d, unknown %d, republished batches %d, delivered %d,"
                + " read back %d from %d replicas, %d faults, %.1f s",
            counts.invoked(),
            counts.acked(),
            counts.failed(),
            counts.unknown(),
            counts.republishedBatches(),
            counts.delivered(),
            counts.storedOnReplicas(),
            counts.replicas(),
            counts.faults(),
            counts.wallMillis() / 1e3));
    var gaps = pauses.stream().map(Pause::longestGapNanos).toList();
    var firsts = pauses.stream().map(Pause::firstOkNanos).filter(nanos -> nanos >= 0).toList();
    lines.add(
        "  longest pause around a fault: median "
            + millis(Pauses.quantile(gaps, 0.5))
            + ", max "
            + millis(Pauses.quantile(gaps, 1))
            + "; fault to first ack of a later send: median "
            + millis(Pauses.quantile(firsts, 0.5))
            + ", max "
            + millis(Pauses.quantile(firsts, 1)));
    lines.add(holds() ? "  every promise held" : "  FAILED");
    problems.forEach(problem -> lines.add("  " + problem));
    return String.join("\n", lines);
  }

  private static String millis(long nanos) {
    return TimeUnit.NANOSECONDS.toMillis(nanos) + " ms";
  }
}
