package io.keelmq.broker.api;

import io.keelmq.broker.state.LeaseId;
import io.keelmq.v1.LeaseRef;

/** A lease of a consumer group at a topic: what {@code keelmq.v1} calls LeaseRef. Immutable. */
public record LeaseKey(int queue, int generation, LeaseId id) {

  public static LeaseKey of(LeaseRef lease) {
    return new LeaseKey(
        lease.getQueue(),
        lease.getGeneration(),
        new LeaseId(lease.getLogIndex(), lease.getOrdinal()));
  }

  LeaseRef toRef() {
    return LeaseRef.newBuilder()
        .setQueue(queue)
        .setGeneration(generation)
        .setLogIndex(id.logIndex())
        .setOrdinal(id.ordinal())
        .build();
  }

  /** The same place under another id: a part of it that was divided off. */
  public LeaseKey withId(LeaseId other) {
    return new LeaseKey(queue, generation, other);
  }

  @Override
  public String toString() {
    return queue + "/" + generation + "/" + id.logIndex() + "/" + id.ordinal();
  }
}
