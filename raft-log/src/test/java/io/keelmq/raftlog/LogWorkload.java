package io.keelmq.raftlog;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/** Random operations, and what each may leave if it is cut short. */
final class LogWorkload {

  /** One operation on a log and on its model. */
  interface Action {
    void on(SegmentedLog log) throws Exception;
  }

  /**
   * An operation that is about to be done.
   *
   * @param during the states in which a crash may leave the log until it returns
   */
  record Step(String name, List<LogModel.State> during, Action action) {}

  private static final int MOST_DATA = 700;
  private static final int OVERSIZE_DATA = 6000;

  private final RandomGenerator random;
  private final LogModel model;
  private long term = 1;

  LogWorkload(RandomGenerator random, LogModel model) {
    this.random = random;
    this.model = model;
  }

  /** Chooses the next operation, and makes the model what it will be. */
  Step next() {
    int choice = random.nextInt(100);
    if (choice < 60) {
      return append();
    }
    if (choice < 75) {
      return truncateSuffix();
    }
    if (choice < 86) {
      return truncatePrefix(random.nextInt(12) == 0 ? 5 : 0);
    }
    if (choice < 89) {
      return reset();
    }
    return retain();
  }

  private LogRecord nextEntry(long index) {
    int size = random.nextInt(40) == 0 ? OVERSIZE_DATA : random.nextInt(MOST_DATA);
    byte[] data = new byte[size];
    random.nextBytes(data);
    int type = random.nextInt(10);
    var types = LogRecord.Type.values();
    return new LogRecord(index, term, types[type < 2 ? type + 1 : 0], ByteBuffer.wrap(data));
  }

  private Step append() {
    if (random.nextInt(8) == 0) {
      term++;
    }
    term = Math.max(term, model.lastTerm());
    List<LogRecord> batch = new ArrayList<>();
    int size = 1 + random.nextInt(random.nextInt(4) == 0 ? 20 : 4);
    for (int i = 1; i <= size; i++) {
      batch.add(nextEntry(model.last() + i));
    }
    long before = model.last();
    model.append(batch);
    return new Step("append " + size, List.of(model.downTo(before)), log -> log.append(batch));
  }

  private Step truncateSuffix() {
    long most = Math.min(20, model.last() - model.logicalFirst() + 1);
    long lastKept = model.last() - random.nextLong(most + 1);
    // A cut comes with a new leader, so that indexes are used again in a higher term.
    term++;
    var during = List.of(model.downTo(lastKept));
    model.truncateSuffix(lastKept);
    return new Step("truncateSuffix", during, log -> log.truncateSuffix(lastKept));
  }

  private Step truncatePrefix(int beyond) {
    long span = model.last() - model.logicalFirst() + 2;
    long first = beyond > 0 ? model.last() + beyond : model.logicalFirst() + random.nextLong(span);
    var before = model.now();
    model.truncatePrefix(first);
    return new Step(
        "truncatePrefix", List.of(before, model.now()), log -> log.truncatePrefix(first));
  }

  private Step reset() {
    long next = Math.max(1, model.last() + 1 + random.nextInt(-10, 10));
    var before = model.now();
    model.reset(next);
    return new Step("reset", List.of(before, model.now()), log -> log.reset(next));
  }

  private Step retain() {
    long before = model.last() - random.nextInt(10);
    return new Step("retain", List.of(model.now()), log -> log.retain(before));
  }
}
