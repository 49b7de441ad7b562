package io.keelmq.client;

import java.util.concurrent.CompletableFuture;

/**
 * A message on its way: its bytes as they will be stored, and who waits for it. Made by the
 * sender's thread, then owned by the loop.
 */
final class PendingMessage {

  final String topic;

  /** {@link OutgoingMessage#NO_QUEUE} until its first batch takes a queue; kept from then on. */
  int queue;

  /** Queues of the topic, for a batch that chooses one. */
  final int queues;

  final String messageId;

  /** The serialized message after its length. */
  final byte[] record;

  final long deadlineNanos;

  /** When the message gets its place. */
  final Placing placing;

  final CompletableFuture<Receipt> result = new CompletableFuture<>();

  /** Set by the loop when the result is settled. */
  boolean settled;

  /**
   * @param deliverAtMillis 0: at once
   * @param half when its transaction is committed
   * @param firstCheckMillis 0: the broker's default
   */
  record Placing(long deliverAtMillis, boolean half, long firstCheckMillis) {
    static final Placing AT_ONCE = new Placing(0, false, 0);
  }

  PendingMessage(
      String topic, int queue, int queues, String messageId, byte[] record, long deadlineNanos) {
    this(topic, queue, queues, messageId, record, deadlineNanos, Placing.AT_ONCE);
  }

  PendingMessage(
      String topic,
      int queue,
      int queues,
      String messageId,
      byte[] record,
      long deadlineNanos,
      Placing placing) {
    this.placing = placing;
    this.topic = topic;
    this.queue = queue;
    this.queues = queues;
    this.messageId = messageId;
    this.record = record;
    this.deadlineNanos = deadlineNanos;
  }
}
