package io.keelmq.chaos;

import io.keelmq.common.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a run with lease consumers came to. Immutable.
 *
 * @param counts by name, in the order in which they are told
 * @param faults by kind
 * @param redeliveries deliveries that were not the first of their message, by cause
 * @param pauseNanos from each fault of a broker to the first acknowledgement of a later send
 * @param problems empty if every promise held and the run counts
 * @param broken the names of the checks that found something
 */
record ConsumeResult(
    ConsumePlan plan,
    Map<String, Long> counts,
    Map<String, Integer> faults,
    Map<String, Long> redeliveries,
    List<Long> pauseNanos,
    List<String> schedule,
    List<String> problems,
    List<String> broken) {

  /** Bounds of the histogram of pauses, in milliseconds. */
  private static final List<Integer> BUCKETS =
      List.of(100, 300, 1_000, 2_000, 3_000, 5_000, 10_000);

  boolean holds() {
    return problems.isEmpty();
  }

  String text() {
    var lines = new ArrayList<String>();
    lines.add(
        "consume run %s, seed %d (again: -Dseed=%d)"
            .formatted(plan.name(), plan.seed().value(), plan.seed().value()));
    lines.add("  schedule: " + String.join("; ", schedule));
    lines.add("  " + counts);
    lines.add("  faults " + faults + ", redeliveries " + redeliveries);
    lines.add("  pauses in ms " + histogram());
    lines.add(holds() ? "  every promise held" : "  FAILED");
    problems.forEach(problem -> lines.add("  " + problem));
    return String.join("\n", lines);
  }

  Json json() {
    var told = new Json();
    counts.forEach(told::put);
    var byKind = new Json();
    new TreeMap<>(faults).forEach((kind, count) -> byKind.put(kind, count));
    var byCause = new Json();
    redeliveries.forEach(byCause::put);
    var pauses = new Json();
    histogram().forEach(pauses::put);
    return new Json()
        .put("ok", holds())
        .put("seed", plan.seed().value())
        .put("messages_per_second_and_lane", plan.ratePerSecond())
        .put("counts", told)
        .put("faults", byKind)
        .put("redeliveries", byCause)
        .put("pauses_ms", FailoverBench.summary(pauseNanos))
        .put("pauses", pauses)
        .putTexts("broken", broken)
        .putTexts("problems", problems);
  }

  private Map<String, Long> histogram() {
    var counted = new LinkedHashMap<String, Long>();
    long below = 0;
    for (int bound : BUCKETS) {
      long upTo = pauseNanos.stream().filter(nanos -> nanos <= bound * 1_000_000L).count();
      counted.put(String.format(Locale.ROOT, "up to %d ms", bound), upTo - below);
      below = upTo;
    }
    counted.put("longer", pauseNanos.size() - below);
    return counted;
  }
}
