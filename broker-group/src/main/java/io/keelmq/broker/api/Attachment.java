package io.keelmq.broker.api;

import io.keelmq.broker.state.GroupSettings;
import io.keelmq.v1.ConsumerOpened;
import io.keelmq.v1.OpenConsumer;
import java.util.ArrayDeque;
import java.util.List;

/**
 * A consumer as its planner sees it: what it wants and how much it can take. Either one stream of a
 * client, which takes messages for as long as it lives, or a poll, which takes what there is once.
 * Owned by the planner's pass, but for what never changes.
 */
final class Attachment {

  private final PlannedConsumer consumer;
  private final ConsumerChanges changes;
  private final PollWish wish;
  private final boolean poll;
  private final boolean renews;
  private final List<LeaseKey> held;
  private final StreamOrder order;

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

  /** Of a poll: something has come, or its time is over; what is under way still belongs to it. */
  boolean finishing;

  /** What it had is being given back, or the poll was told that it has all. */
  boolean closed;

  boolean gone;

  private Attachment(
      PlannedConsumer consumer,
      ConsumerChanges changes,
      PollWish wish,
      boolean poll,
      boolean renews,
      List<LeaseKey> held,
      StreamOrder order) {
    this.consumer = consumer;
    this.changes = changes;
    this.wish = wish;
    this.poll = poll;
    this.renews = renews;
    this.held = held;
    this.order = order;
  }

  /** A stream, with no credit yet. */
  static Attachment stream(PlannedConsumer consumer, ConsumerChanges changes, OpenConsumer open) {
    var wish =
        new PollWish(
            open.getClientId(),
            "",
            TagFilter.of(open.getTags()),
            open.getInvisibleMillis() == 0
                ? ConsumeChecks.DEFAULT_INVISIBLE_MILLIS
                : open.getInvisibleMillis(),
            open.getMaxBatchMessages() == 0
                ? ConsumeChecks.DEFAULT_BATCH_MESSAGES
                : open.getMaxBatchMessages(),
            List.of());
    return new Attachment(
        consumer,
        changes,
        wish,
        false,
        open.getRenew(),
        open.getHeldList().stream().map(LeaseKey::of).toList(),
        StreamOrder.of(open));
  }

  static Attachment poll(PlannedConsumer consumer, ConsumerChanges changes, PollWish wish) {
    var poll = new Attachment(consumer, changes, wish, true, false, List.of(), StreamOrder.UNKNOWN);
    poll.credit = wish.messages();
    poll.again.addAll(wish.again());
    return poll;
  }

  PlannedConsumer consumer() {
    return consumer;
  }

  ConsumerChanges changes() {
    return changes;
  }

  boolean isPoll() {
    return poll;
  }

  String clientId() {
    return wish.clientId();
  }

  String attemptId() {
    return wish.attemptId();
  }

  MessageFilter filter() {
    return wish.filter();
  }

  long invisibleMillis() {
    return wish.invisibleMillis();
  }

  boolean renews() {
    return renews;
  }

  int maxBatchMessages() {
    return wish.messages();
  }

  List<LeaseKey> held() {
    return held;
  }

  /** Whether its client has opened the other one since, though this one arrives later. */
  boolean isBefore(Attachment other) {
    return order.isBefore(other.order);
  }

  /**
   * @param lost what the client holds and has no more
   */
  ConsumerOpened opened(GroupSettings group, List<LeaseKey> lost) {
    return ConsumerOpened.newBuilder()
        .setMaxSettlesInFlight(ConsumeSession.MAX_SETTLES_IN_FLIGHT)
        .setInvisibleMillis(invisibleMillis())
        .setFifo(group.fifo())
        .setMaxAttempts(group.maxAttempts())
        .addAllLost(lost.stream().map(LeaseKey::toRef).toList())
        .build();
  }

  /** Whether messages can be granted to it now. */
  boolean canTake() {
    return !gone
        && !closing
        && (!finishing || !again.isEmpty())
        && credit > 0
        && unsentBytes < DeliveryPlanner.MAX_UNSENT_BYTES;
  }

  /** Whether a poll has all that it gets. */
  boolean isFinished() {
    return finishing && !gone && !closed && grantsInFlight == 0 && (again.isEmpty() || credit <= 0);
  }
}
