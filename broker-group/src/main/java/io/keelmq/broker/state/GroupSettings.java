package io.keelmq.broker.state;

/**
 * How a consumer group behaves. All but the kind are of groups of kind {@link GroupKind#LEASE}.
 *
 * @param fifo messages of one message group are delivered one after the other
 * @param maxAttempts deliveries before a message goes to the dead letter topic
 * @param fromLatest begins after the last message of a topic that it has not consumed before,
 *     instead of at the earliest
 */
public record GroupSettings(GroupKind kind, boolean fifo, int maxAttempts, boolean fromLatest) {

  /** The first delivery and sixteen repeats, as RocketMQ's. */
  public static final int DEFAULT_MAX_ATTEMPTS = 17;

  /** The defaults of a kind. */
  public static GroupSettings of(GroupKind kind) {
    return new GroupSettings(kind, false, DEFAULT_MAX_ATTEMPTS, false);
  }

  /** For a sentence that ends in it. */
  String describe() {
    return kind == GroupKind.OFFSET
        ? "of kind offset"
        : "of kind lease, "
            + (fifo ? "FIFO, " : "not FIFO, ")
            + maxAttempts
            + " attempts, from "
            + (fromLatest ? "latest" : "earliest");
  }
}
