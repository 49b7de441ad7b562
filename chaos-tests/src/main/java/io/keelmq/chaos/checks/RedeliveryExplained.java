package io.keelmq.chaos.checks;

import io.keelmq.chaos.checks.Event.LeaseName;
import io.keelmq.chaos.checks.Event.Outcome;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * An acknowledged message never comes again, and any other only if its lease ended or was given
 * back; after a nack not before its delay is over.
 *
 * <p>Deadlines are in log time, which is at most {@link #TOLERANCE_MILLIS} ahead of this machine's
 * wall clock, and passes at most a tenth faster than real time.
 */
public final class RedeliveryExplained implements LeaseCheck {

  /** Why a message came again. */
  public enum Cause {
    NACK,
    RELEASE,
    /** An earlier message of its message group was given back. */
    BLOCKED,
    CONSUMER_LEFT,
    DEADLINE,
    /** The brokers were being killed: the consumer's stream broke, or its lease was not renewed. */
    PAUSE,
    /** The consumer was handed it late, when its lease had ended and others may have had it. */
    HANDED_OUT_LATE
  }

  static final long TOLERANCE_MILLIS = 100;

  private final Timeline timeline;
  private final Map<Cause, Long> causes = new EnumMap<>(Cause.class);

  RedeliveryExplained(Timeline timeline) {
    this.timeline = timeline;
  }

  @Override
  public String promise() {
    return "acknowledged messages never come again, others only when their lease has ended";
  }

  /** How many deliveries were not the first of their message, by cause. */
  Map<Cause, Long> causes() {
    return Collections.unmodifiableMap(causes);
  }

  @Override
  public void beforeTook(Event.Took took, Life life, LeaseName done, Findings findings) {
    if (done != null) {
      if (took.lease().compareTo(done) >= 0) {
        findings.add("delivered after its acknowledgement had succeeded: " + took);
      } else {
        late(took, life, findings);
      }
    } else if (life.isStale(took)) {
      late(took, life, findings);
    } else if (life.deliveries > 0) {
      explain(took, life, findings);
    }
  }

  @Override
  public void settled(Event.Settled event, Life life, Findings findings) {
    boolean valid =
        event.outcome() == Outcome.FAIL
            && event.how() == Event.Settling.ACK
            && life.leftNanos == 0
            && life.nackNanos == 0
            && life.releaseNanos == 0
            && life.deadNanos == 0
            && life.cutNanos == 0
            && !expired(life, event.nanos())
            && timeline.pausedNanos(life.grantedNanos, event.nanos()) == 0;
    if (valid) {
      findings.add("refused to acknowledge " + life + " though its lease had not ended: " + event);
    }
  }

  @Override
  public void settledLate(Event.Settled event, Life life, Findings findings) {
    boolean taken = event.lease().compareTo(life.lease) < 0;
    if (taken && event.outcome() == Outcome.OK && event.how() == Event.Settling.ACK) {
      findings.add(
          "acknowledged by a lease that had ended, when consumer %d had it: %s"
              .formatted(life.consumer, event));
    }
  }

  private void explain(Event.Took took, Life life, Findings findings) {
    boolean paused = timeline.pausedNanos(life.grantedNanos, took.nanos()) > 0;
    boolean expired = expired(life, took.nanos());
    if (life.nackNanos != 0) {
      long waitedMillis = TimeUnit.NANOSECONDS.toMillis(took.nanos() - life.nackNanos);
      // In a FIFO group only the lowest message of a lease waits; others come behind it.
      boolean otherwise =
          life.behindOther || life.leftNanos != 0 || life.cutNanos != 0 || expired || paused;
      if (!otherwise && waitedMillis < life.nackMillis * 9 / 10 - TOLERANCE_MILLIS) {
        findings.add(
            "came again %d ms after a nack with a delay of %d ms: %s"
                .formatted(waitedMillis, life.nackMillis, took));
      }
      count(Cause.NACK);
    } else if (life.releaseNanos != 0) {
      count(Cause.RELEASE);
    } else if (life.cutNanos != 0) {
      count(Cause.BLOCKED);
    } else if (life.leftNanos != 0) {
      count(Cause.CONSUMER_LEFT);
    } else if (expired) {
      count(Cause.DEADLINE);
    } else if (paused) {
      count(Cause.PAUSE);
    } else {
      findings.add(
          "delivered again without a reason: consumer %d has had it since %d ms (deadline in %d ms): %s"
              .formatted(
                  life.consumer,
                  TimeUnit.NANOSECONDS.toMillis(took.nanos() - life.tookNanos),
                  life.earliestEndMillis - timeline.wallMillis(took.nanos()),
                  took));
    }
  }

  /**
   * A client that stood still hands out what it had got before, and cannot know that others have it
   * now; two leases that are both valid cannot be.
   */
  private void late(Event.Took took, Life life, Findings findings) {
    long leftMillis = took.deadlineMillis() - timeline.wallMillis(took.nanos());
    long grantedNanos = timeline.nanos(took.deadlineMillis() - life.group.leaseMillis());
    boolean explained =
        leftMillis <= TOLERANCE_MILLIS
            || timeline.pausedNanos(grantedNanos, took.nanos()) > 0
            || settledSince(life);
    if (!explained) {
      findings.add(
          "handed out under a lease of %d ms more, when others had had it since: %s"
              .formatted(leftMillis, took));
    }
    count(Cause.HANDED_OUT_LATE);
  }

  private static boolean settledSince(Life life) {
    return life.nackNanos != 0 || life.releaseNanos != 0 || life.leftNanos != 0;
  }

  /** Leases that are renewed do not end by time while their consumer lives and is served. */
  private boolean expired(Life life, long nanos) {
    return !life.renews && life.mayHaveExpired(timeline.wallMillis(nanos) + TOLERANCE_MILLIS);
  }

  private void count(Cause cause) {
    causes.merge(cause, 1L, Long::sum);
  }
}
