package io.keelmq.broker.api;

import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.Settle;

/** Where a consumer's messages come from while one replica leads. Used in the session's turn. */
interface ConsumeTarget {

  /** What a target tells its session, on any thread, in order. */
  interface Events {

    /** For the consumer; the first one is that the stream is opened. */
    void event(ConsumeTarget from, ConsumeResponse event);

    /** The target may take more. */
    void ready(ConsumeTarget from);

    /** The session is over with it: another try would end alike. */
    void refused(ConsumeTarget from, Refusal why);

    /** The target is gone, or was never there. What is leased through it stays leased. */
    void broken(ConsumeTarget from, Refusal why);

    /** After {@link #closeConsumer}: all is settled or given back. */
    void completed(ConsumeTarget from);
  }

  /** Once, before everything else; what is not taken is told by the events. Does not block. */
  void open();

  void credit(int messages);

  /** Answered by a receipt with its sequence, unless the target breaks. */
  void settle(Settle settle);

  void closeConsumer();

  /** Whether it is of use to hand over more now. */
  boolean isReady();

  /** An event was handed on to the consumer's stream. */
  void taken(ConsumeResponse event);

  /** An event came when the session had ended, or had left this target. */
  void missed(ConsumeResponse event);

  /** All that was handed on has left. */
  void callerIsReady();

  /** Whether the consumer is served by this replica itself. */
  boolean isLocal();

  /** Lets go of the target. */
  void abandon();
}
