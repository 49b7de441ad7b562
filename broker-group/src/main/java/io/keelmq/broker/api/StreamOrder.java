package io.keelmq.broker.api;

import io.keelmq.v1.OpenConsumer;

/**
 * Which of two streams of a client its consumer opened later. They can arrive the other way round:
 * what a replica forwards is on its way longer, and calls of one connection overtake each other.
 */
record StreamOrder(long consumerId, int stream, int forward) {

  static final StreamOrder UNKNOWN = new StreamOrder(0, 0, 0);

  static StreamOrder of(OpenConsumer open) {
    return new StreamOrder(open.getConsumerId(), open.getStreamNumber(), open.getForwardNumber());
  }

  /** Only streams of one consumer can be told apart. */
  boolean isBefore(StreamOrder other) {
    if (consumerId == 0 || consumerId != other.consumerId) {
      return false;
    }
    return stream != other.stream ? stream < other.stream : forward < other.forward;
  }
}
