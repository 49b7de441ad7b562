package io.keelmq.common;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Lengths of time as people write and read them. */
public final class Durations {

  private static final Pattern TEXT = Pattern.compile("([0-9]{1,12}) ?(ms|s|m|h|d)");
  private static final Pattern SECONDS = Pattern.compile("[0-9]{1,12}");

  /** Longer ones do not fit into a count of nanoseconds. */
  private static final Duration LONGEST = Duration.ofDays(100_000);

  private Durations() {}

  /**
   * Reads {@code 500ms}, {@code 10s}, {@code 5m}, {@code 1h} or {@code 7d}; empty if it is none or
   * endless.
   */
  public static Optional<Duration> parse(String text) {
    Matcher parts = TEXT.matcher(text);
    if (!parts.matches()) {
      return Optional.empty();
    }
    long count = Long.parseLong(parts.group(1));
    Duration time =
        switch (parts.group(2)) {
          case "ms" -> Duration.ofMillis(count);
          case "s" -> Duration.ofSeconds(count);
          case "m" -> Duration.ofMinutes(count);
          case "h" -> Duration.ofHours(count);
          default -> Duration.ofDays(count);
        };
    return Optional.of(time).filter(found -> found.compareTo(LONGEST) <= 0);
  }

  /** As {@link #parse}; a number without a unit is seconds. */
  public static Optional<Duration> parseOrSeconds(String text) {
    return parse(SECONDS.matcher(text).matches() ? text + "s" : text);
  }

  /** For messages: {@code 250 ms}, {@code 3.3 s}, {@code 90 s}, {@code 5 min}, {@code 36 h}. */
  public static String text(Duration time) {
    double seconds = time.toMillis() / 1_000.0;
    double amount = Math.abs(seconds);
    if (amount < 1) {
      return time.toMillis() + " ms";
    }
    if (amount < 120) {
      return rounded(seconds) + " s";
    }
    return amount < 7_200 ? rounded(seconds / 60) + " min" : rounded(seconds / 3_600) + " h";
  }

  private static String rounded(double value) {
    String text = String.format(Locale.ROOT, "%.1f", value);
    return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
  }
}
