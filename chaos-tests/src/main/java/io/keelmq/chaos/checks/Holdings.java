package io.keelmq.chaos.checks;

import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * How many messages each consumer has that it has not decided about: one that has as many as it may
 * asks for messages and waits for none. A message whose lease ended by time makes room a little
 * later, as the client does. Owned by one thread.
 */
final class Holdings {

  /** Until a client has found that a lease ended. */
  private static final long LAPSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  /** A client asks for more only when this part of its limit is free. */
  private static final int PARTS = 8;

  private record End(long nanos, Life life, long tookNanos) {}

  private final Timeline timeline;
  private final Map<Integer, Set<Life>> byConsumer = new HashMap<>();
  private final PriorityQueue<End> ends = new PriorityQueue<>(Comparator.comparingLong(End::nanos));

  Holdings(Timeline timeline) {
    this.timeline = timeline;
  }

  boolean hasRoom(int consumer, GroupRules group) {
    int held = of(consumer).size();
    return held <= group.maxInFlight() - group.maxInFlight() / PARTS;
  }

  /** When the next lease is found to have ended, at the latest {@code nanos}. */
  long nextEnd(long nanos) {
    return ends.isEmpty() ? nanos : Math.min(nanos, ends.peek().nanos());
  }

  void pass(long nanos) {
    while (!ends.isEmpty() && ends.peek().nanos() <= nanos) {
      End end = ends.remove();
      Life life = end.life();
      if (life.tookNanos != end.tookNanos()) {
        continue;
      }
      long now = endNanos(life);
      if (now > end.nanos()) {
        // It was extended meanwhile.
        ends.add(new End(now, life, life.tookNanos));
      } else {
        drop(life);
      }
    }
  }

  void took(Life life, int before) {
    of(before).remove(life);
    of(life.consumer).add(life);
    if (!life.renews) {
      ends.add(new End(endNanos(life), life, life.tookNanos));
    }
  }

  /** Its consumer has decided, and with it perhaps about others of its message group. */
  void decided(Life life) {
    drop(life);
    if (life.group.fifo()) {
      of(life.consumer).removeIf(other -> other.cutNanos != 0);
    }
  }

  void left(int consumer) {
    byConsumer.remove(consumer);
  }

  private Set<Life> of(int consumer) {
    return byConsumer.computeIfAbsent(consumer, key -> new LinkedHashSet<>());
  }

  private void drop(Life life) {
    of(life.consumer).remove(life);
  }

  private long endNanos(Life life) {
    return timeline.nanos(life.latestEndMillis) + LAPSE_NANOS;
  }
}
