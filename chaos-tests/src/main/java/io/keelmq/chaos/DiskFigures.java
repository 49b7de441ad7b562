package io.keelmq.chaos;

import io.keelmq.common.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** How long the group took to go on after each fault of a disk. For one thread. */
final class DiskFigures {

  private final Map<String, List<Long>> millisOf = new LinkedHashMap<>();

  /** The time since then, in ms, of one more fault of this kind. */
  void since(long beganNanos, String what) {
    millisOf
        .computeIfAbsent(what, any -> new ArrayList<>())
        .add((System.nanoTime() - beganNanos) / 1_000_000);
  }

  String text() {
    return millisOf.entrySet().stream()
        .map(
            figure ->
                String.format(
                    Locale.ROOT,
                    "  %s: median %d ms, longest %d ms of %d",
                    figure.getKey(),
                    Pauses.quantile(figure.getValue(), 0.5),
                    Pauses.quantile(figure.getValue(), 1),
                    figure.getValue().size()))
        .collect(Collectors.joining("\n"));
  }

  List<Json> json() {
    return millisOf.entrySet().stream()
        .map(
            figure ->
                new Json()
                    .put("figure", figure.getKey())
                    .put("median_ms", Pauses.quantile(figure.getValue(), 0.5))
                    .put("longest_ms", Pauses.quantile(figure.getValue(), 1))
                    .putNumbers("ms", figure.getValue()))
        .toList();
  }
}
