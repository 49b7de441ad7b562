package io.keelmq.broker.state;

/** Why a command changed nothing. The codes are stored with replies and never change. */
public enum Rejection {
  INVALID(1),
  ILLEGAL_TOPIC(2),
  ILLEGAL_CONSUMER_GROUP(3),
  ILLEGAL_OFFSET(4),
  TOPIC_NOT_FOUND(5),
  TOPIC_EXISTS(6),
  QUEUE_NOT_FOUND(7),
  CONSUMER_GROUP_NOT_FOUND(8),
  CONSUMER_GROUP_EXISTS(9),
  CONSUMER_GROUP_KIND_CONFLICT(10),
  OFFSET_OUT_OF_RANGE(11),
  SEQUENCE_GAP(12),
  SEQUENCE_TOO_OLD(13),
  PRODUCER_UNKNOWN(14),
  PRODUCER_FENCED(15),
  /** The consumer group was moved since the caller learned its epoch. */
  EPOCH_FENCED(16),
  /** A bound is reached that nothing can be evicted for; try again later. */
  TOO_MANY(17),
  /** The message has what its topic's type does not take. */
  MESSAGE_TYPE_CONFLICT(18),
  ILLEGAL_DELIVERY_TIME(19),
  ILLEGAL_INVISIBLE_TIME(20),
  /** No delayed or half message has the id. */
  HELD_NOT_FOUND(21),
  /** A half message was decided otherwise. */
  TRANSACTION_DECIDED(22),
  /** The group's members do not allow it now. */
  MEMBERSHIP(40),
  /** The group has not reached the feature level that the command needs. */
  FEATURE_LEVEL(41);

  private final int code;

  Rejection(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /**
   * @throws IllegalArgumentException if no rejection has the code
   */
  public static Rejection ofCode(int code) {
    for (Rejection rejection : values()) {
      if (rejection.code == code) {
        return rejection;
      }
    }
    throw new IllegalArgumentException("rejection " + code + ": expected 1 to 22, 40 or 41");
  }
}
