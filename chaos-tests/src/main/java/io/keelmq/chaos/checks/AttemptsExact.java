package io.keelmq.chaos.checks;

import io.keelmq.chaos.checks.Event.LeaseName;
import io.keelmq.chaos.checks.Event.Outcome;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Attempts begin at 1 and rise by one with each delivery; a message that was given back without
 * having been worked on comes again as the same attempt.
 *
 * <p>An attempt may be left out if its consumer died, or its leader, between the grant and the
 * delivery, or if its lease ran out while it waited at its consumer: these are counted. Where
 * nobody can tell whether it was worked on (its consumer left in order, the brokers were being
 * killed) both numbers are right; what a killed consumer had counts.
 */
public final class AttemptsExact implements LeaseCheck {

  private final Timeline timeline;
  private final Map<Integer, Long> lastLeft = new HashMap<>();
  private final Set<Integer> renewing = new HashSet<>();
  private long unseen;

  AttemptsExact(Timeline timeline) {
    this.timeline = timeline;
  }

  @Override
  public String promise() {
    return "attempts rise by one with each delivery";
  }

  /** Attempts that nobody was handed. */
  long unseen() {
    return unseen;
  }

  @Override
  public void joins(Event.Joins event) {
    if (event.renews()) {
      renewing.add(event.consumer());
    }
  }

  @Override
  public void left(Event.Leaves event, Life life, Findings findings) {
    lastLeft.put(life.group.group(), event.nanos());
  }

  /** Of a consumer that may have been granted messages it never handed out. */
  void leaves(int group, long nanos) {
    lastLeft.put(group, nanos);
  }

  @Override
  public void beforeTook(Event.Took took, Life life, LeaseName done, Findings findings) {
    if (done != null || life.isStale(took)) {
      return;
    }
    if (took.attempt() > life.group.maxAttempts()) {
      findings.add("more than the " + life.group.maxAttempts() + " attempts of its group: " + took);
    }
    long lowest = life.attempt + 1L;
    long highest = lowest;
    if (life.deliveries > 0 && mayBeTheSame(took, life)) {
      lowest = life.attempt;
      highest = mustBeTheSame(life) ? life.attempt : highest;
    }
    if (took.attempt() < lowest) {
      findings.add("attempt %d, expected %d: %s".formatted(took.attempt(), lowest, took));
    } else if (took.attempt() > highest) {
      long since = life.deliveries > 0 ? life.grantedNanos : life.visibleNanos;
      // Until its broker has noticed, a dead consumer is granted messages.
      long grantedUntil =
          lastLeft.getOrDefault(life.group.group(), Long.MIN_VALUE) + NeverHidden.SESSION_NANOS;
      boolean died = grantedUntil >= since || timeline.pausedNanos(since, took.nanos()) > 0;
      if (died || ranOut(took, life, took.attempt() - highest)) {
        unseen += took.attempt() - highest;
      } else {
        findings.add(
            "attempt %d, expected %d, and nobody died meanwhile: %s"
                .formatted(took.attempt(), highest, took));
      }
    }
  }

  /**
   * A consumer that stood still does not hand out what has waited at it for longer than its lease,
   * unless its leases are renewed. Each attempt that went so has taken a lease's time.
   */
  private boolean ranOut(Event.Took took, Life life, long attempts) {
    long sinceNanos = life.deliveries > 0 ? life.tookNanos : life.visibleNanos;
    // Log time passes at most a tenth faster.
    long leasesNanos = TimeUnit.MILLISECONDS.toNanos(life.group.leaseMillis()) * attempts * 9 / 10;
    return !renewing.contains(took.consumer()) && took.nanos() - sinceNanos >= leasesNanos;
  }

  private boolean mayBeTheSame(Event.Took took, Life life) {
    return life.releaseNanos != 0
        || life.cutNanos != 0
        || life.returned
        || life.behindOther
        || took.lease().equals(life.lease)
        || timeline.pausedNanos(life.grantedNanos, took.nanos()) > 0;
  }

  /** Given back, and nothing else can have ended the lease. */
  private static boolean mustBeTheSame(Life life) {
    return life.releaseNanos != 0
        && life.releaseOutcome == Outcome.OK
        && life.nackNanos == 0
        && life.leftNanos == 0;
  }
}
