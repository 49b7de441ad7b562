package io.keelmq.chaos.checks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * What time it was when something happened, and when the brokers could not be expected to serve.
 * Immutable.
 */
public final class Timeline {

  /** From {@code fromNanos} (inclusive) to {@code toNanos} (exclusive). */
  public record Span(long fromNanos, long toNanos) {}

  private final long wallMillisAtZero;
  private final long[] from;
  private final long[] to;

  /** Paused nanoseconds before the span of the same index. */
  private final long[] before;

  /**
   * @param wallMillisAtZero the wall clock, in milliseconds since 1970, when the monotonic clock
   *     was 0
   * @param pauses in any order; they may overlap
   */
  public Timeline(long wallMillisAtZero, List<Span> pauses) {
    this.wallMillisAtZero = wallMillisAtZero;
    var merged = new ArrayList<Span>();
    for (Span span : pauses.stream().sorted(Comparator.comparingLong(Span::fromNanos)).toList()) {
      Span last = merged.isEmpty() ? null : merged.get(merged.size() - 1);
      if (last != null && span.fromNanos() <= last.toNanos()) {
        merged.set(
            merged.size() - 1,
            new Span(last.fromNanos(), Math.max(last.toNanos(), span.toNanos())));
      } else {
        merged.add(span);
      }
    }
    from = merged.stream().mapToLong(Span::fromNanos).toArray();
    to = merged.stream().mapToLong(Span::toNanos).toArray();
    before = new long[from.length];
    for (int i = 1; i < from.length; i++) {
      before[i] = before[i - 1] + to[i - 1] - from[i - 1];
    }
  }

  public long wallMillis(long nanos) {
    return wallMillisAtZero + TimeUnit.NANOSECONDS.toMillis(nanos);
  }

  public long nanos(long wallMillis) {
    return TimeUnit.MILLISECONDS.toNanos(wallMillis - wallMillisAtZero);
  }

  /** How much of the time between these was a pause. */
  public long pausedNanos(long fromNanos, long toNanos) {
    return toNanos <= fromNanos ? 0 : pausedUntil(toNanos) - pausedUntil(fromNanos);
  }

  /** All of it. */
  public long pausedNanos() {
    return from.length == 0 ? 0 : pausedUntil(Long.MAX_VALUE);
  }

  public int pauses() {
    return from.length;
  }

  private long pausedUntil(long nanos) {
    int index = Arrays.binarySearch(from, nanos);
    index = index >= 0 ? index : -index - 2;
    return index < 0 ? 0 : before[index] + Math.min(nanos, to[index]) - from[index];
  }
}
