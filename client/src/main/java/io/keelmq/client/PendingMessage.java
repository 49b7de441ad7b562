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
  final CompletableFuture<Receipt> result = new CompletableFuture<>();

  /** Set by the loop when the result is settled. */
  boolean settled;

  PendingMessage(
      String topic, int queue, int queues, String messageId, byte[] record, long deadlineNanos) {
    this.topic = topic;
    this.queue = queue;
    this.queues = queues;
    this.messageId = messageId;
    this.record = record;
    this.deadlineNanos = deadlineNanos;
  }
}
