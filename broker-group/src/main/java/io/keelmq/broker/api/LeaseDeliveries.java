package io.keelmq.broker.api;

import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.StateView.Batch;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.Trimmed;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Leases on their way to their consumers: their records are read and handed over as they lie in the
 * log; what cannot be handed over is given back. Owned by the planner's pass.
 */
final class LeaseDeliveries {

  /** Of records in one delivery, but for a single message that is larger. */
  static final int MAX_DELIVERY_BYTES = 1 << 20;

  /** An entry can be applied before it is in the local log; it is asked for this many times. */
  private static final int MAX_TRIES = 400;

  private static final Logger LOG = LoggerFactory.getLogger(LeaseDeliveries.class);

  /** A lease whose records cannot be read yet. */
  private static final class Stalled {
    private final Attachment to;
    private Leased leased;
    private int tries;

    Stalled(Attachment to, Leased leased) {
      this.to = to;
      this.leased = leased;
    }
  }

  /**
   * @param again delivered before as the same attempt
   */
  record Leased(
      LeaseKey lease,
      OffsetSet offsets,
      List<StoredRun> runs,
      int attempt,
      long deadlineMillis,
      boolean again) {

    Leased with(List<StoredRun> lookedUp) {
      return new Leased(lease, offsets, lookedUp, attempt, deadlineMillis, again);
    }
  }

  private final Edge edge;
  private final DeliveryPlanners.Key key;
  private final RecordSource records;
  private final PlannerClients clients;
  private final InFlightBytes unsent;
  private final ArrayDeque<Stalled> stalled = new ArrayDeque<>();

  LeaseDeliveries(
      Edge edge,
      DeliveryPlanners.Key key,
      RecordSource records,
      PlannerClients clients,
      InFlightBytes unsent) {
    this.edge = edge;
    this.key = key;
    this.records = records;
    this.clients = clients;
    this.unsent = unsent;
  }

  /** Delivers a lease, or gives it back if its consumer takes no more. */
  void deliver(Attachment to, Leased leased) {
    if (!tryToDeliver(to, leased)) {
      stalled.add(new Stalled(to, leased));
    }
  }

  /** Delivers once more what a client has leased and does not hold, as far as its credit goes. */
  void deliverAgain(Attachment to, LeaseKey lease) {
    Optional<Batch> found = clients.leased(lease, to.clientId());
    if (found.isEmpty()) {
      return;
    }
    Batch batch = found.get();
    OffsetSet offsets = batch.offsets().lowest((int) Math.min(Integer.MAX_VALUE, to.credit));
    OffsetSet rest = batch.offsets().minus(offsets);
    if (!rest.isEmpty()) {
      clients.release(lease, rest);
    }
    to.credit -= offsets.size();
    List<StoredRun> runs = runsOf(lease, offsets);
    deliver(to, new Leased(lease, offsets, runs, batch.attempt(), batch.deadlineMillis(), true));
  }

  private List<StoredRun> runsOf(LeaseKey lease, OffsetSet offsets) {
    return RecordSource.runs(edge.replica().state(), key.topicId(), lease.queue(), offsets);
  }

  boolean hasStalled() {
    return !stalled.isEmpty();
  }

  boolean hasStalled(Attachment to) {
    return stalled.stream().anyMatch(one -> one.to == to);
  }

  /** Tries again what could not be read; tells whose leases were decided. */
  Set<Attachment> retry() {
    var decided = new HashSet<Attachment>();
    for (int left = stalled.size(); left > 0; left--) {
      Stalled one = stalled.remove();
      // Its bytes may have been relocated since the runs were looked up.
      one.leased = one.leased.with(runsOf(one.leased.lease(), one.leased.offsets()));
      if (tryToDeliver(one.to, one.leased)) {
        decided.add(one.to);
        continue;
      }
      if (++one.tries < MAX_TRIES) {
        stalled.add(one);
      } else {
        LOG.error(
            "topic={} queue={} the records of a lease cannot be read here: it is given back",
            key.topicId(),
            one.leased.lease().queue());
        one.to.credit += one.leased.offsets().size();
        clients.release(one.leased.lease(), OffsetSet.EMPTY);
        decided.add(one.to);
      }
    }
    return decided;
  }

  private boolean tryToDeliver(Attachment to, Leased leased) {
    LeaseKey lease = leased.lease();
    if (to.gone || to.closing || !clients.isAttached(to)) {
      clients.release(lease, OffsetSet.EMPTY);
      return true;
    }
    RecordSource.Found found = records.read(leased.offsets(), leased.runs(), MAX_DELIVERY_BYTES);
    long firstOffset = edge.replica().state().bounds(key.topicId(), lease.queue()).firstOffset();
    if (found.missingEntry().isPresent() && leased.offsets().last() >= firstOffset) {
      return false;
    }
    OffsetSet left = leased.offsets().minus(found.offsets());
    to.credit += left.size();
    OffsetSet trimmed = left.between(0, firstOffset);
    if (!trimmed.isEmpty()) {
      clients.drop(lease, trimmed);
      to.consumer()
          .trimmed(
              Trimmed.newBuilder()
                  .setQueue(lease.queue())
                  .setWantedOffset(trimmed.first())
                  .setFirstOffset(firstOffset)
                  .build());
    }
    OffsetSet tooMuch = left.minus(trimmed);
    if (!tooMuch.isEmpty()) {
      clients.release(lease, tooMuch);
    }
    if (!found.offsets().isEmpty()) {
      hand(to, leased, found);
    }
    return true;
  }

  private void hand(Attachment to, Leased leased, RecordSource.Found found) {
    int messages = found.offsets().size();
    long bytes = found.records().size();
    var delivery =
        Delivery.newBuilder()
            .setLease(leased.lease().toRef())
            .setRecords(found.records())
            .setAttempt(leased.attempt())
            .setDeadlineMillis(leased.deadlineMillis())
            .addAllStoreTimesMillis(found.storeTimesMillis());
    for (int range = 0; range < found.offsets().ranges(); range++) {
      delivery.addOffsets(
          OffsetRange.newBuilder()
              .setFirst(found.offsets().rangeFirst(range))
              .setCount(
                  (int) (found.offsets().rangeEnd(range) - found.offsets().rangeFirst(range))));
    }
    to.unsentBytes += bytes;
    unsent.add(bytes);
    clients.delivered(to, leased.lease(), messages);
    to.finishing = to.isPoll();
    edge.stats().deliveredMessages.add(messages);
    edge.stats().deliveredBytes.add(bytes);
    if (leased.again() || leased.attempt() > 1) {
      edge.stats().redeliveredMessages.add(messages);
    }
    to.consumer().deliver(delivery.build());
  }
}
