package io.keelmq.broker.state;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * Queue offsets in ascending order, kept as ranges: what is delivered together is mostly dense.
 * Immutable.
 */
public final class OffsetSet {

  public static final OffsetSet EMPTY = new OffsetSet(new long[0], 0);

  /** Ranges as first (inclusive) and end (exclusive) in turns; none touch each other. */
  private final long[] bounds;

  private final int size;

  private OffsetSet(long[] bounds, int size) {
    this.bounds = bounds;
    this.size = size;
  }

  /**
   * @param first from 0
   * @param count from 1
   */
  public static OffsetSet range(long first, int count) {
    return new Builder().add(first, first + count).build();
  }

  public static OffsetSet of(long... ascending) {
    var set = new Builder();
    for (long offset : ascending) {
      set.add(offset, offset + 1);
    }
    return set.build();
  }

  public boolean isEmpty() {
    return size == 0;
  }

  /** How many offsets there are. */
  public int size() {
    return size;
  }

  /** The number of dense ranges. */
  public int ranges() {
    return bounds.length / 2;
  }

  public long rangeFirst(int range) {
    return bounds[2 * range];
  }

  /** Exclusive. */
  public long rangeEnd(int range) {
    return bounds[2 * range + 1];
  }

  /** The lowest offset. Not of an empty set. */
  public long first() {
    return bounds[0];
  }

  /** The highest offset. Not of an empty set. */
  public long last() {
    return bounds[bounds.length - 1] - 1;
  }

  public boolean contains(long offset) {
    for (int range = 0; range < ranges(); range++) {
      if (offset < rangeEnd(range)) {
        return offset >= rangeFirst(range);
      }
    }
    return false;
  }

  public void forEach(LongConsumer action) {
    for (int range = 0; range < ranges(); range++) {
      for (long offset = rangeFirst(range); offset < rangeEnd(range); offset++) {
        action.accept(offset);
      }
    }
  }

  public OffsetSet plus(OffsetSet other) {
    if (isEmpty() || other.isEmpty()) {
      return isEmpty() ? other : this;
    }
    var sum = new Builder();
    int mine = 0;
    int theirs = 0;
    while (mine < ranges() || theirs < other.ranges()) {
      if (theirs == other.ranges()
          || (mine < ranges() && rangeFirst(mine) <= other.rangeFirst(theirs))) {
        sum.add(rangeFirst(mine), rangeEnd(mine++));
      } else {
        sum.add(other.rangeFirst(theirs), other.rangeEnd(theirs++));
      }
    }
    return sum.build();
  }

  /** What is in both. */
  public OffsetSet and(OffsetSet other) {
    var both = new Builder();
    int mine = 0;
    int theirs = 0;
    while (mine < ranges() && theirs < other.ranges()) {
      long first = Math.max(rangeFirst(mine), other.rangeFirst(theirs));
      long end = Math.min(rangeEnd(mine), other.rangeEnd(theirs));
      if (first < end) {
        both.add(first, end);
      }
      if (rangeEnd(mine) < other.rangeEnd(theirs)) {
        mine++;
      } else {
        theirs++;
      }
    }
    return both.build();
  }

  public OffsetSet minus(OffsetSet other) {
    if (isEmpty() || other.isEmpty()) {
      return this;
    }
    var rest = new Builder();
    int theirs = 0;
    for (int mine = 0; mine < ranges(); mine++) {
      long from = rangeFirst(mine);
      long end = rangeEnd(mine);
      while (theirs < other.ranges() && other.rangeEnd(theirs) <= from) {
        theirs++;
      }
      for (int cut = theirs; cut < other.ranges() && other.rangeFirst(cut) < end; cut++) {
        if (other.rangeFirst(cut) > from) {
          rest.add(from, other.rangeFirst(cut));
        }
        from = Math.max(from, other.rangeEnd(cut));
      }
      if (from < end) {
        rest.add(from, end);
      }
    }
    return rest.build();
  }

  /** Those from {@code fromOffset} (inclusive) to {@code toOffset} (exclusive). */
  public OffsetSet between(long fromOffset, long toOffset) {
    var part = new Builder();
    for (int range = 0; range < ranges(); range++) {
      long first = Math.max(fromOffset, rangeFirst(range));
      long end = Math.min(toOffset, rangeEnd(range));
      if (first < end) {
        part.add(first, end);
      }
    }
    return part.build();
  }

  /** The lowest {@code count}, or all if there are fewer. */
  public OffsetSet lowest(int count) {
    if (count >= size) {
      return this;
    }
    var part = new Builder();
    long left = count;
    for (int range = 0; left > 0; range++) {
      long end = Math.min(rangeEnd(range), rangeFirst(range) + left);
      part.add(rangeFirst(range), end);
      left -= end - rangeFirst(range);
    }
    return part.build();
  }

  /** For the log and for rows: gap since the end before (first: since 0) and count, in turns. */
  public List<Long> gapsAndCounts() {
    var numbers = new ArrayList<Long>(bounds.length);
    long end = 0;
    for (int range = 0; range < ranges(); range++) {
      numbers.add(rangeFirst(range) - end);
      end = rangeEnd(range);
      numbers.add(end - rangeFirst(range));
    }
    return numbers;
  }

  /**
   * @throws IllegalArgumentException if these are not gaps and counts of at most {@code maxSize}
   *     offsets
   */
  public static OffsetSet ofGapsAndCounts(List<Long> numbers, int maxSize) {
    if (numbers.size() % 2 != 0) {
      throw new IllegalArgumentException(
          numbers.size() + " numbers: expected a gap and a count in turns");
    }
    var set = new Builder();
    long end = 0;
    long size = 0;
    for (int i = 0; i < numbers.size(); i += 2) {
      long gap = numbers.get(i);
      long count = numbers.get(i + 1);
      size += count;
      if (gap < (i == 0 ? 0 : 1)
          || count < 1
          || size > maxSize
          || gap > Long.MAX_VALUE - count - end) {
        throw new IllegalArgumentException(
            "gap "
                + gap
                + " and count "
                + count
                + ": expected ascending ranges of "
                + maxSize
                + " offsets at most");
      }
      set.add(end + gap, end + gap + count);
      end += gap + count;
    }
    return set.build();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof OffsetSet set && Arrays.equals(bounds, set.bounds);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bounds);
  }

  @Override
  public String toString() {
    var text = new StringBuilder("[");
    for (int range = 0; range < ranges(); range++) {
      text.append(range == 0 ? "" : " ").append(rangeFirst(range));
      if (rangeEnd(range) - rangeFirst(range) > 1) {
        text.append('-').append(rangeEnd(range) - 1);
      }
    }
    return text.append(']').toString();
  }

  /** Puts a set together from ranges in the order of their firsts. */
  public static final class Builder {
    private long[] bounds = new long[8];
    private int length;

    /**
     * Adds a range that begins at or after the one before; overlaps and neighbours become one.
     *
     * @param end exclusive
     */
    public Builder add(long first, long end) {
      if (first < 0 || end <= first || (length > 0 && first < bounds[length - 2])) {
        throw new IllegalArgumentException(
            "range " + first + " to " + end + ": expected one in ascending order");
      }
      if (length > 0 && first <= bounds[length - 1]) {
        bounds[length - 1] = Math.max(bounds[length - 1], end);
        return this;
      }
      if (length == bounds.length) {
        bounds = Arrays.copyOf(bounds, 2 * length);
      }
      bounds[length++] = first;
      bounds[length++] = end;
      return this;
    }

    public OffsetSet build() {
      if (length == 0) {
        return EMPTY;
      }
      long size = 0;
      for (int i = 0; i < length; i += 2) {
        size += bounds[i + 1] - bounds[i];
      }
      return new OffsetSet(Arrays.copyOf(bounds, length), Math.toIntExact(size));
    }
  }
}
