package io.keelmq.chaos.checks;

import io.keelmq.chaos.checks.Event.LeaseName;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The messages of one consumer group: those that are not acknowledged with what is known of them,
 * the others with the lease by which they were, 8 bytes each. Owned by one thread.
 */
final class Lives {

  private static final int ORDINAL_BITS = 16;

  private final GroupRules group;
  private final Map<Long, Life> open = new LinkedHashMap<>();
  private final Map<Integer, Map<Long, Life>> byConsumer = new HashMap<>();
  private final OffsetLongs acked = new OffsetLongs();
  private final OffsetLongs free = new OffsetLongs();

  Lives(GroupRules group) {
    this.group = group;
  }

  GroupRules group() {
    return group;
  }

  boolean isAcked(int queue, long offset) {
    return acked.get(queue, offset) != 0;
  }

  /**
   * FIFO: nothing before the message in its message group can hold it back. A lease's messages may
   * be acknowledged in any order, so that the one before it alone does not tell.
   */
  boolean isFree(LogCatalog catalog, int queue, long offset) {
    long before = catalog.before(queue, offset);
    while (before >= 0 && isAcked(queue, before) && free.get(queue, before) == 0) {
      before = catalog.before(queue, before);
    }
    boolean isFree = before < 0 || isAcked(queue, before);
    if (isFree) {
      // Nothing is ever acknowledged less: this is not looked for again.
      free.put(queue, offset, 1);
    }
    return isFree;
  }

  /** The lease by which the message was acknowledged, or null. */
  LeaseName ackedBy(int queue, long offset) {
    long packed = acked.get(queue, offset);
    return packed == 0
        ? null
        : new LeaseName(0, packed >>> ORDINAL_BITS, (int) (packed & ((1 << ORDINAL_BITS) - 1)));
  }

  /** Null if it was acknowledged or never heard of. */
  Life find(int queue, long offset) {
    return open.get(key(queue, offset));
  }

  /** Begins its life if it has none. Not for those that were acknowledged. */
  Life get(int queue, long offset) {
    return open.computeIfAbsent(key(queue, offset), key -> new Life(group, queue, offset));
  }

  void took(Event.Took took, Life life, long grantedNanos, boolean renews, boolean behindOther) {
    forget(life);
    life.take(took, grantedNanos, renews, behindOther);
    byConsumer
        .computeIfAbsent(took.consumer(), consumer -> new LinkedHashMap<>())
        .put(key(life.queue, life.offset), life);
  }

  void acked(Life life) {
    forget(life);
    open.remove(key(life.queue, life.offset));
    if (life.lease.ordinal() >= 1 << ORDINAL_BITS) {
      throw new IllegalStateException("more leases in an entry than fit: " + life.lease);
    }
    acked.put(life.queue, life.offset, life.lease.index() << ORDINAL_BITS | life.lease.ordinal());
  }

  /** What a consumer was handed last and has not acknowledged; forgets it. */
  Collection<Life> left(int consumer) {
    Map<Long, Life> had = byConsumer.remove(consumer);
    return had == null ? List.of() : had.values();
  }

  /** What a consumer has and has not acknowledged. */
  Collection<Life> of(int consumer) {
    Map<Long, Life> has = byConsumer.get(consumer);
    return has == null ? List.of() : has.values();
  }

  Collection<Life> open() {
    return open.values();
  }

  private void forget(Life life) {
    Map<Long, Life> had = byConsumer.get(life.consumer);
    if (had != null) {
      had.remove(key(life.queue, life.offset));
    }
  }

  private static long key(int queue, long offset) {
    return (long) queue << 40 | offset;
  }
}
