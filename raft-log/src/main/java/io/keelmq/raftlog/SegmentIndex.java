package io.keelmq.raftlog;

import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Where each record of one segment begins, and its term and type, so that all three are known
 * without reading the record.
 *
 * <p>The log thread adds and cuts. Other threads read without a lock, and only records that the log
 * has published since; a record that is being cut meanwhile may come out wrong, which the reader
 * finds by comparing {@link LogView}s. The index of a sealed segment does not change.
 */
final class SegmentIndex {

  private static final int FIRST_CAPACITY = 1024;

  private final long baseIndex;
  private int count;

  /** The position of each record, then the end of the last one: one more than there are records. */
  private volatile IntBuffer positions;

  /** Pairs of first index and term; replaced, never changed, since a new term is rare. */
  private volatile long[] termRuns;

  /** Pairs of index and type code of each record that is not data; as rare. */
  private volatile long[] specials;

  /** An index without records. */
  SegmentIndex(long baseIndex) {
    this(baseIndex, 0, IntBuffer.allocate(FIRST_CAPACITY), new long[0], new long[0]);
    positions.put(0, SegmentHeader.BYTES);
  }

  SegmentIndex(long baseIndex, int count, IntBuffer positions, long[] termRuns, long[] specials) {
    this.baseIndex = baseIndex;
    this.count = count;
    this.positions = positions;
    this.termRuns = termRuns;
    this.specials = specials;
  }

  long baseIndex() {
    return baseIndex;
  }

  int count() {
    return count;
  }

  /** Less than {@link #baseIndex} if there is no record. */
  long lastIndex() {
    return baseIndex + count - 1;
  }

  /** The end of the last record, which is the length of a sound segment. */
  int bytes() {
    return positions.get(count);
  }

  int position(long index) {
    return positions.get(slot(index));
  }

  int recordBytes(long index) {
    IntBuffer now = positions;
    return now.get(slot(index) + 1) - now.get(slot(index));
  }

  long term(long index) {
    long[] runs = termRuns;
    return runs[floorPair(runs, index) + 1];
  }

  LogRecord.Type type(long index) {
    long[] pairs = specials;
    int pair = floorPair(pairs, index);
    return pairs.length > 0 && pairs[pair] == index
        ? LogRecord.Type.ofCode((int) pairs[pair + 1]).orElseThrow()
        : LogRecord.Type.DATA;
  }

  /** The indexes of its configuration entries, ascending. */
  LongStream configurations() {
    long[] pairs = specials;
    return IntStream.range(0, pairs.length / 2)
        .filter(i -> pairs[2 * i + 1] == LogRecord.Type.CONFIGURATION.code())
        .mapToLong(i -> pairs[2 * i]);
  }

  long[] termRuns() {
    return termRuns;
  }

  long[] specials() {
    return specials;
  }

  /** Adds the record that follows {@link #lastIndex()}. */
  void add(long term, LogRecord.Type type, int recordBytes) {
    long index = baseIndex + count;
    makeRoom();
    positions.put(count + 1, positions.get(count) + recordBytes);
    long[] runs = termRuns;
    if (runs.length == 0 || runs[runs.length - 1] != term) {
      termRuns = withPair(runs, index, term);
    }
    if (type != LogRecord.Type.DATA) {
      specials = withPair(specials, index, type.code());
    }
    count++;
  }

  /** Where the last pair begins whose first number is at most {@code index}; 0 if there is none. */
  private static int floorPair(long[] pairs, long index) {
    int low = 0;
    int high = pairs.length / 2 - 1;
    while (low < high) {
      int middle = (low + high + 1) / 2;
      if (pairs[2 * middle] <= index) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return 2 * low;
  }

  private int slot(long index) {
    return (int) (index - baseIndex);
  }

  private void makeRoom() {
    IntBuffer full = positions;
    if (count + 1 < full.capacity()) {
      return;
    }
    IntBuffer larger = IntBuffer.allocate(2 * full.capacity());
    larger.put(full.duplicate().clear()).clear();
    positions = larger;
  }

  private static long[] withPair(long[] pairs, long first, long second) {
    long[] longer = Arrays.copyOf(pairs, pairs.length + 2);
    longer[pairs.length] = first;
    longer[pairs.length + 1] = second;
    return longer;
  }
}
