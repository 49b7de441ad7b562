package io.keelmq.client;

import io.keelmq.v1.Code;

/**
 * Retention removed messages that a reader had not reached: offsets {@link #fromOffset} (inclusive)
 * to {@link #toOffset} (exclusive) of the queue are gone. Thrown once by {@link Reader#poll}, after
 * all messages before the range and before any behind it; the next poll goes on at {@link
 * #toOffset}. Go on polling if the loss is acceptable.
 */
public final class MessagesTrimmed extends KeelException {

  private static final long serialVersionUID = 1L;

  private final String topic;
  private final int queue;
  private final long fromOffset;
  private final long toOffset;

  MessagesTrimmed(String topic, int queue, long fromOffset, long toOffset) {
    super(
        Code.OFFSET_OUT_OF_RANGE,
        "topic %s queue %d: offsets %d to %d were removed by retention before they were read; reading goes on at %d"
            .formatted(topic, queue, fromOffset, toOffset - 1, toOffset),
        null);
    this.topic = topic;
    this.queue = queue;
    this.fromOffset = fromOffset;
    this.toOffset = toOffset;
  }

  public String topic() {
    return topic;
  }

  public int queue() {
    return queue;
  }

  /** The first lost offset. */
  public long fromOffset() {
    return fromOffset;
  }

  /** Where reading goes on. */
  public long toOffset() {
    return toOffset;
  }

  @Override
  MessagesTrimmed rethrown() {
    return new MessagesTrimmed(topic, queue, fromOffset, toOffset);
  }
}
