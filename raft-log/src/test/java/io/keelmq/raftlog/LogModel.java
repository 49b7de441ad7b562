package io.keelmq.raftlog;

import java.util.List;
import java.util.TreeMap;

/** The plain list that a log has to behave like. */
final class LogModel {

  /**
   * What a log may be found to be: all of {@code entries} that lie in the bounds, and nothing else.
   *
   * @param leastLast the log may end here or at any later index up to {@code mostLast}
   */
  record State(
      long logicalFirst, long leastLast, long mostLast, TreeMap<Long, LogRecord> entries) {}

  private final TreeMap<Long, LogRecord> entries = new TreeMap<>();
  private long logicalFirst = 1;
  private long last;

  long logicalFirst() {
    return logicalFirst;
  }

  long last() {
    return last;
  }

  long lastTerm() {
    return entries.containsKey(last) ? entries.get(last).term() : 0;
  }

  /** Exactly this log. */
  State now() {
    return state(last, last);
  }

  /** This log, or what is left of it from {@code leastLast} on. */
  State downTo(long leastLast) {
    return state(leastLast, last);
  }

  void append(List<LogRecord> batch) {
    batch.forEach(entry -> entries.put(entry.index(), entry));
    last += batch.size();
  }

  void truncateSuffix(long lastKept) {
    entries.tailMap(lastKept, false).clear();
    last = Math.min(last, lastKept);
  }

  void truncatePrefix(long newFirst) {
    if (newFirst > last + 1) {
      reset(newFirst);
    } else {
      logicalFirst = Math.max(logicalFirst, newFirst);
    }
  }

  void reset(long next) {
    if (next != last + 1) {
      entries.clear();
      last = next - 1;
    }
    logicalFirst = next;
  }

  LogModel copy() {
    var copy = new LogModel();
    copy.entries.putAll(entries);
    copy.logicalFirst = logicalFirst;
    copy.last = last;
    return copy;
  }

  /** Becomes what a crash has left, which was one of the states allowed. */
  void becomeLike(SegmentedLog log, State found) {
    entries.clear();
    entries.putAll(found.entries().headMap(log.last(), true));
    logicalFirst = log.logicalFirst();
    last = log.last();
  }

  private State state(long leastLast, long mostLast) {
    return new State(logicalFirst, leastLast, mostLast, new TreeMap<>(entries));
  }
}
