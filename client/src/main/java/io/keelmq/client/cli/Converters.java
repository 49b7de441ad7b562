package io.keelmq.client.cli;

import io.keelmq.client.StartAt;
import io.keelmq.common.Durations;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.List;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** How words on the command line are read; each says what it expected. */
final class Converters {
  private static final Pattern TOPIC = Pattern.compile("[%a-zA-Z0-9_-]{1,127}");
  private static final Pattern OFFSET = Pattern.compile("\\d{1,19}");

  private Converters() {}

  /** A topic's name. */
  static final class TopicName implements ITypeConverter<String> {
    @Override
    public String convert(String text) {
      if (!TOPIC.matcher(text).matches()) {
        throw new TypeConversionException(
            "\"%s\" is no topic name: use 1 to 127 of the characters a-z A-Z 0-9 _ - %%"
                .formatted(Table.printable(text)));
      }
      return text;
    }
  }

  /** A length of time: 500ms, 10s, 5m, 1h, 7d; a number is seconds. */
  static final class Length implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      return Durations.parseOrSeconds(text)
          .orElseThrow(() -> noLength(text, "a number of seconds, 500ms, 10s, 5m, 1h or 7d"));
    }
  }

  /** A length of time with its unit, or {@code forever}, which is zero. */
  static final class Retention implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      return text.equalsIgnoreCase("forever") || text.equals("0") ? Duration.ZERO : duration(text);
    }
  }

  /** A size with or without its unit, or {@code unlimited}, which is zero. */
  static final class Size implements ITypeConverter<Long> {
    private static final Pattern FORM = Pattern.compile("(\\d{1,16})(KiB|MiB|GiB|TiB|B)?");
    private static final List<String> UNITS = List.of("B", "KiB", "MiB", "GiB", "TiB");

    @Override
    public Long convert(String text) {
      var form = FORM.matcher(text);
      if (text.equalsIgnoreCase("unlimited")) {
        return 0L;
      }
      if (form.matches()) {
        int unit = form.group(2) == null ? 0 : UNITS.indexOf(form.group(2));
        try {
          return Math.multiplyExact(Long.parseLong(form.group(1)), 1L << (10 * unit));
        } catch (ArithmeticException e) {
          // As any other that is too large.
        }
      }
      throw new TypeConversionException(
          "\"%s\" is no size: write bytes such as 65536, 64KiB, 256MiB, 10GiB or unlimited"
              .formatted(Table.printable(text)));
    }
  }

  private static Duration duration(String text) {
    return Durations.parse(text).orElseThrow(() -> noLength(text, "500ms, 10s, 5m, 1h or 7d"));
  }

  private static TypeConversionException noLength(String text, String expected) {
    return new TypeConversionException(
        "\"%s\" is no length of time: write %s".formatted(Table.printable(text), expected));
  }

  /**
   * Where reading begins: earliest, latest, an offset, a time with or without its zone, or so long
   * ago ({@code -5m}).
   */
  static StartAt startAt(String option, String text, InstantSource clock) {
    if (text.equalsIgnoreCase("earliest")) {
      return StartAt.earliest();
    }
    if (text.equalsIgnoreCase("latest")) {
      return StartAt.latest();
    }
    try {
      if (OFFSET.matcher(text).matches()) {
        return StartAt.offset(Long.parseLong(text));
      }
      if (text.startsWith("-")) {
        return StartAt.time(clock.instant().minus(duration(text.substring(1))));
      }
      return StartAt.time(time(text));
    } catch (DateTimeException
        | NumberFormatException
        | ArithmeticException
        | TypeConversionException e) {
      throw CliError.usage(
          "%s \"%s\": write earliest, latest, an offset from 0, a time like 2026-01-31T12:00:00Z, or -5m for five minutes ago"
              .formatted(option, Table.printable(text)));
    }
  }

  /** A time with or without its zone. */
  static Instant time(String option, String text) {
    try {
      return time(text);
    } catch (DateTimeException e) {
      throw CliError.usage(
          "%s \"%s\": write a time like 2026-01-31T12:00:00Z, or without the Z for your own"
              .formatted(option, Table.printable(text)));
    }
  }

  /** A moment: a time with or without its zone, a date, or so long ago ({@code -5m}). */
  static Instant instant(String option, String text, InstantSource clock) {
    try {
      return text.startsWith("-") ? clock.instant().minus(duration(text.substring(1))) : time(text);
    } catch (DateTimeException | ArithmeticException | TypeConversionException e) {
      throw CliError.usage(
          "%s \"%s\": write a time like 2026-01-31T12:00:00Z, or -5m for five minutes ago"
              .formatted(option, Table.printable(text)));
    }
  }

  /** Offsets from A up to and with B, written {@code A..B}; {@code A} alone is that one. */
  record Offsets(long from, long to) {
    private static final Pattern FORM = Pattern.compile("(\\d{1,18})(?:\\.\\.(\\d{1,18}))?");

    static Offsets parse(String option, String text) {
      var form = FORM.matcher(text);
      if (form.matches()) {
        long from = Long.parseLong(form.group(1));
        long to = form.group(2) == null ? from : Long.parseLong(form.group(2));
        if (from <= to) {
          return new Offsets(from, to);
        }
      }
      throw CliError.usage(
          "%s \"%s\": write an offset from 0, or a range A..B that does not fall"
              .formatted(option, Table.printable(text)));
    }
  }

  private static Instant time(String text) {
    if (text.endsWith("Z") || text.matches(".*T.*[+-]\\d\\d:?\\d\\d")) {
      return OffsetDateTime.parse(text).toInstant();
    }
    // A time without a zone is the caller's own.
    var zone = ZoneId.systemDefault();
    return text.contains("T")
        ? LocalDateTime.parse(text).atZone(zone).toInstant()
        : LocalDate.parse(text).atStartOfDay(zone).toInstant();
  }
}
