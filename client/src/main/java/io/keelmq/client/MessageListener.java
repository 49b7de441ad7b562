package io.keelmq.client;

/**
 * Works on messages, on the threads of its {@link Consumer}. It may block for as long as the lease
 * lasts: while the consumer's stream lives, unless renewal was switched off.
 */
@FunctionalInterface
public interface MessageListener {

  /**
   * Works on one message. It may come again, also after an ACK that did not reach the broker, so
   * what it does has to bear repetition.
   *
   * @return what becomes of it, unless the message was settled by itself before
   * @throws Exception like a nack, with a delay that grows by attempt; so does null
   */
  Verdict consume(ConsumedMessage message) throws Exception;
}
