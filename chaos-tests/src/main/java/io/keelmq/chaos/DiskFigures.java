package io.keelmq.chaos;

import io.keelmq.common.Json;
import java.util.ArrayList;
import java.util.Collections;
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
                    median(figure.getValue()),
                    Collections.max(figure.getValue()),
                    figure.getValue().size()))
        .collect(Collectors.joining("\n"));
  }

  List<Json> json() {
    return millisOf.entrySet().stream()
        .map(
            figure ->
                new Json()
                    .put("figure", figure.getKey())
                    .put("median_ms", median(figure.getValue()))
                    .put("longest_ms", Collections.max(figure.getValue()))
                    .putNumbers("ms", figure.getValue()))
        .toList();
  }

  private static long median(List<Long> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }
}
