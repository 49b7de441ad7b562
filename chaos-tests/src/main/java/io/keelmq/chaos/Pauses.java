package io.keelmq.chaos;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How long sends stood still around each fault: from a stream of the moments of acks. Owned by one
 * thread.
 */
final class Pauses {

  /**
   * One fault.
   *
   * @param longestGapNanos between two acks one after the other, of which the later came behind the
   *     fault
   * @param firstOkNanos from the fault to the first ack of a send that began behind it; -1: none
   *     came
   */
  record Pause(long faultNanos, long longestGapNanos, long firstOkNanos) {}

  private final long[] faults;
  private final long[] gaps;
  private final long[] firstOks;
  private long lastOk = Long.MIN_VALUE;

  /**
   * @param faultNanos rising
   */
  Pauses(List<Long> faultNanos) {
    faults = faultNanos.stream().mapToLong(Long::longValue).toArray();
    gaps = new long[faults.length];
    firstOks = new long[faults.length];
    Arrays.fill(firstOks, -1);
  }

  /** Acks in the order of their arrival. */
  void ok(long invokedNanos, long okNanos) {
    // The fault that this ack came behind; the gap counts for it alone.
    int fault = Arrays.binarySearch(faults, okNanos);
    fault = fault >= 0 ? fault : -fault - 2;
    if (fault >= 0) {
      long since = lastOk == Long.MIN_VALUE ? faults[fault] : lastOk;
      gaps[fault] = Math.max(gaps[fault], okNanos - since);
      if (firstOks[fault] < 0 && invokedNanos >= faults[fault]) {
        firstOks[fault] = okNanos - faults[fault];
      }
    }
    lastOk = okNanos;
  }

  List<Pause> pauses() {
    var pauses = new ArrayList<Pause>();
    for (int i = 0; i < faults.length; i++) {
      pauses.add(new Pause(faults[i], gaps[i], firstOks[i]));
    }
    return pauses;
  }

  /** Of values that need not be sorted; {@code quantile} 0.5 is the median (the lower of two). */
  static long quantile(List<Long> values, double quantile) {
    if (values.isEmpty()) {
      return 0;
    }
    var sorted = values.stream().sorted().toList();
    int index = (int) Math.ceil(quantile * sorted.size()) - 1;
    return sorted.get(Math.max(0, Math.min(sorted.size() - 1, index)));
  }
}
