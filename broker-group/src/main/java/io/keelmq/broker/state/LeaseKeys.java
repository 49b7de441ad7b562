package io.keelmq.broker.state;

/**
 * The keys of {@link Table#LEASES}. Each begins with topic, consumer group and queue, so that all
 * of a topic, of a group at a topic, and of a queue lie side by side; {@link Keys} lists them.
 */
final class LeaseKeys {

  static final char CURSOR = 'C';
  static final char BATCH = 'L';
  static final char READY = 'R';
  static final char MESSAGE_GROUP = 'F';
  static final char BLOCKED = 'K';

  /** What is void once a queue has a newer generation. */
  static final char[] OF_GENERATION = {BATCH, READY, MESSAGE_GROUP, BLOCKED};

  /** Bytes before a key's letter. */
  static final int PREFIX_BYTES = 20;

  private LeaseKeys() {}

  static byte[] ofTopic(long topicId) {
    return new RowWriter(8).int64(topicId).done();
  }

  static byte[] ofGroup(long topicId, long groupId) {
    return new RowWriter(16).int64(topicId).int64(groupId).done();
  }

  static byte[] cursor(Subscription at) {
    return of(at, CURSOR, 0).done();
  }

  static byte[] batch(Subscription at, int generation, LeaseId id) {
    return generation(at, BATCH, generation, 12).int64(id.logIndex()).int32(id.ordinal()).done();
  }

  static byte[] ready(Subscription at, int generation, long firstOffset, LeaseId id) {
    return generation(at, READY, generation, 20)
        .int64(firstOffset)
        .int64(id.logIndex())
        .int32(id.ordinal())
        .done();
  }

  /** Where the index of ready batches that begin at an offset or behind it begins. */
  static byte[] readyFrom(Subscription at, int generation, long firstOffset) {
    return generation(at, READY, generation, 8).int64(firstOffset).done();
  }

  static byte[] messageGroup(Subscription at, int generation, long hash) {
    return generation(at, MESSAGE_GROUP, generation, 8).int64(hash).done();
  }

  static byte[] blocked(Subscription at, int generation, long hash, long firstOffset) {
    return generation(at, BLOCKED, generation, 16).int64(hash).int64(firstOffset).done();
  }

  static byte[] blockedOf(Subscription at, int generation, long hash) {
    return generation(at, BLOCKED, generation, 8).int64(hash).done();
  }

  /** Where the rows of one kind and generation begin. */
  static byte[] all(Subscription at, char letter, int generation) {
    return generation(at, letter, generation, 0).done();
  }

  static Subscription subscription(byte[] key) {
    var in = new RowReader(key);
    return new Subscription(in.int64(), in.int64(), in.int32());
  }

  static LeaseId batchId(byte[] key) {
    var in = new RowReader(key).skip(PREFIX_BYTES + 5);
    return new LeaseId(in.int64(), in.int32());
  }

  static LeaseId readyId(byte[] key) {
    var in = new RowReader(key).skip(PREFIX_BYTES + 13);
    return new LeaseId(in.int64(), in.int32());
  }

  static long messageGroupHash(byte[] key) {
    return new RowReader(key).skip(PREFIX_BYTES + 5).int64();
  }

  private static RowWriter generation(Subscription at, char letter, int generation, int more) {
    return of(at, letter, 4 + more).int32(generation);
  }

  private static RowWriter of(Subscription at, char letter, int more) {
    return new RowWriter(PREFIX_BYTES + 1 + more)
        .int64(at.topicId())
        .int64(at.groupId())
        .int32(at.queue())
        .int8(letter);
  }
}
