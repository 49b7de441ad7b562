package io.keelmq.chaos.checks;

import io.keelmq.chaos.checks.Event.LeaseName;
import io.keelmq.chaos.checks.Event.Outcome;

/**
 * One message in the eyes of one consumer group, from when it can be delivered until it is
 * acknowledged: its last delivery and what was decided about it since. Owned by {@link Lives}.
 */
final class Life {

  static final long UNSEEN = Long.MIN_VALUE;

  final GroupRules group;
  final int queue;
  final long offset;

  /** When it was first known to be in its queue. */
  long visibleNanos = UNSEEN;

  /** Handed out so often, as far as was seen. */
  int deliveries;

  int attempt;
  LeaseName lease;
  int consumer;
  boolean renews;
  long tookNanos;

  /** When its lease was granted, which is before its consumer handed it out. */
  long grantedNanos;

  /** Log time at which the lease ends at the earliest and at the latest. */
  long earliestEndMillis;

  long latestEndMillis;

  private long extendedToMillis;
  private long extendMillis;

  /** When its consumer left, 0 if it has not. */
  long leftNanos;

  boolean returned;

  /** When a decision was told that may hold; 0: none. */
  long ackNanos;

  long nackNanos;
  long nackMillis;
  long releaseNanos;
  long deadNanos;
  Outcome nackOutcome = Outcome.UNKNOWN;
  Outcome releaseOutcome = Outcome.UNKNOWN;

  /** FIFO: an earlier message of the same lease was given back, and this one with it; 0: none. */
  long cutNanos;

  /** FIFO: stands behind another message in its lease. */
  boolean behindOther;

  /** Where it stands with {@link NeverHidden}: a later due time makes an earlier one void. */
  int dueVersion;

  boolean due;

  /** FIFO: could be delivered but for the message before it. */
  boolean heldBack;

  long hungryAtDue;
  long askingAtDue;

  Life(GroupRules group, int queue, long offset) {
    this.group = group;
    this.queue = queue;
    this.offset = offset;
  }

  /** Was delivered, and this is the delivery of a lease that ended before that one. */
  boolean isStale(Event.Took took) {
    return deliveries > 0 && took.lease().compareTo(lease) < 0;
  }

  void take(Event.Took took, long granted, boolean renewed, boolean behind) {
    deliveries++;
    attempt = took.attempt();
    lease = took.lease();
    consumer = took.consumer();
    renews = renewed;
    tookNanos = took.nanos();
    grantedNanos = granted;
    earliestEndMillis = took.deadlineMillis();
    latestEndMillis = took.deadlineMillis();
    leftNanos = 0;
    returned = false;
    // That it came again proves that nothing of this was applied: a settlement ends a lease, and
    // one of an ended lease that another consumer has got since finds nothing.
    ackNanos = 0;
    nackNanos = 0;
    releaseNanos = 0;
    deadNanos = 0;
    cutNanos = 0;
    behindOther = behind;
    nackOutcome = Outcome.UNKNOWN;
    releaseOutcome = Outcome.UNKNOWN;
  }

  /** Told; until it is answered the lease may end at the old time or at the new one. */
  void extend(long millis, long wallMillis) {
    // Log time passes at most a tenth faster.
    extendedToMillis = wallMillis + millis * 9 / 10;
    earliestEndMillis = Math.min(earliestEndMillis, extendedToMillis);
    latestEndMillis = Math.max(latestEndMillis, wallMillis + millis);
    extendMillis = millis;
  }

  void extended(long wallMillis) {
    earliestEndMillis = extendedToMillis;
    latestEndMillis = wallMillis + extendMillis;
  }

  /** The decision changed nothing. */
  void refused(Event.Settling how) {
    switch (how) {
      case ACK -> ackNanos = 0;
      case NACK -> nackNanos = 0;
      case RELEASE -> releaseNanos = 0;
      case DEAD_LETTER -> deadNanos = 0;
      case EXTEND -> {}
    }
  }

  /** A decision was told that leaves nothing to deliver, and has not been refused. */
  boolean mayBeDone() {
    return ackNanos != 0 || deadNanos != 0;
  }

  /** The decision concerns the last delivery. */
  boolean isOf(int byConsumer, LeaseName name) {
    return deliveries > 0 && consumer == byConsumer && lease.equals(name);
  }

  /** The lease may have ended by time alone. */
  boolean mayHaveExpired(long wallMillis) {
    return wallMillis >= earliestEndMillis;
  }

  /** No consumer will get it any more, for all that is known. */
  boolean mayBeOver(long wallMillis) {
    if (deliveries == 0) {
      return false;
    }
    boolean lastAttempt = attempt >= group.maxAttempts();
    return mayBeDone()
        || (lastAttempt && (nackNanos != 0 || leftNanos != 0 || mayHaveExpired(wallMillis)));
  }

  @Override
  public String toString() {
    return "group %s queue %d offset %d".formatted(group.name(), queue, offset);
  }
}
