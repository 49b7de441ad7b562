package io.keelmq.nameserver;

import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * Lets one line per subject and interval into the log, so that a peer that repeats its mistake
 * every second cannot fill the disk. Thread-safe; the lock guards the map.
 */
final class RationedLog {

  private static final int MAX_SUBJECTS = 256;
  private static final long INTERVAL_MILLIS = 30_000;

  private final LongSupplier clockMillis;
  private final Map<String, Long> lastMillis = new HashMap<>();

  RationedLog(LongSupplier clockMillis) {
    this.clockMillis = clockMillis;
  }

  /** Whether a line about {@code subject} may be written now. */
  synchronized boolean permits(String subject) {
    long nowMillis = clockMillis.getAsLong();
    Long last = lastMillis.get(subject);
    if (last != null && nowMillis - last < INTERVAL_MILLIS) {
      return false;
    }
    if (last == null && lastMillis.size() == MAX_SUBJECTS) {
      lastMillis.values().removeIf(at -> nowMillis - at >= INTERVAL_MILLIS);
      if (lastMillis.size() == MAX_SUBJECTS) {
        return false;
      }
    }
    lastMillis.put(subject, nowMillis);
    return true;
  }
}
