package io.keelmq.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import io.keelmq.v1.MessageSource;
import io.keelmq.v1.ReadBatch;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * What a reader has fetched and not polled yet, in order. The loop puts, the application's thread
 * takes; the monitor guards all of it and calls nobody. Bounded by whoever requests from the
 * stream.
 */
final class ReadBuffer {

  /** What lies in the buffer. */
  sealed interface Event permits Chunk, Lost, CaughtUp {}

  /** A batch with a place where taking goes on. */
  static final class Chunk implements Event {
    private final String topic;
    private final ReadBatch batch;
    private final CodedInputStream in;
    private final ByteString records;
    private int taken;

    /**
     * @param skip messages at its beginning that were delivered before
     */
    Chunk(String topic, ReadBatch batch, int skip) {
      this.topic = topic;
      this.batch = batch;
      records = batch.getRecords();
      in = records.newCodedInput();
      for (int i = 0; i < skip; i++) {
        next();
      }
    }

    int queue() {
      return batch.getQueue();
    }

    boolean isEmpty() {
      return taken == batch.getCount();
    }

    ReadMessage next() {
      try {
        int size = in.readRawVarint32();
        int from = in.getTotalBytesRead();
        in.skipRawBytes(size);
        int index = taken++;
        return new ReadMessage(
            topic,
            batch.getQueue(),
            batch.getFirstOffset() + index,
            batch.getStoreTimeMillis(),
            records.substring(from, from + size),
            batch.hasSource() ? source(batch.getSource(), index) : null);
      } catch (IOException e) {
        throw new IllegalStateException(
            "topic %s queue %d: batch at %d holds less than its %d messages"
                .formatted(topic, batch.getQueue(), batch.getFirstOffset(), batch.getCount()),
            e);
      }
    }

    private static MessagePlace source(MessageSource first, int index) {
      return new MessagePlace(first.getTopic(), first.getQueue(), first.getOffset() + index);
    }
  }

  /** A range that retention took. */
  record Lost(MessagesTrimmed range) implements Event {}

  /** All before it was everything there was. */
  record CaughtUp() implements Event {}

  private final LongSupplier nanos;
  private final ArrayDeque<Event> events = new ArrayDeque<>();
  private long bytes;
  private boolean ended;
  private KeelException fatal;
  private KeelException passing;

  ReadBuffer(LongSupplier nanos) {
    this.nanos = nanos;
  }

  synchronized void put(Event event) {
    if (event instanceof Chunk chunk) {
      bytes += chunk.records.size();
    }
    events.addLast(event);
    notifyAll();
  }

  synchronized long bytes() {
    return bytes;
  }

  /** Nothing comes after what is here. */
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  /** After what is here, only this. */
  synchronized void fail(KeelException failure) {
    if (fatal == null) {
      fatal = failure;
    }
    notifyAll();
  }

  /** Told once when there is nothing else; more may come. */
  synchronized void complain(KeelException failure) {
    passing = failure;
    notifyAll();
  }

  /** Things work again. */
  synchronized void calm() {
    passing = null;
  }

  synchronized void clear() {
    events.clear();
    bytes = 0;
  }

  /**
   * Waits for something to take.
   *
   * @return false when the time was over, or all has been taken and nothing will come
   */
  synchronized boolean await(long waitNanos) throws InterruptedException {
    long deadline = nanos.getAsLong() + waitNanos;
    while (events.isEmpty()) {
      if (fatal != null) {
        throw fatal.rethrown();
      }
      if (ended) {
        return false;
      }
      if (passing != null) {
        KeelException once = passing;
        passing = null;
        throw once.rethrown();
      }
      long left = deadline - nanos.getAsLong();
      if (left <= 0) {
        return false;
      }
      TimeUnit.NANOSECONDS.timedWait(this, Math.max(left, 1_000_000));
    }
    return true;
  }

  synchronized boolean isDrained() {
    return ended && events.isEmpty() && fatal == null;
  }

  synchronized Event peek() {
    return events.peekFirst();
  }

  synchronized void remove(Event event) {
    if (events.peekFirst() == event) {
      events.pollFirst();
      if (event instanceof Chunk chunk) {
        bytes -= chunk.records.size();
      }
    }
  }

  /** Takes messages up to the next event of another kind. */
  List<ReadMessage> takeMessages(int most) {
    var taken = new ArrayList<ReadMessage>();
    while (taken.size() < most && peek() instanceof Chunk chunk) {
      while (taken.size() < most && !chunk.isEmpty()) {
        taken.add(chunk.next());
      }
      if (chunk.isEmpty()) {
        remove(chunk);
      }
    }
    return taken;
  }
}
