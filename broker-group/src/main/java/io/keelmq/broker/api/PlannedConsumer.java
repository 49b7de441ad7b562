package io.keelmq.broker.api;

import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.ConsumerOpened;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.Trimmed;

/** What a planner tells one of its consumers, in its pass: nothing here may block. */
public interface PlannedConsumer {

  void opened(ConsumerOpened opened);

  /** Records as they lie in the log; they are this consumer's from now on. */
  void deliver(Delivery delivery);

  /** Retention took messages that the group had not consumed. */
  void trimmed(Trimmed trimmed);

  void tell(ConsumeResponse event);

  /** Another stream of the client goes on in its place. */
  void takenOver();

  /** It is over, and another try would end alike. */
  void refused(Refusal why);

  /** It has taken nothing of what it has for a while, and others need the room. */
  void stuck(Refusal why);

  /** This replica leads no more. */
  void broken(Refusal why);

  /** After it was closed, or a poll has got what there is: nothing more will come. */
  void closed();
}
