package io.keelmq.chaos.checks;

import io.keelmq.chaos.checks.Event.Decision;
import io.keelmq.chaos.checks.Event.Outcome;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Delayed messages are seen at their time: never before it (log time is at most {@link
 * RedeliveryExplained#TOLERANCE_MILLIS} ahead of this machine's wall clock), at most {@link
 * #LATE_MILLIS} behind it, pauses left out; one that was recalled is never seen, each other one is
 * on every replica. That there is one copy only is told by {@link NoDuplicate}.
 */
public final class DueTimes implements Check {

  static final long LATE_MILLIS = 1_000;

  private final Timeline timeline;
  private final Ledger ledger;
  private final Map<Long, Timer> timers = new HashMap<>();
  private final SendBits present = new SendBits();
  private final long lateMillis;
  private long seen;
  private long recalled;
  private long latestMillis = Long.MIN_VALUE;
  private long earliestMillis = Long.MAX_VALUE;

  private static final class Timer {
    private final int producer;
    private final long seq;
    private final long dueMillis;

    /** When its send was acknowledged. */
    private long ackedNanos = Life.UNSEEN;

    private boolean recallMayHold;
    private boolean recalled;
    private boolean seen;

    Timer(int producer, long seq, long dueMillis) {
      this.producer = producer;
      this.seq = seq;
      this.dueMillis = dueMillis;
    }
  }

  /**
   * @param toleranceMillis by which they may be later still
   */
  public DueTimes(Timeline timeline, Ledger ledger, long toleranceMillis) {
    this.lateMillis = LATE_MILLIS + toleranceMillis;
    this.timeline = timeline;
    this.ledger = ledger;
  }

  @Override
  public String promise() {
    return "delayed messages are never early, at most 1 s late, and not seen when recalled";
  }

  public long seen() {
    return seen;
  }

  public long recalled() {
    return recalled;
  }

  /** The latest, behind its time, pauses left out; negative: before it. */
  public long latestMillis() {
    return latestMillis;
  }

  /** The one that was seen soonest behind its time. */
  public long earliestMillis() {
    return earliestMillis;
  }

  @Override
  public void event(Event event, Findings findings) {
    if (event instanceof Event.Waits waits && waits.dueMillis() != 0) {
      timers.put(
          LogCatalog.name(waits.producer(), waits.seq()),
          new Timer(waits.producer(), waits.seq(), waits.dueMillis()));
    } else if (event instanceof Event.Ok || event instanceof Event.Held) {
      Timer timer = timer((Event.OfSend) event);
      if (timer != null) {
        timer.ackedNanos = event.nanos();
      }
    } else if (event instanceof Event.Delivered delivered) {
      Timer timer = timer(delivered);
      if (timer != null) {
        sees(timer, delivered, true, findings);
      }
    } else if (event instanceof Event.Took took) {
      Timer timer = timers.get(LogCatalog.name(took.producer(), took.seq()));
      if (timer != null) {
        sees(timer, took, false, findings);
      }
    } else if (event instanceof Event.Decides decides && timer(decides) != null) {
      timer(decides).recallMayHold |= decides.decision() == Decision.RECALL;
    } else if (event instanceof Event.Decided decided && timer(decided) != null) {
      decided(timer(decided), decided);
    }
  }

  @Override
  public void replicaBegins(String replica) {
    present.clear();
  }

  @Override
  public void stored(Stored message, Findings findings) {
    Timer timer =
        message.intact() ? timers.get(LogCatalog.name(message.producer(), message.seq())) : null;
    if (timer != null) {
      present.set(message.producer(), message.seq());
      if (timer.recalled) {
        findings.add("was recalled, and is stored: " + message);
      }
    }
  }

  @Override
  public void replicaEnds(String replica, Findings findings) {
    for (Timer timer : timers.values()) {
      boolean owed =
          ledger.contains(timer.producer, timer.seq)
              && ledger.state(timer.producer, timer.seq) == Ledger.HELD
              && !timer.recallMayHold;
      if (owed && !present.get(timer.producer, timer.seq)) {
        findings.add(
            "producer %d seq %d was acknowledged for %d; replica %s does not have it"
                .formatted(timer.producer, timer.seq, timer.dueMillis, replica));
      }
    }
  }

  private Timer timer(Event.OfSend event) {
    return timers.get(LogCatalog.name(event.producer(), event.seq()));
  }

  private void decided(Timer timer, Event.Decided event) {
    if (event.decision() == Decision.RECALL && event.outcome() == Outcome.OK) {
      timer.recalled = true;
      recalled++;
    } else if (event.outcome() == Outcome.FAIL) {
      timer.recallMayHold = false;
    }
  }

  private void sees(Timer timer, Event event, boolean reader, Findings findings) {
    long behindMillis = timeline.wallMillis(event.nanos()) - timer.dueMillis;
    if (behindMillis < -RedeliveryExplained.TOLERANCE_MILLIS) {
      findings.add("%d ms before its time: %s".formatted(-behindMillis, event));
    }
    if (timer.recalled) {
      findings.add("seen after its recall had succeeded: " + event);
    }
    // A consumer takes it when it comes to it; the reader waits for nothing else.
    if (reader && !timer.seen) {
      timer.seen = true;
      seen++;
      // Until its send was acknowledged, nobody could promise anything.
      long owedNanos =
          timer.ackedNanos == Life.UNSEEN
              ? event.nanos()
              : Math.max(timer.ackedNanos, timeline.nanos(timer.dueMillis));
      long late =
          TimeUnit.NANOSECONDS.toMillis(
              event.nanos() - owedNanos - timeline.pausedNanos(owedNanos, event.nanos()));
      latestMillis = Math.max(latestMillis, late);
      earliestMillis = Math.min(earliestMillis, behindMillis);
      if (late > lateMillis) {
        findings.add("%d ms behind its time, pauses left out: %s".formatted(late, event));
      }
    }
  }
}
