package io.keelmq.chaos.checks;

/**
 * One promise about the messages that consumer groups lease. Owned by one thread. Events come in
 * the order of the history; a message's {@link Life} stands as it was before the event in {@code
 * before..} methods and as it is behind it in {@code after..} methods.
 */
interface LeaseCheck {

  String promise();

  /** Each event, before anything else is told about it. */
  default void time(long nanos, Findings findings) {}

  default void joins(Event.Joins event) {}

  /** The message can be delivered, as far as its queue is concerned. */
  default void visible(Life life, long nanos, Findings findings) {}

  /**
   * @param done the lease by which it was acknowledged before, or null
   */
  default void beforeTook(Event.Took took, Life life, Event.LeaseName done, Findings findings) {}

  default void afterTook(Event.Took took, Life life, Findings findings) {}

  /** Only of the message's last delivery, as is the next. */
  default void settles(Event.Settles event, Life life, Findings findings) {}

  /** A decision about an earlier delivery of the message has its answer. */
  default void settledLate(Event.Settled event, Life life, Findings findings) {}

  /** Before {@code life} changes by it. */
  default void settled(Event.Settled event, Life life, Findings findings) {}

  /** The consumer that has the message has left. */
  default void left(Event.Leaves event, Life life, Findings findings) {}

  default void polls(int group, Event.OfConsumer event, boolean begins) {}

  default void end(long nanos, Findings findings) {}
}
