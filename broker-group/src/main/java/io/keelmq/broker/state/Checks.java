package io.keelmq.broker.state;

/**
 * How often the producers of a half run were asked what became of it. Immutable.
 *
 * <p>A question that nobody was there to hear says nothing about the transaction: it is not
 * counted, and asked more and more rarely while that goes on. Below {@link Feature#HEARD_CHECKS}
 * every question counts as heard.
 *
 * @param asked questions; their numbers, from 1
 * @param heard of these, those that a producer was handed
 * @param missed the last ones in a row that no producer is known to have been handed
 */
record Checks(int asked, int heard, int missed) {

  static final Checks NONE = new Checks(0, 0, 0);

  /** The next question, of which it is not known yet whether somebody hears it. */
  Checks ask() {
    return new Checks(asked + 1, heard, missed + 1);
  }

  /** The last question has reached a producer. */
  Checks hear() {
    return new Checks(asked, heard + 1, 0);
  }

  /** Whether the last question is this one, and nobody is known to have heard it. */
  boolean awaits(int check) {
    return missed > 0 && asked == check;
  }

  /** Whether it makes no difference any more that this question was heard. */
  boolean isPast(int check) {
    return asked > check || (asked == check && missed == 0);
  }

  /** Whether the message is given up when the next question would be due. */
  boolean isOver() {
    return heard >= Limits.MAX_CHECKS || missed >= Limits.MAX_MISSED_CHECKS;
  }

  /** From the last question to the next one. */
  long pauseMillis() {
    int doublings = Math.min(Limits.CHECK_DOUBLINGS, Math.max(0, missed - Limits.MAX_CHECKS));
    return Limits.CHECK_INTERVAL_MILLIS << doublings;
  }
}
