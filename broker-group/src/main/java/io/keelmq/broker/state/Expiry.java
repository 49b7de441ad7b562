package io.keelmq.broker.state;

import io.keelmq.broker.state.Deadlines.Deadline;
import java.util.Optional;

/** Ends leases whose deadline has passed. Stateless. */
final class Expiry {

  private Expiry() {}

  /**
   * @param due of kind {@link Deadlines.Kind#LEASE}; says only where to look
   */
  static void serve(LeaseStep step, Deadline due) {
    Optional<QueueLeases> open =
        step.open(due.subscription())
            .filter(queue -> queue.generation() == due.lease().generation());
    if (open.isEmpty()) {
      return;
    }
    QueueLeases queue = open.get();
    queue
        .find(due.lease().lease())
        .filter(batch -> !batch.isReady() && batch.deadlineMillis() == due.timeMillis())
        .ifPresent(batch -> expire(queue, batch));
  }

  private static void expire(QueueLeases queue, LeaseBatch batch) {
    boolean last = batch.attempt() >= queue.maxAttempts();
    if (batch.state() == LeaseBatch.State.DOOMED) {
      queue.buryMore(batch);
    } else if (batch.hash() != 0) {
      // Of several of a message group the first was worked on, or none was.
      Settlements.nackInOrder(queue, batch, batch.offsets().first(), 0, last);
    } else if (last) {
      queue.take(batch, batch.offsets());
      queue.bury(batch.offsets(), batch.attempt());
    } else {
      queue.replace(batch, batch.madeReady());
    }
  }
}
