package io.keelmq.client;

import io.keelmq.v1.ReadFrom;
import java.time.Instant;
import java.util.Objects;

/** Where reading begins in a queue. Immutable. */
public sealed interface StartAt {

  /** The oldest retained message. */
  static StartAt earliest() {
    return new Fixed(ReadFrom.newBuilder().setEarliest(true).build());
  }

  /** Behind the last message stored before the reader was opened. */
  static StartAt latest() {
    return new Fixed(ReadFrom.newBuilder().setLatest(true).build());
  }

  /** The first message at or after this offset. */
  static StartAt offset(long offset) {
    if (offset < 0) {
      throw new IllegalArgumentException("offset " + offset + ": offsets count from 0");
    }
    return new Fixed(ReadFrom.newBuilder().setOffset(offset).build());
  }

  /** The first message stored at or after this log time. */
  static StartAt time(Instant time) {
    return new Fixed(ReadFrom.newBuilder().setTimeMillis(time.toEpochMilli()).build());
  }

  /** Where the consumer group has come to; {@link #earliest} in queues it has not touched. */
  static StartAt committed(String consumerGroup) {
    return committed(consumerGroup, earliest());
  }

  /**
   * Where the consumer group has come to.
   *
   * @param otherwise for queues it has not touched; not itself {@code committed}
   */
  static StartAt committed(String consumerGroup, StartAt otherwise) {
    if (!(otherwise instanceof Fixed fixed)) {
      throw new IllegalArgumentException("committed(.., otherwise): otherwise must be a place");
    }
    return new Committed(Objects.requireNonNull(consumerGroup), fixed);
  }

  /** A place that does not depend on a consumer group. */
  record Fixed(ReadFrom from) implements StartAt {}

  /** A place kept by a consumer group. */
  record Committed(String consumerGroup, Fixed otherwise) implements StartAt {}
}
