package io.keelmq.client;

import java.time.Duration;

/** What a {@link MessageListener} makes of a message. Immutable. */
public sealed interface Verdict {

  /** It is done: never delivered again to this consumer group. */
  Verdict ACK = new Ack();

  /**
   * Not now: delivered again when the time is over, to whichever consumer of the group, or dead if
   * this was its last attempt. In a FIFO group the later messages of its message group wait for it.
   *
   * @param delay 0 to 12 hours
   */
  static Verdict nack(Duration delay) {
    return new Nack(delay);
  }

  /** Never: goes to the dead letter topic {@code %DLQ%<group>} at once. */
  static Verdict deadLetter() {
    return new DeadLetter();
  }

  /** See {@link #ACK}. */
  record Ack() implements Verdict {}

  /** See {@link #nack}. */
  record Nack(Duration delay) implements Verdict {
    public Nack {
      Consumer.Builder.checkDelay(delay);
    }
  }

  /** See {@link #deadLetter}. */
  record DeadLetter() implements Verdict {}
}
