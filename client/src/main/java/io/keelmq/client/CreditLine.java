package io.keelmq.client;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How many messages the broker may send: what it may send and what is here never exceed the limit
 * together. A message takes its place when it is delivered and gives it back when its settlement is
 * written to a stream, so that settlements that wait for a stream are bounded too.
 *
 * <p>Owned by the loop; the figures may be read from any thread.
 */
final class CreditLine {

  /** Credit is given in parts of the limit no smaller than this, so that it costs few requests. */
  private static final int PARTS = 8;

  private final int limit;
  private final long limitBytes;
  private final AtomicInteger allowance = new AtomicInteger();
  private final AtomicInteger occupied = new AtomicInteger();
  private final AtomicInteger undecided = new AtomicInteger();
  private final AtomicLong undecidedBytes = new AtomicLong();

  CreditLine(int limit, long limitBytes) {
    this.limit = limit;
    this.limitBytes = limitBytes;
  }

  /** A new stream: whatever the broker was allowed before went with the old one. */
  void streamOpened() {
    allowance.set(0);
  }

  /**
   * @return credit to give now, 0 if it is not worth a request yet
   */
  int take() {
    int missing = limit - occupied.get() - allowance.get();
    if (missing < Math.max(1, limit / PARTS)) {
      return 0;
    }
    allowance.addAndGet(missing);
    return missing;
  }

  /**
   * The broker has sent so many messages.
   *
   * @return false when that is more than it may
   */
  boolean sent(int messages) {
    if (messages > allowance.get()) {
      return false;
    }
    allowance.addAndGet(-messages);
    return true;
  }

  /** A message is kept. */
  void kept(long bytes) {
    occupied.incrementAndGet();
    undecided.incrementAndGet();
    undecidedBytes.addAndGet(bytes);
  }

  /** The application has decided about it: its body is needed no more. */
  void decided(long bytes) {
    undecided.decrementAndGet();
    undecidedBytes.addAndGet(-bytes);
  }

  /** Its settlement is on its way, or there is nothing to settle any more. */
  void released(int messages) {
    occupied.addAndGet(-messages);
  }

  /** Bodies take the memory that they may: nothing more is read from the stream. */
  boolean isFull() {
    return undecidedBytes.get() >= limitBytes;
  }

  int allowance() {
    return allowance.get();
  }

  int undecided() {
    return undecided.get();
  }

  long undecidedBytes() {
    return undecidedBytes.get();
  }
}
