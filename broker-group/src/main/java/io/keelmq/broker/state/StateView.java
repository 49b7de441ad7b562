package io.keelmq.broker.state;

import java.util.List;
import java.util.Optional;

/**
 * Questions about the applied state.
 *
 * <p>Thread-safe if its rows are. Each answer holds for itself: between two of them more may have
 * been applied, never less.
 */
public final class StateView {

  /** Oldest retained offset, and one after the last. */
  public record QueueBounds(long firstOffset, long endOffset) {}

  /**
   * Consecutive messages of a queue that stand together in one log entry.
   *
   * @param position of the first record, in bytes from the start of the entry
   * @param bytes of all records, each with its length in front
   * @param timeMillis log time of the entry
   */
  public record StoredRun(
      long firstOffset, int count, long logIndex, int position, int bytes, long timeMillis) {}

  public record ConsumerGroup(String name, GroupKind kind) {}

  /** One queue of a consumer group. */
  public record Progress(long topicId, int queue, long epoch, long committedOffset) {}

  /** How far a streaming producer has come. */
  public record Producer(long epoch, long lastSequence) {}

  /** The digest after a fixed log index. */
  public record DigestAt(long index, long digest) {}

  private final TableReads tables;

  public StateView(TableReads tables) {
    this.tables = tables;
  }

  public Applied applied() {
    throw new UnsupportedOperationException();
  }

  public Optional<Topic> topic(String name) {
    throw new UnsupportedOperationException();
  }

  public Optional<Topic> topic(long topicId) {
    throw new UnsupportedOperationException();
  }

  /** All topics by name. */
  public List<Topic> topics() {
    throw new UnsupportedOperationException();
  }

  /** Log index of the last change of any topic, 0 if there was none. */
  public long topicsVersion() {
    throw new UnsupportedOperationException();
  }

  /** Of a queue that exists; a queue never written to is 0 to 0. */
  public QueueBounds bounds(long topicId, int queue) {
    throw new UnsupportedOperationException();
  }

  /**
   * The runs that hold {@code fromOffset} and what follows, in order. The first may begin below
   * {@code fromOffset}; empty at or beyond the end.
   *
   * @param fromOffset not below the queue's first offset
   * @param limit at most this many runs, from 1
   */
  public List<StoredRun> runs(long topicId, int queue, long fromOffset, int limit) {
    throw new UnsupportedOperationException();
  }

  /** The first offset whose log time is {@code timeMillis} or later; the end if there is none. */
  public long offsetAt(long topicId, int queue, long timeMillis) {
    throw new UnsupportedOperationException();
  }

  public Optional<ConsumerGroup> consumerGroup(String name) {
    throw new UnsupportedOperationException();
  }

  /** All consumer groups by name. */
  public List<ConsumerGroup> consumerGroups() {
    throw new UnsupportedOperationException();
  }

  /** The epoch of a consumer group at a topic; 0 if it was never moved there. */
  public long epoch(String consumerGroup, long topicId) {
    throw new UnsupportedOperationException();
  }

  /** What a consumer group has committed, by topic and queue. */
  public List<Progress> progress(String consumerGroup) {
    throw new UnsupportedOperationException();
  }

  public Optional<Producer> producer(String producerId) {
    throw new UnsupportedOperationException();
  }

  /** The last few digests, oldest first. */
  public List<DigestAt> digests() {
    throw new UnsupportedOperationException();
  }
}
