package io.keelmq.broker.api;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * How much something may take for all sessions together: the batches of producers without a
 * receipt, or the deliveries that consumers have not taken yet. A session that finds it full adds
 * no more until it is told that there is room: the pressure goes back through the window of its
 * stream. Each session may be one request over the bound.
 *
 * <p>Thread-safe: the queue of waiting sessions is guarded by its lock, under which nobody is
 * called; a session is in it at most once.
 */
final class InFlightBytes {

  /** More than one, because the room that one release makes may do for several. */
  private static final int WOKEN_AT_ONCE = 4;

  private final long maxBytes;
  private final LongAdder gauge;
  private final AtomicLong bytes = new AtomicLong();
  private final LinkedHashSet<Runnable> waiting = new LinkedHashSet<>();

  /**
   * @param gauge shows what there is
   */
  InFlightBytes(long maxBytes, LongAdder gauge) {
    this.maxBytes = maxBytes;
    this.gauge = gauge;
  }

  void add(long more) {
    bytes.addAndGet(more);
    gauge.add(more);
  }

  void release(long less) {
    gauge.add(-less);
    long left = bytes.addAndGet(-less);
    if (left < maxBytes) {
      // Whoever is woken may have nothing to send and pass the turn to nobody. When nothing is in
      // flight no later release does it either, so the last one wakes everybody.
      wakeOldest(left == 0 ? Integer.MAX_VALUE : WOKEN_AT_ONCE);
    }
  }

  boolean isFull() {
    return bytes.get() >= maxBytes;
  }

  /**
   * @param wake run once, later, if this answers false; not added twice
   * @return whether another batch may be taken now
   */
  boolean hasRoom(Runnable wake) {
    if (bytes.get() < maxBytes) {
      return true;
    }
    synchronized (waiting) {
      waiting.add(wake);
    }
    // Room may have been made before the session stood in the queue.
    if (bytes.get() < maxBytes) {
      wakeOldest(WOKEN_AT_ONCE);
    }
    return false;
  }

  void forget(Runnable wake) {
    boolean wasWaiting;
    synchronized (waiting) {
      wasWaiting = waiting.remove(wake);
    }
    if (!wasWaiting && bytes.get() < maxBytes) {
      // It may have been woken just now and will not use the room.
      wakeOldest(WOKEN_AT_ONCE);
    }
  }

  private void wakeOldest(int most) {
    List<Runnable> next = new ArrayList<>(WOKEN_AT_ONCE);
    synchronized (waiting) {
      var oldest = waiting.iterator();
      while (next.size() < most && oldest.hasNext()) {
        next.add(oldest.next());
        oldest.remove();
      }
    }
    next.forEach(Runnable::run);
  }
}
