package io.keelmq.chaos.kills;

import io.keelmq.raftlog.LogRecord;
import io.keelmq.raftlog.SegmentedLog;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a log has been told so far, as a plain list: the terms of its entries, whose bytes follow
 * from index and term. Not thread-safe.
 */
final class LogBook {

  private static final int DATA_BYTES = 1_000;

  /** Longer than a segment, so that it is handed to the file system in parts. */
  private static final int OVERSIZE_BYTES = 9_000;

  static final long OVERSIZE_EVERY = 10;

  private final TreeMap<Long, Long> terms = new TreeMap<>();
  private long logicalFirst = 1;
  private long last;

  LogBook copy() {
    var copy = new LogBook();
    copy.terms.putAll(terms);
    copy.logicalFirst = logicalFirst;
    copy.last = last;
    return copy;
  }

  long last() {
    return last;
  }

  static LogRecord record(long index, long term) {
    var data =
        ByteBuffer.allocate(index % OVERSIZE_EVERY == 0 ? OVERSIZE_BYTES : DATA_BYTES)
            .put("entry %d of term %d".formatted(index, term).getBytes(StandardCharsets.US_ASCII));
    return new LogRecord(index, term, LogRecord.Type.DATA, data.clear());
  }

  static List<LogRecord> batch(long first, int count, long term) {
    var batch = new ArrayList<LogRecord>();
    for (int i = 0; i < count; i++) {
      batch.add(record(first + i, term));
    }
    return batch;
  }

  void append(int count, long term) {
    for (int i = 0; i < count; i++) {
      last++;
      terms.put(last, term);
    }
  }

  void cutAfter(long lastKept) {
    terms.tailMap(lastKept, false).clear();
    last = lastKept;
  }

  void moveFirst(long first) {
    logicalFirst = first;
  }

  void emptyAt(long first) {
    terms.clear();
    logicalFirst = first;
    last = first - 1;
  }

  /** Entries 1 to {@code upTo} of one term, all before the logical first index. */
  void adopt(long upTo, long term) {
    emptyAt(1);
    append((int) upTo, term);
    logicalFirst = upTo + 1;
  }

  /** What keeps a log from being exactly this one; empty if nothing does. */
  Optional<String> differenceTo(SegmentedLog log) {
    if (log.logicalFirst() != logicalFirst || log.last() != last) {
      return Optional.of(
          "it is logically %d to %d, expected %d to %d"
              .formatted(log.logicalFirst(), log.last(), logicalFirst, last));
    }
    if (log.physicalFirst() > logicalFirst) {
      return Optional.of("it begins physically at " + log.physicalFirst());
    }
    for (long index = log.physicalFirst(); index <= last; index++) {
      Optional<LogRecord> found = log.reader().read(index);
      Long term = terms.get(index);
      if (term == null || found.isEmpty() || !found.get().equals(record(index, term))) {
        return Optional.of(
            "entry %d is %s, expected term %s"
                .formatted(index, found.map(LogRecord::term).orElse(-1L), term));
      }
    }
    return Optional.empty();
  }

  /**
   * What a log that died on the way from this state to another may be: one of them, or what lies
   * between a list of entries and a longer one.
   */
  List<LogBook> upTo(LogBook next) {
    if (logicalFirst != next.logicalFirst || !overlap(next)) {
      return List.of(this, next);
    }
    LogBook longer = next.last >= last ? next : this;
    var between = new ArrayList<LogBook>();
    for (long end = Math.min(last, next.last); end <= longer.last; end++) {
      LogBook one = longer.copy();
      one.cutAfter(end);
      between.add(one);
    }
    return between;
  }

  private boolean overlap(LogBook other) {
    long common = Math.min(last, other.last);
    return terms.headMap(common, true).equals(other.terms.headMap(common, true));
  }
}
