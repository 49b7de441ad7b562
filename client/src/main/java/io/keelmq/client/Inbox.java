package io.keelmq.client;

import java.util.List;

/**
 * Where delivered messages wait for the application: for its listener or for its call. Bounded by
 * the consumer's credit. Messages are given out only while a stream is open: what waits meanwhile
 * may have gone to another consumer.
 */
interface Inbox {

  /** From the loop: messages in the order of their delivery. */
  void put(List<ConsumedMessage> messages);

  /**
   * From the loop: a stream is open, and leases are known to be ours.
   *
   * @param fifo of the consumer group
   */
  void connected(boolean fifo);

  /** From the loop: no stream is open. */
  void disconnected();

  /** Gives out nothing more. */
  void stop();

  /** Ends with this. */
  void fail(KeelException why);

  /**
   * After {@link #stop}: waits until nobody works on a message any more.
   *
   * @return false when the time was over; whoever still works is interrupted then
   */
  boolean awaitIdle(long waitNanos) throws InterruptedException;

  /** True on a thread that {@link #awaitIdle} would wait for. */
  boolean isCurrent();
}
