package io.keelmq.client;

import io.keelmq.common.Durations;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * Works on the messages of a topic for a consumer group whose kind is LEASE: each message goes to
 * one consumer of the group at a time, and comes again until it is acknowledged or its attempts are
 * used up. Thread-safe.
 *
 * <p>Two faces. With a {@link Builder#listener}, messages are pushed to it on threads of the
 * consumer; without one, {@link #receive} takes them. Either way the broker sends ahead, no more
 * than {@link Builder#maxInFlight} messages that are not settled.
 *
 * <p>Broken streams and leader changes are lived through: the consumer opens another stream under
 * the same client id with the leases it holds, and repeats decisions that have no answer. Nothing
 * is given out meanwhile. A message may come more than once: when a lease ended before its ack, or
 * an ack was lost with its stream. It never comes out of a FIFO group before an earlier one of its
 * message group is settled.
 */
public final class Consumer implements AutoCloseable {

  private final ConsumeSession session;
  private final Inbox inbox;
  private final ClientCore core;
  private final Builder options;

  Consumer(ClientCore core, Builder options, ConsumeSession session, Inbox inbox) {
    this.core = core;
    this.options = options;
    this.session = session;
    this.inbox = inbox;
  }

  /**
   * The next messages, at most {@code max}; waits until there is one or the time is over. Each is
   * to be settled; what is not comes again when its lease ends or the consumer is closed.
   *
   * @return empty when there was none in time
   * @throws RequestRejected the topic or the consumer group is gone, or does not fit; the consumer
   *     is done
   * @throws Unavailable no replica has served it for 30 s; it keeps trying, and receiving on is
   *     right
   * @throws ClientClosed the consumer was closed
   * @throws IllegalStateException it has a listener
   */
  public List<ConsumedMessage> receive(int max, Duration wait) {
    Options.inRange("max", max, 1, Builder.MAX_IN_FLIGHT);
    Options.notNegative("wait", wait);
    if (!(inbox instanceof PullInbox pull)) {
      throw new IllegalStateException("the consumer has a listener, which gets the messages");
    }
    if (core.loop().isCurrent()) {
      throw new IllegalStateException(
          "receive from a callback of this client would wait for itself; use another thread");
    }
    return pull.receive(max, wait, session::complaint);
  }

  /**
   * When the consumer has come to its end: normally by {@link #close}, or with {@link
   * RequestRejected} when the broker refuses it for good (the topic was deleted).
   */
  public CompletableFuture<Void> ended() {
    return session.end().copy();
  }

  public ConsumerStats stats() {
    return session.stats();
  }

  /** How this consumer is known to the brokers. */
  public String clientId() {
    return options.clientId;
  }

  /**
   * Ends in order, within {@link Builder#closeTimeout}: takes nothing more, lets running listeners
   * finish (then interrupts them), waits until every decision is stored, and gives the rest back to
   * the group, which counts as no attempt. What is not stored by then ends in {@link
   * OutcomeUnknown} or {@link ClientClosed}; every future completes. Idempotent.
   *
   * @throws IllegalStateException from the listener itself, for which it would have to wait
   */
  @Override
  public void close() {
    if (inbox.isCurrent()) {
      throw new IllegalStateException(
          "close from the listener would wait for itself; use another thread");
    }
    long deadline = core.loop().nanoTime() + options.closeTimeout.toNanos();
    session.stopCredit();
    inbox.stop();
    if (!core.isClosed() && !core.loop().isCurrent()) {
      try {
        inbox.awaitIdle(deadline - core.loop().nanoTime());
        session.closeWhenSettled();
        session.awaitEnd(deadline - core.loop().nanoTime());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    session.abort("the consumer was closed");
    core.forget(this);
  }

  /**
   * Leaves at once and without a word, as a crash would: messages that are not settled come again
   * when the broker has noticed, a second or so later, and it counts as an attempt. Decisions
   * without an answer end in {@link OutcomeUnknown}.
   */
  public void abandon() {
    inbox.stop();
    session.abort("the consumer was abandoned");
    core.forget(this);
  }

  /** Collects a consumer's options. For one thread. */
  public static final class Builder {

    static final int MAX_IN_FLIGHT = 10_000;

    /** The broker's limit for one delivery is 256. */
    private static final int BATCH_MESSAGES = 64;

    private static final int MAX_CLIENT_ID_BYTES = 255;
    private static final Duration MIN_INVISIBLE = Duration.ofSeconds(1);
    private static final Duration MAX_INVISIBLE = Duration.ofHours(12);

    private final ClientCore core;
    String group = "";
    String topic = "";
    String tags = "";
    String clientId = ProducerIds.random();
    MessageListener listener;
    int concurrency = 1;
    int maxInFlight = 1_024;
    long maxInFlightBytes = 64L << 20;
    Duration invisible = Duration.ofSeconds(30);
    boolean renew = true;
    Duration firstBackoff = Duration.ofSeconds(1);
    Duration mostBackoff = Duration.ofMinutes(1);
    Duration openTimeout;
    Duration closeTimeout = Duration.ofSeconds(10);
    java.util.function.Consumer<MessagesTrimmed> onTrimmed;

    Builder(ClientCore core) {
      this.core = core;
      openTimeout = core.callTimeout();
    }

    /** The consumer group; made with its defaults (not FIFO, 17 attempts) if it is not there. */
    public Builder group(String consumerGroup) {
      group = Objects.requireNonNull(consumerGroup, "group");
      return this;
    }

    public Builder topic(String topic) {
      this.topic = Objects.requireNonNull(topic, "topic");
      return this;
    }

    /**
     * Only messages with one of these tags, separated by {@code ||}; the others count as consumed
     * by the group. Default: all.
     */
    public Builder tags(String tags) {
      this.tags = Objects.requireNonNull(tags, "tags");
      return this;
    }

    /** Pushes messages to this listener, on threads of the consumer. */
    public Builder listener(MessageListener listener) {
      this.listener = Objects.requireNonNull(listener, "listener");
      return this;
    }

    /** Messages that the listener works on at once, 1 to 1,024; default 1. */
    public Builder concurrency(int threads) {
      concurrency = Options.inRange("concurrency", threads, 1, 1_024);
      return this;
    }

    /** Unsettled messages that the broker sends at the most, 1 to 10,000; default 1,024. */
    public Builder maxInFlight(int messages) {
      maxInFlight = Options.inRange("maxInFlight", messages, 1, MAX_IN_FLIGHT);
      return this;
    }

    /**
     * Bytes of unsettled messages beyond which nothing is read from the broker, 64 KiB to 4 GiB;
     * default 64 MiB. A few deliveries that are on their way may come above it.
     */
    public Builder maxInFlightBytes(long bytes) {
      maxInFlightBytes = Options.inRange("maxInFlightBytes", bytes, 64L << 10, 4L << 30);
      return this;
    }

    /** How long a lease lasts unless it is renewed or extended, 1 s to 12 h; default 30 s. */
    public Builder invisibleDuration(Duration time) {
      checkInvisible("invisibleDuration", time);
      invisible = time;
      return this;
    }

    /**
     * True (default): leases last as long as the consumer's stream lives. False: a message has to
     * be settled or extended within the invisible duration from when it was sent here, the time
     * that it waited here included.
     */
    public Builder renew(boolean renew) {
      this.renew = renew;
      return this;
    }

    /**
     * How long a message waits after an exception of the listener: {@code first}, doubled with each
     * further attempt up to {@code most}; default 1 s and 1 min.
     */
    public Builder backoff(Duration first, Duration most) {
      checkDelay(first);
      checkDelay(most);
      if (first.compareTo(most) > 0) {
        throw new IllegalArgumentException(
            "backoff %s to %s: expected a first no longer than the most"
                .formatted(Durations.text(first), Durations.text(most)));
      }
      firstBackoff = first;
      mostBackoff = most;
      return this;
    }

    /** Name of this consumer, 1 to 255 bytes, no other living one's; default: a random one. */
    public Builder clientId(String id) {
      int bytes = id.getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
      Options.inRange("bytes of clientId", bytes, 1, MAX_CLIENT_ID_BYTES);
      clientId = id;
      return this;
    }

    /** How long opening may take; default: the client's call timeout. */
    public Builder openTimeout(Duration time) {
      openTimeout = Options.positive("openTimeout", time);
      return this;
    }

    /** How long {@link Consumer#close} may take; default 10 s. */
    public Builder closeTimeout(Duration time) {
      closeTimeout = Options.notNegative("closeTimeout", time);
      return this;
    }

    /**
     * Told of ranges that retention took before the group consumed them; on the client's thread.
     */
    public Builder onTrimmed(java.util.function.Consumer<MessagesTrimmed> listener) {
      onTrimmed = Objects.requireNonNull(listener);
      return this;
    }

    /**
     * Opens the consumer and waits until a replica has taken it; messages come from then on.
     *
     * @throws RequestRejected the topic does not exist, the group is of another kind, the filter
     *     cannot be read
     * @throws Unavailable no replica answered in time
     * @throws IllegalStateException without a group or a topic
     */
    public Consumer open() {
      if (group.isEmpty() || topic.isEmpty()) {
        throw new IllegalStateException("a consumer needs a group and a topic");
      }
      return core.openConsumer(this);
    }

    int batchMessages() {
      return Math.min(BATCH_MESSAGES, maxInFlight);
    }

    long backoffMillis(int attempt) {
      long first = firstBackoff.toMillis();
      int doublings = Math.min(attempt - 1, 30);
      long most = mostBackoff.toMillis();
      return first > most >> doublings ? most : first << doublings;
    }

    static void checkDelay(Duration delay) {
      if (delay.isNegative() || delay.compareTo(MAX_INVISIBLE) > 0) {
        throw new IllegalArgumentException(
            "delay %s: expected 0 to 12h".formatted(Durations.text(delay)));
      }
    }

    static void checkInvisible(String name, Duration time) {
      if (time.compareTo(MIN_INVISIBLE) < 0 || time.compareTo(MAX_INVISIBLE) > 0) {
        throw new IllegalArgumentException(
            "%s %s: expected 1s to 12h".formatted(name, Durations.text(time)));
      }
    }
  }
}
