package io.keelmq.chaos;

import io.keelmq.v1.TopicType;

/**
 * A topic of a run with consumers, and the producer of the same number that sends to it. Its queues
 * are numbered over the run: those of a lane from {@link #firstQueue}. Immutable.
 */
enum Lane {
  PLAIN("plain", TopicType.NORMAL, 4),
  ORDERED("ordered", TopicType.FIFO, 4),
  TIMERS("timers", TopicType.DELAY, 2),
  DEALS("deals", TopicType.TRANSACTION, 2);

  private static final int QUEUES_OF_A_LANE = 16;

  private final String topic;
  private final TopicType type;
  private final int queues;

  Lane(String topic, TopicType type, int queues) {
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
    return ordinal();
  }

  int firstQueue() {
    return ordinal() * QUEUES_OF_A_LANE;
  }

  /** The run's number of a queue of this topic. */
  int queue(int queue) {
    return firstQueue() + queue;
  }
}
