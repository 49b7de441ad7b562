package io.keelmq.broker.api;

import io.keelmq.v1.OpenConsumer;
import java.util.ArrayDeque;
import java.util.List;

/**
 * One stream of a consumer as its planner sees it: what it wants and how much it can take. Owned by
 * the planner's pass, but for what never changes.
 */
final class Attachment {

  private final LocalConsumer consumer;
  private final ConsumerChanges changes;
  private final String clientId;
  private final TagFilter filter;
  private final long invisibleMillis;
  private final boolean renews;
  private final int maxBatchMessages;
  private final List<LeaseKey> held;

  /** Leases of the client that it does not hold: delivered again under the same name. */
  final ArrayDeque<LeaseKey> again = new ArrayDeque<>();

  long credit;

  /** Granted or handed over, and not known to have left. */
  long unsentBytes;

  /** When it last took something, or began to have something to take. */
  long movedNanos;

  int grantsInFlight;

  /** Wants no more; what it has is given back when all that is granted to it has come. */
  boolean closing;

  /** What it had is being given back. */
  boolean closed;

  boolean gone;

  Attachment(LocalConsumer consumer, ConsumerChanges changes, OpenConsumer open) {
    this.consumer = consumer;
    this.changes = changes;
    this.clientId = open.getClientId();
    this.filter = TagFilter.of(open.getTags());
    this.invisibleMillis =
        open.getInvisibleMillis() == 0
            ? ConsumeChecks.DEFAULT_INVISIBLE_MILLIS
            : open.getInvisibleMillis();
    this.renews = open.getRenew();
    this.maxBatchMessages =
        open.getMaxBatchMessages() == 0
            ? ConsumeChecks.DEFAULT_BATCH_MESSAGES
            : open.getMaxBatchMessages();
    this.held = open.getHeldList().stream().map(LeaseKey::of).toList();
  }

  LocalConsumer consumer() {
    return consumer;
  }

  ConsumerChanges changes() {
    return changes;
  }

  String clientId() {
    return clientId;
  }

  TagFilter filter() {
    return filter;
  }

  long invisibleMillis() {
    return invisibleMillis;
  }

  boolean renews() {
    return renews;
  }

  int maxBatchMessages() {
    return maxBatchMessages;
  }

  List<LeaseKey> held() {
    return held;
  }

  /** Whether messages can be granted to it now. */
  boolean canTake() {
    return !gone && !closing && credit > 0 && unsentBytes < DeliveryPlanner.MAX_UNSENT_BYTES;
  }
}
