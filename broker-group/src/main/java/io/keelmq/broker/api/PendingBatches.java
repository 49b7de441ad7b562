package io.keelmq.broker.api;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A session's batches without a receipt, oldest first, and how far they were handed over. Bounded
 * by the session, which takes no more than its window. Owned by the session's turn.
 */
final class PendingBatches {

  private final InFlightBytes inFlight;
  private final List<PendingBatch> batches = new ArrayList<>();
  private long bytes;
  // Batches, from the oldest, that were handed to the target or are decided.
  private int handedOver;

  PendingBatches(InFlightBytes inFlight) {
    this.inFlight = inFlight;
  }

  int size() {
    return batches.size();
  }

  boolean isEmpty() {
    return batches.isEmpty();
  }

  long bytes() {
    return bytes;
  }

  void add(PendingBatch batch) {
    batches.add(batch);
    bytes += batch.bytes();
    inFlight.add(batch.bytes());
  }

  /** Takes out the batches that are decided up to the first that is not. */
  List<PendingBatch> takeDecided() {
    int count = 0;
    while (count < batches.size() && batches.get(count).isDecided()) {
      bytes -= batches.get(count).bytes();
      inFlight.release(batches.get(count).bytes());
      count++;
    }
    if (count == 0) {
      return List.of();
    }
    var decided = List.copyOf(batches.subList(0, count));
    batches.subList(0, count).clear();
    handedOver = Math.max(0, handedOver - count);
    return decided;
  }

  /** The batch whose turn it is to be handed over. */
  Optional<PendingBatch> next() {
    while (handedOver < batches.size() && batches.get(handedOver).isDecided()) {
      handedOver++;
    }
    return handedOver < batches.size() ? Optional.of(batches.get(handedOver)) : Optional.empty();
  }

  /** {@link #next} was handed over. */
  void advance() {
    handedOver++;
  }

  /** This batch and all behind it are handed over again; those before it are on their way. */
  void goBackTo(PendingBatch batch) {
    handedOver = batches.indexOf(batch);
    batches.subList(handedOver, batches.size()).forEach(PendingBatch::rewind);
  }

  void goBackToTheOldest() {
    handedOver = 0;
    batches.forEach(PendingBatch::rewind);
  }

  boolean hasUndecidedBefore(PendingBatch batch) {
    for (PendingBatch earlier : batches) {
      if (earlier == batch) {
        return false;
      }
      if (!earlier.isDecided()) {
        return true;
      }
    }
    return false;
  }

  void giveUp(Refusal why) {
    for (PendingBatch batch : batches) {
      if (!batch.isDecided()) {
        batch.giveUp(why);
      }
    }
    handedOver = batches.size();
  }

  /** Forgets them all; their producer is gone. */
  void clear() {
    batches.forEach(batch -> inFlight.release(batch.bytes()));
    batches.clear();
    bytes = 0;
    handedOver = 0;
  }
}
