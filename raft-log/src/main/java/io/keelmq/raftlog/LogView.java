package io.keelmq.raftlog;

import java.util.List;
import java.util.Optional;

/**
 * What readers see of the log at one moment. Immutable; the log publishes a new one after each
 * change.
 *
 * @param last the last readable index
 * @param generation rises whenever records or files that an earlier view shows go away; a reader
 *     that sees another generation after reading than before has to look again
 */
record LogView(List<Segment> segments, long logicalFirst, long last, long generation) {

  /** The first index that is on disk; the logical first index if none is. */
  long physicalFirst() {
    return segments.isEmpty() ? logicalFirst : segments.get(0).baseIndex();
  }

  /**
   * The segment that holds {@code index}; empty outside of the physical first to the last index.
   */
  Optional<Segment> segmentOf(long index) {
    if (segments.isEmpty() || index < physicalFirst() || index > last) {
      return Optional.empty();
    }
    int low = 0;
    int high = segments.size() - 1;
    while (low < high) {
      int middle = (low + high + 1) / 2;
      if (segments.get(middle).baseIndex() <= index) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return Optional.of(segments.get(low));
  }

  /** How many segments end before {@code index} and are not the last. */
  int segmentsBefore(long index) {
    int count = 0;
    while (count + 1 < segments.size() && segments.get(count + 1).baseIndex() <= index) {
      count++;
    }
    return count;
  }

  /** The bytes of the records behind {@code index}. */
  long bytesAfter(long index) {
    long bytes = 0;
    for (int i = segments.size() - 1; i >= 0 && segments.get(i).lastIndex() > index; i--) {
      Segment segment = segments.get(i);
      long end = Math.min(last, segment.lastIndex());
      if (end >= segment.baseIndex() && end > index) {
        bytes +=
            segment.endOf(end)
                - (index < segment.baseIndex() ? SegmentHeader.BYTES : segment.endOf(index));
      }
    }
    return bytes;
  }

  LogView withLast(long newLast) {
    return new LogView(segments, logicalFirst, newLast, generation);
  }

  LogView withLogicalFirst(long newFirst) {
    return new LogView(segments, newFirst, last, generation);
  }

  /** The same after records behind {@code newLast} were given up. */
  LogView cutAfter(long newLast) {
    return new LogView(segments, logicalFirst, newLast, generation + 1);
  }

  LogView withSegments(List<Segment> newSegments) {
    return new LogView(List.copyOf(newSegments), logicalFirst, last, generation + 1);
  }

  /** An empty log that begins at {@code first}. */
  LogView emptyAt(long first) {
    return new LogView(List.of(), first, first - 1, generation + 1);
  }
}
