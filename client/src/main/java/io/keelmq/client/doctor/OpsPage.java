package io.keelmq.client.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A metrics page in the Prometheus text format, and when it was asked for and answered by this
 * machine's clock. Immutable.
 */
public record OpsPage(List<String> lines, long askedMillis, long answeredMillis) {

  private static final String CLOCK = "keelmq_clock_seconds";
  private static final String FORCES = "keelmq_log_forces_total";
  private static final String FORCE_SECONDS = "keelmq_log_force_seconds_total";
  private static final String DISK_FREE = "keelmq_disk_free_bytes";

  /** Fewer fsyncs tell nothing about the next ones. */
  private static final int MIN_FORCES = 20;

  private static final double MILLIS = 1e3;
  private static final Pattern LINE =
      Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{.*})?\\s+(\\S+).*");

  public OpsPage {
    lines = List.copyOf(lines);
  }

  /**
   * How far the replica's clock is ahead of this machine's (negative: behind), no further than the
   * time the page took makes certain.
   */
  OptionalDouble skewMillis() {
    OptionalDouble seconds = lowest(CLOCK);
    if (seconds.isEmpty()) {
      return OptionalDouble.empty();
    }
    double clock = seconds.getAsDouble() * MILLIS;
    // It was read at some moment between the two.
    if (clock < askedMillis) {
      return OptionalDouble.of(clock - askedMillis);
    }
    return OptionalDouble.of(Math.max(0, clock - answeredMillis));
  }

  /** The mean since the broker started. */
  OptionalDouble fsyncMillis() {
    OptionalDouble forces = lowest(FORCES);
    OptionalDouble seconds = lowest(FORCE_SECONDS);
    if (forces.isEmpty() || seconds.isEmpty()) {
      return OptionalDouble.empty();
    }
    return forces.getAsDouble() < MIN_FORCES
        ? OptionalDouble.empty()
        : OptionalDouble.of(seconds.getAsDouble() * MILLIS / forces.getAsDouble());
  }

  boolean countsForces() {
    return lowest(FORCES).isPresent() && lowest(FORCE_SECONDS).isPresent();
  }

  /** Of the fullest disk, if there are several. */
  OptionalDouble diskFreeBytes() {
    return lowest(DISK_FREE);
  }

  /** Of all lines of a metric; empty where it has none, or no number. */
  private OptionalDouble lowest(String metric) {
    var values = new ArrayList<Double>();
    for (String line : lines) {
      if (line.startsWith(metric)) {
        Matcher matcher = LINE.matcher(line);
        if (matcher.matches() && matcher.group(1).equals(metric)) {
          number(matcher.group(2)).ifPresent(values::add);
        }
      }
    }
    return values.stream().mapToDouble(Double::doubleValue).min();
  }

  private static OptionalDouble number(String text) {
    try {
      double value = Double.parseDouble(text);
      return Double.isFinite(value) ? OptionalDouble.of(value) : OptionalDouble.empty();
    } catch (NumberFormatException e) {
      return OptionalDouble.empty();
    }
  }
}
