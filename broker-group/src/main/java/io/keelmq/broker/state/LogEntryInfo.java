package io.keelmq.broker.state;

/**
 * Where in the log, and when, a command stands.
 *
 * @param index log index, from 1
 * @param term term of the entry
 * @param timeMillis log time in milliseconds since 1970, never lower than an earlier entry's
 */
public record LogEntryInfo(long index, long term, long timeMillis) {

  public LogEntryInfo {
    if (index < 1 || term < 0 || timeMillis < 0) {
      throw new IllegalArgumentException(
          "index=" + index + " term=" + term + " timeMillis=" + timeMillis);
    }
  }
}
