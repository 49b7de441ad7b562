package io.keelmq.client;

import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Sends messages, each stored exactly once as long as its {@link Receipt} or a definite exception
 * comes back. Thread-safe.
 *
 * <p>Batches form behind what is in flight: an idle producer sends at once, a busy one sends what
 * has gathered. Messages of one thread to one queue are stored in the order of their {@code send}.
 *
 * <p>The queue of a message is the explicit one; else, on a topic of type PRIORITY, the one of its
 * priority; else {@link QueueChoice} of its message group; else of its first key; else batches go
 * round the queues in turn.
 *
 * <p>Futures are completed on the client's own thread: what hangs on them must not block; use the
 * {@code ...Async} variants for work.
 */
public final class Producer implements AutoCloseable {

  private final PublishLine line;

  Producer(PublishLine line) {
    this.line = line;
  }

  /**
   * Takes a message to be sent. Blocks while the buffer is full, for {@code maxBlock} at the most,
   * and while no route to the topic is known yet.
   *
   * @return the receipt; or {@link RequestRejected} (not stored), {@link Unavailable} (not stored,
   *     no leader within {@code deliveryTimeout}), {@link ClientClosed} (not stored), {@link
   *     OutcomeUnknown} (may be stored)
   * @throws RequestRejected at once for a message that breaks a limit, or an unknown topic or queue
   * @throws Overloaded when the buffer stayed full
   * @throws Unavailable when no route was found within {@code maxBlock}
   * @throws ClientClosed when the producer is closed
   */
  public CompletableFuture<Receipt> send(OutgoingMessage message) {
    return line.send(message, false);
  }

  /**
   * Sends and waits for the receipt; the deadline is the producer's {@code deliveryTimeout}. Throws
   * what {@link #send} throws or completes with. Not to be called from a future's callback.
   */
  public Receipt sendSync(OutgoingMessage message) {
    return line.sendSync(message, false);
  }

  /**
   * Sends a message that nobody sees until it is committed, to a topic of type TRANSACTION: the
   * receipt has the id by which it is. Otherwise as {@link #send}.
   *
   * <p>While it is undecided the group asks producers that were opened with {@link
   * Builder#onCheck}, this or another one: first after 6 s or {@link
   * OutgoingMessage.Builder#firstCheck}, then every 30 s. When such a producer was there 15 times,
   * or none for about 22 hours, it is rolled back.
   */
  public CompletableFuture<Receipt> sendHalf(OutgoingMessage message) {
    return line.send(message, true);
  }

  /** {@link #sendHalf}, and waits for the receipt. */
  public Receipt sendHalfSync(OutgoingMessage message) {
    return line.sendSync(message, true);
  }

  /** Gives a half message its place; see {@link HeldMessages#commit}. */
  public CompletableFuture<HeldMessages.Placed> commit(Receipt half) {
    return line.held().commit(half.topic(), heldId(half));
  }

  /** Takes a half message away; see {@link HeldMessages#rollback}. */
  public CompletableFuture<Void> rollback(Receipt half) {
    return line.held().rollback(half.topic(), heldId(half));
  }

  /** Takes back a delayed message; see {@link HeldMessages#recall}. */
  public CompletableFuture<Void> recall(Receipt delayed) {
    return line.held().recall(delayed.topic(), heldId(delayed));
  }

  private static String heldId(Receipt receipt) {
    if (!receipt.isHeld()) {
      throw new IllegalArgumentException(
          "message " + receipt.messageId() + " has its place already: it was not sent to wait");
    }
    return receipt.heldId();
  }

  /**
   * Waits until every message sent before is settled, one way or the other.
   *
   * @return false when the time was over first
   */
  public boolean flush(Duration timeout) {
    return line.flush(timeout);
  }

  public ProducerStats stats() {
    return line.stats();
  }

  /** How this producer is known to the brokers. */
  public String producerId() {
    return line.producerId();
  }

  /**
   * Waits up to the delivery timeout for what is buffered, then closes; what is not settled then
   * fails. Idempotent.
   */
  @Override
  public void close() {
    line.close();
  }

  /** Collects a producer's options. For one thread. */
  public static final class Builder {

    /** The broker's limit is 8 MiB of records in a batch. */
    static final int MAX_BATCH_BYTES = 4 << 20;

    /** The broker's limit is 4,096. */
    static final int MAX_BATCH_MESSAGES = 1_024;

    /** The broker remembers 64 batches of a producer. */
    static final int MAX_IN_FLIGHT_BATCHES = 64;

    /** The broker's limit. */
    static final int MAX_CHECK_TOPICS = 256;

    private final ClientCore core;
    int batchBytes = 64 << 10;
    int batchMessages = MAX_BATCH_MESSAGES;
    int maxInFlightBatches = 32;
    long bufferBytes = 32L << 20;
    Duration maxBlock = Duration.ofSeconds(10);
    Duration deliveryTimeout = Duration.ofSeconds(30);
    Set<String> checkTopics = Set.of();
    CheckListener checkListener;

    Builder(ClientCore core) {
      this.core = core;
    }

    /**
     * Size at which a batch is full, 1 KiB to 4 MiB; default 64 KiB. A larger message goes alone.
     */
    public Builder batchBytes(int bytes) {
      batchBytes = Options.inRange("batchBytes", bytes, 1 << 10, MAX_BATCH_BYTES);
      return this;
    }

    /** Messages at which a batch is full, 1 to 1,024; default 1,024. */
    public Builder batchMessages(int messages) {
      batchMessages = Options.inRange("batchMessages", messages, 1, MAX_BATCH_MESSAGES);
      return this;
    }

    /** Batches that may wait for receipts, 1 to 64; default 32; the broker may allow fewer. */
    public Builder maxInFlightBatches(int batches) {
      maxInFlightBatches = Options.inRange("maxInFlightBatches", batches, 1, MAX_IN_FLIGHT_BATCHES);
      return this;
    }

    /** Bytes of unsettled messages that the producer holds, 64 KiB to 4 GiB; default 32 MiB. */
    public Builder bufferBytes(long bytes) {
      bufferBytes = Options.inRange("bufferBytes", bytes, 64L << 10, 4L << 30);
      return this;
    }

    /** How long {@code send} may block on a full buffer or a missing route; 0: fail at once. */
    public Builder maxBlock(Duration time) {
      maxBlock = Options.notNegative("maxBlock", time);
      return this;
    }

    /** How long a message may take from {@code send} to its receipt; default 30 s. */
    public Builder deliveryTimeout(Duration time) {
      deliveryTimeout = Options.positive("deliveryTimeout", time);
      return this;
    }

    /**
     * Answers what became of half messages of these topics, of this producer and of others: each
     * check goes to one of the producers that are connected to a replica. The producer then keeps a
     * stream open. A decision that does not get through is asked for again.
     *
     * @param topics of type TRANSACTION, 1 to 256
     */
    public Builder onCheck(Set<String> topics, CheckListener listener) {
      Options.inRange("topics of onCheck", topics.size(), 1, MAX_CHECK_TOPICS);
      topics.forEach(MessageChecks::checkTopic);
      checkTopics = Set.copyOf(topics);
      checkListener = Objects.requireNonNull(listener, "listener");
      return this;
    }

    /**
     * Returns at once; the stream is opened with the first message. With {@link #onCheck} it is
     * opened now, and the routes to the topics are waited for, for {@code maxBlock} at the most.
     *
     * @throws RequestRejected a topic of {@code onCheck} does not exist
     * @throws Unavailable no route to it was found
     */
    public Producer open() {
      return new Producer(core.openLine(this));
    }
  }
}
