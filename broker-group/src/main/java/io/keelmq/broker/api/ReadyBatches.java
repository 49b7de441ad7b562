package io.keelmq.broker.api;

import io.keelmq.broker.state.LeaseId;
import io.keelmq.broker.state.StateView.Batch;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Batches of one queue that wait to be delivered again, as far as they were looked up, and those of
 * them that plans in flight have. Owned by the pass of a planner.
 */
final class ReadyBatches {

  private static final int PER_LOOKUP = 64;

  /** Looks into the state. */
  interface Lookup {
    /** By lowest offset, none that begins below {@code fromOffset}. */
    List<Batch> ready(long fromOffset, int limit);
  }

  private final ArrayDeque<Batch> found = new ArrayDeque<>();
  private final Set<LeaseId> reserved = new HashSet<>();
  private boolean lookAgain = true;

  /** No batch is ready that begins below: over those that were, a store would walk. */
  private long fromOffset;

  /** Batches may have become ready, none that begins below {@code offset}. */
  void lookFrom(long offset) {
    lookAgain = true;
    fromOffset = Math.min(fromOffset, offset);
  }

  /** Another look may find more, at no lower offset than the last one. */
  void lookAgain() {
    lookAgain = true;
  }

  /** Nothing is known, and nothing in flight counts any more. */
  void forget() {
    reserved.clear();
    found.clear();
    lookAgain = true;
    fromOffset = 0;
  }

  boolean mayHaveMore() {
    return lookAgain || !found.isEmpty();
  }

  /** Whether there is a batch at hand that no plan in flight has. */
  boolean find(Lookup lookup) {
    if (found.isEmpty() && lookAgain) {
      // So many that at least one of them is not reserved, if there is one.
      int limit = PER_LOOKUP + reserved.size();
      List<Batch> next = lookup.ready(fromOffset, limit);
      // What becomes ready from now on is told.
      fromOffset = next.isEmpty() ? Long.MAX_VALUE : next.get(0).offsets().first();
      for (Batch batch : next) {
        if (!reserved.contains(batch.id())) {
          found.add(batch);
        }
      }
      lookAgain = next.size() == limit;
    }
    return !found.isEmpty();
  }

  /** The next batch; to be called when one was found. */
  Batch take() {
    return found.remove();
  }

  void putBack(Batch batch) {
    found.addFirst(batch);
  }

  void reserve(Batch batch) {
    reserved.add(batch.id());
  }

  /** What a plan had is decided; some of it may be ready still. */
  void release(Collection<LeaseId> batches) {
    for (LeaseId id : batches) {
      reserved.remove(id);
      lookAgain = true;
    }
  }
}
