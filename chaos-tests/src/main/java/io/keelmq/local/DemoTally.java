package io.keelmq.local;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * What the consumers of the demo's group did with each message. Thread-safe: its lock guards the
 * counts; each consumer's word comes on a thread of its own.
 */
final class DemoTally {

  /** By queue and offset, which consumer took the message last. */
  private final Map<Long, Integer> takenBy = new HashMap<>();

  private final Set<Long> acked = new HashSet<>();
  private final Set<Long> doubted = new HashSet<>();
  private final Set<Integer> killed = new HashSet<>();
  private long againAfterKill;
  private long againOtherwise;
  private long againAfterAck;

  synchronized void took(int consumer, int queue, long offset) {
    long message = name(queue, offset);
    Integer before = takenBy.put(message, consumer);
    // It comes again, so that its acknowledgement was not stored.
    doubted.remove(message);
    if (before == null) {
      return;
    }
    if (acked.contains(message)) {
      againAfterAck++;
    } else if (killed.contains(before)) {
      againAfterKill++;
    } else {
      againOtherwise++;
    }
  }

  synchronized void acked(int queue, long offset) {
    acked.add(name(queue, offset));
  }

  /** The leader died with the acknowledgement: stored or not, nobody can say yet. */
  synchronized void doubted(int queue, long offset) {
    doubted.add(name(queue, offset));
  }

  synchronized void killed(int consumer) {
    killed.add(consumer);
  }

  synchronized boolean hasKilled() {
    return !killed.isEmpty();
  }

  /** Messages that were taken by some consumer. */
  synchronized long taken() {
    return takenBy.size();
  }

  synchronized long acked() {
    return acked.size();
  }

  /**
   * Acknowledged by a consumer that was not told that this had succeeded, because it was killed
   * before, or the leader was.
   */
  synchronized long ackedUntold() {
    return takenBy.entrySet().stream()
        .filter(each -> !acked.contains(each.getKey()))
        .filter(each -> killed.contains(each.getValue()) || doubted.contains(each.getKey()))
        .count();
  }

  /** Taken by a consumer that lives, and not acknowledged. */
  synchronized long open() {
    return taken() - acked() - ackedUntold();
  }

  /** Deliveries of a message that a killed consumer had had before. */
  synchronized long againAfterKill() {
    return againAfterKill;
  }

  /** Deliveries after another one, for whatever other reason. */
  synchronized long againOtherwise() {
    return againOtherwise;
  }

  /** Deliveries after an acknowledgement that had succeeded, which must not be. */
  synchronized long againAfterAck() {
    return againAfterAck;
  }

  private static long name(int queue, long offset) {
    return (long) queue << 40 | offset;
  }
}
