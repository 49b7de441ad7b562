package io.keelmq.chaos;

import io.keelmq.v1.TopicType;

/**
 * A topic of a run with consumers, and the producer of the same number that sends to it. Its queues
 * are numbered over the run: those of a lane from {@link #firstQueue}. Immutable.
 */
enum Lane {
  PLAIN(0, "plain", TopicType.NORMAL, 4),
  ORDERED(1, "ordered", TopicType.FIFO, 4),
  TIMERS(2, "timers", TopicType.DELAY, 2),
  DEALS(3, "deals", TopicType.TRANSACTION, 2);

  private static final int QUEUES_OF_A_LANE = 16;

  private final int producer;
  private final String topic;
  private final TopicType type;
  private final int queues;

  Lane(int producer, String topic, TopicType type, int queues) {
    this.producer = producer;
    this.topic = topic;
    this.type = type;
    this.queues = queues;
  }

  String topic() {
    return topic;
  }

  TopicType type() {
    return type;
  }

  int queues() {
    return queues;
  }

  int producer() {
    return producer;
  }

  int firstQueue() {
    return producer * QUEUES_OF_A_LANE;
  }

  /** The run's number of a queue of this topic. */
  int queue(int queue) {
    return firstQueue() + queue;
  }
}
