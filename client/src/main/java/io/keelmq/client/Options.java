package io.keelmq.client;

import io.keelmq.common.Durations;
import java.time.Duration;

/** Checks of options, so that each says what it expected. */
final class Options {

  private Options() {}

  static Duration positive(String name, Duration value) {
    if (value.isNegative() || value.isZero()) {
      throw new IllegalArgumentException(
          name + " " + Durations.text(value) + ": expected more than nothing");
    }
    return value;
  }

  static Duration notNegative(String name, Duration value) {
    if (value.isNegative()) {
      throw new IllegalArgumentException(
          name + " " + Durations.text(value) + ": expected 0 or more");
    }
    return value;
  }

  static int inRange(String name, int value, int from, int to) {
    return (int) inRange(name, (long) value, from, to);
  }

  static long inRange(String name, long value, long from, long to) {
    if (value < from || value > to) {
      throw new IllegalArgumentException(name + " " + value + ": expected " + from + " to " + to);
    }
    return value;
  }
}
