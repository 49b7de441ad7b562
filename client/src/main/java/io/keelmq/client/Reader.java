package io.keelmq.client;

import java.time.Duration;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * Reads the messages of a topic's queues in the order of their offsets, each once, over one stream
 * for all its queues. Owned by the thread that polls; {@link #close} may come from any other.
 *
 * <p>Broken streams and leader changes are lived through: reading goes on at the next offset of
 * each queue. It never skips by itself; what retention took is told by {@link MessagesTrimmed}.
 */
public final class Reader implements AutoCloseable, Iterable<ReadMessage> {

  private final ReadSession session;

  Reader(ReadSession session) {
    this.session = session;
  }

  /**
   * The next messages, at most {@code maxPoll}; waits until there is one, the time is over or the
   * end is reached (without {@code follow}).
   *
   * @return empty when there was none in time, and at once when {@link #atEnd}
   * @throws MessagesTrimmed once for each range lost to retention, unless a listener takes them; go
   *     on polling behind it
   * @throws RequestRejected the topic is gone, or an offset lies beyond the end; the reader is done
   * @throws Unavailable no replica served it for 30 s; it keeps trying, and polling on is right
   * @throws ClientClosed the reader was closed
   */
  public List<ReadMessage> poll(Duration timeout) {
    return session.poll(timeout);
  }

  /** Without {@code follow}: true when everything stored before it was opened has been polled. */
  public boolean atEnd() {
    return session.atEnd();
  }

  /** True when all has been polled that was stored when the broker last said so. */
  public boolean caughtUp() {
    return session.caughtUp();
  }

  /** By queue, the offset of the next message that {@link #poll} will give. */
  public SortedMap<Integer, Long> nextOffsets() {
    return session.nextOffsets();
  }

  /**
   * Messages one by one, over {@link #poll}. Ends at the end without {@code follow}; blocks for the
   * next message with it, and ends when the reader is closed. Throws what poll throws.
   */
  @Override
  public Iterator<ReadMessage> iterator() {
    return session.iterator();
  }

  /**
   * Commits for a consumer group that everything given so far by poll or the iterator is done.
   *
   * @return {@link RequestRejected} when the group was moved by a seek since the reader was opened
   *     from it or first committed (reopen it), or is a lease group; {@link Unavailable} or {@link
   *     OutcomeUnknown} when it may be repeated
   */
  public CompletableFuture<Void> commit(String consumerGroup) {
    return session.commit(consumerGroup);
  }

  /** {@link #commit} and wait, within the client's call timeout; throws what it completes with. */
  public void commitSync(String consumerGroup) {
    session.commitSync(consumerGroup);
  }

  /** Bytes fetched and not polled yet. */
  long fetchedBytes() {
    return session.fetchedBytes();
  }

  /** Stops reading. Idempotent. */
  @Override
  public void close() {
    session.close();
  }

  /** Collects a reader's options. For one thread. */
  public static final class Builder {

    /** A topic has no more queues. */
    static final int MAX_QUEUES = 1_024;

    private final ClientCore core;
    final String topic;
    StartAt from = StartAt.earliest();
    SortedSet<Integer> queues = new TreeSet<>();
    boolean follow;
    boolean anyReplica;
    int prefetchBytes = 4 << 20;
    int maxPoll = 1_024;
    Duration openTimeout;
    Consumer<MessagesTrimmed> onTrimmed;

    Builder(ClientCore core, String topic) {
      this.core = core;
      this.topic = Objects.requireNonNull(topic, "topic");
      this.openTimeout = core.callTimeout();
    }

    /** Where to begin; default: earliest. */
    public Builder from(StartAt start) {
      from = Objects.requireNonNull(start);
      return this;
    }

    /** Only these queues; default: all, also those added later. */
    public Builder queues(Collection<Integer> queues) {
      this.queues = new TreeSet<>(queues);
      for (int queue : this.queues) {
        Options.inRange("queue", queue, 0, MAX_QUEUES - 1);
      }
      return this;
    }

    /** Only these queues. */
    public Builder queues(Integer... queues) {
      return queues(List.of(queues));
    }

    /**
     * True: wait at the end for more. Default false: stop at what was stored when it was opened.
     */
    public Builder follow(boolean follow) {
      this.follow = follow;
      return this;
    }

    /**
     * True: read from any ready replica, to spare the leader. Default: the leader if there is one.
     */
    public Builder anyReplica(boolean any) {
      anyReplica = any;
      return this;
    }

    /**
     * Bytes fetched ahead of poll, 64 KiB to 1 GiB; default 4 MiB. A few batches may be above it.
     */
    public Builder prefetchBytes(int bytes) {
      prefetchBytes = Options.inRange("prefetchBytes", bytes, 64 << 10, 1 << 30);
      return this;
    }

    /** Messages of one poll at the most, 1 to 100,000; default 1,024. */
    public Builder maxPoll(int messages) {
      maxPoll = Options.inRange("maxPoll", messages, 1, 100_000);
      return this;
    }

    /** How long opening may take; default: the client's call timeout. */
    public Builder openTimeout(Duration time) {
      openTimeout = Options.positive("openTimeout", time);
      return this;
    }

    /** Takes lost ranges in place of the exception; called from poll, in order. */
    public Builder onTrimmed(Consumer<MessagesTrimmed> listener) {
      onTrimmed = Objects.requireNonNull(listener);
      return this;
    }

    /**
     * Opens the reader and waits until a replica has said where each queue begins, so that {@code
     * latest} means: what is stored after this returns is read.
     *
     * @throws RequestRejected the topic, a queue or the consumer group does not exist or does not
     *     fit
     * @throws Unavailable no replica answered in time
     */
    public Reader open() {
      return new Reader(core.openSession(this));
    }
  }
}
