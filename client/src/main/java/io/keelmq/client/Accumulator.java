package io.keelmq.client;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * Messages that wait for their batch, in the order of their sending. Grows while batches are in
 * flight; bounded by the producer's {@link BufferBudget}. Thread-safe: its monitor guards all of it
 * and calls nobody.
 */
final class Accumulator {

  /** No number of bytes wakes the loop: an event on the stream will. */
  static final long NEVER = Long.MAX_VALUE;

  private final int batchBytes;
  private final int batchMessages;
  private final ArrayDeque<PendingMessage> waiting = new ArrayDeque<>();
  private long bytes;
  private long wakeAtBytes = 1;

  Accumulator(int batchBytes, int batchMessages) {
    this.batchBytes = batchBytes;
    this.batchMessages = batchMessages;
  }

  /**
   * @return true when the loop should be woken; asked for once until it looks again
   */
  synchronized boolean add(PendingMessage message) {
    waiting.addLast(message);
    bytes += message.record.length;
    return wakes();
  }

  /**
   * Says at how many bytes the loop wants to be woken.
   *
   * @return true when there are as many already
   */
  synchronized boolean wakeAt(long wantedBytes) {
    wakeAtBytes = wantedBytes;
    return wakes();
  }

  private boolean wakes() {
    if (wakeAtBytes == NEVER
        || waiting.isEmpty()
        || (bytes < wakeAtBytes && waiting.size() < batchMessages)) {
      return false;
    }
    wakeAtBytes = NEVER;
    return true;
  }

  /** The next batch's messages: up to the limits, one at least unless empty. */
  synchronized List<PendingMessage> takeBatch() {
    if (waiting.isEmpty()) {
      return List.of();
    }
    var taken = new ArrayList<PendingMessage>(Math.min(waiting.size(), 128));
    long takenBytes = 0;
    while (!waiting.isEmpty() && taken.size() < batchMessages) {
      int next = waiting.peekFirst().record.length;
      if (!taken.isEmpty() && takenBytes + next > batchBytes) {
        break;
      }
      taken.add(waiting.pollFirst());
      takenBytes += next;
    }
    bytes -= takenBytes;
    return taken;
  }

  synchronized boolean isEmpty() {
    return waiting.isEmpty();
  }

  /** What the next batch may weigh. */
  synchronized long nextBatchBytes() {
    return waiting.isEmpty()
        ? 0
        : Math.max(waiting.peekFirst().record.length, Math.min(bytes, batchBytes));
  }

  synchronized boolean holdsFullBatch() {
    return bytes >= batchBytes || waiting.size() >= batchMessages;
  }

  /** Takes out what is past its deadline; deadlines rise with the order. */
  synchronized List<PendingMessage> takeExpired(long nowNanos) {
    if (waiting.isEmpty() || waiting.peekFirst().deadlineNanos - nowNanos > 0) {
      return List.of();
    }
    var expired = new ArrayList<PendingMessage>();
    while (!waiting.isEmpty() && waiting.peekFirst().deadlineNanos - nowNanos <= 0) {
      PendingMessage message = waiting.pollFirst();
      bytes -= message.record.length;
      expired.add(message);
    }
    return expired;
  }

  synchronized List<PendingMessage> takeAll() {
    var all = List.copyOf(waiting);
    waiting.clear();
    bytes = 0;
    return all;
  }

  synchronized List<PendingMessage> snapshot() {
    return List.copyOf(waiting);
  }
}
