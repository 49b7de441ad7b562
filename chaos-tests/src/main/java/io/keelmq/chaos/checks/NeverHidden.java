package io.keelmq.chaos.checks;

import io.keelmq.chaos.checks.Event.Outcome;
import io.keelmq.chaos.checks.Event.Settling;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A message that can be delivered is delivered within {@link #LIMIT_NANOS} of the time in which
 * some consumer of the group waits for one, pauses left out: for a new message from when its send
 * was acknowledged, for a leased one from the end of its lease, for one that was given back from
 * then. In FIFO groups it can be delivered when all before it in its message group are
 * acknowledged.
 *
 * <p>A consumer waits that asks for messages, has room for one and has got none for a moment: one
 * that is handed others works off what has gathered. So that no message is passed over for ever,
 * there is a limit, much longer, for that too.
 *
 * <p>What may have been acknowledged, or be dead, is owed to nobody.
 */
public final class NeverHidden implements LeaseCheck {

  /** Two seconds behind the lease. */
  static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(2);

  /** A consumer that has got a message since then is not waiting. */
  static final long SERVED_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  /** Behind the lease, while consumers with room are handed other messages. */
  static final long PASSED_OVER_NANOS = TimeUnit.SECONDS.toNanos(20);

  /** Within which the leases of a consumer end whose stream broke. */
  static final long SESSION_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Timeline timeline;
  private final LogCatalog catalog;
  private final Map<Integer, Lives> lives;
  private final Map<Integer, Waiting> waiting = new HashMap<>();
  private final Holdings holdings;
  private final EveryMessageEnds ends;
  private final PriorityQueue<Due> dues = new PriorityQueue<>(Comparator.comparingLong(Due::nanos));
  private final long limitNanos;
  private long longestNanos;

  /** Who had the message that is handed out now. */
  private int holderBefore;

  private record Due(long nanos, Life life, int version) {}

  /** How long consumers of a group have waited for messages, all in all. */
  private static final class Waiting {
    private final GroupRules rules;
    private final Set<Integer> polling = new HashSet<>();

    /** When each was last handed a message. */
    private final Map<Integer, Long> served = new HashMap<>();

    private long sinceNanos;
    private long hungryNanos;

    /** As that, and while they were handed others too. */
    private long askingNanos;

    Waiting(GroupRules rules) {
      this.rules = rules;
    }
  }

  /**
   * @param toleranceNanos beyond the limit
   */
  NeverHidden(
      Timeline timeline,
      LogCatalog catalog,
      Map<Integer, Lives> lives,
      EveryMessageEnds ends,
      long toleranceNanos) {
    this.ends = ends;
    this.limitNanos = LIMIT_NANOS + toleranceNanos;
    this.timeline = timeline;
    this.holdings = new Holdings(timeline);
    this.catalog = catalog;
    this.lives = lives;
  }

  @Override
  public String promise() {
    return "no message is hidden longer than its lease and 2 s while somebody waits for one";
  }

  /** The longest that was seen, behind the end of its lease. */
  long longestMillis() {
    return TimeUnit.NANOSECONDS.toMillis(longestNanos);
  }

  @Override
  public void time(long nanos, Findings findings) {
    while (!dues.isEmpty() && dues.peek().nanos() <= nanos) {
      Due due = dues.remove();
      passTo(due.nanos());
      if (due.version() == due.life().dueVersion) {
        becomesDue(due.life(), due.nanos());
      }
    }
    passTo(nanos);
  }

  private void passTo(long nanos) {
    for (long end = holdings.nextEnd(nanos); end < nanos; end = holdings.nextEnd(nanos)) {
      advanceAll(end);
      holdings.pass(end);
    }
    advanceAll(nanos);
  }

  @Override
  public void visible(Life life, long nanos, Findings findings) {
    if (life.deliveries == 0) {
      schedule(life, nanos);
    }
  }

  @Override
  public void beforeTook(Event.Took took, Life life, Event.LeaseName done, Findings findings) {
    holderBefore = life.consumer;
    if (done == null && life.due && !life.isStale(took)) {
      judge(life, took.nanos(), findings);
    }
  }

  @Override
  public void afterTook(Event.Took took, Life life, Findings findings) {
    holdings.took(life, holderBefore);
    waiting(life.group.group()).served.put(took.consumer(), took.nanos());
    if (life.renews) {
      notDue(life);
    } else {
      schedule(life, timeline.nanos(life.latestEndMillis));
    }
  }

  @Override
  public void settles(Event.Settles event, Life life, Findings findings) {
    if (event.how() != Settling.EXTEND) {
      holdings.decided(life);
    }
    // Until it is known what became of it, nothing is owed.
    if (event.how() == Settling.ACK || event.how() == Settling.DEAD_LETTER) {
      notDue(life);
    }
  }

  @Override
  public void settled(Event.Settled event, Life life, Findings findings) {
    if (event.how() == Settling.ACK && event.outcome() == Outcome.OK) {
      notDue(life);
      releaseNext(life, event.nanos());
    } else if (event.outcome() == Outcome.OK) {
      switch (event.how()) {
        case NACK -> schedule(life, event.nanos() + TimeUnit.MILLISECONDS.toNanos(life.nackMillis));
        case RELEASE -> schedule(life, event.nanos());
        case EXTEND -> extended(life);
        default -> notDue(life);
      }
    }
  }

  /** May be answered behind a decision that ended the lease. */
  private void extended(Life life) {
    if (!life.mayBeDone()) {
      schedule(life, timeline.nanos(life.latestEndMillis));
    }
  }

  @Override
  public void left(Event.Leaves event, Life life, Findings findings) {
    holdings.left(event.consumer());
    if (!life.mayBeDone()) {
      long end = event.nanos() + SESSION_NANOS;
      schedule(life, life.renews ? end : Math.min(end, timeline.nanos(life.latestEndMillis)));
    }
  }

  @Override
  public void polls(int group, Event.OfConsumer event, boolean begins) {
    Waiting waits = waiting(group);
    advance(waits, event.nanos());
    if (begins) {
      waits.polling.add(event.consumer());
    } else {
      waits.polling.remove(event.consumer());
    }
  }

  @Override
  public void end(long nanos, Findings findings) {
    time(nanos, findings);
    for (Lives group : lives.values()) {
      for (Life life : group.open()) {
        // One that is dead had its last attempts at consumers that never handed them out.
        if (life.due && !ends.isDead(life)) {
          judge(life, nanos, findings);
        }
      }
    }
  }

  private void judge(Life life, long nanos, Findings findings) {
    long hidden = hungry(life, nanos) - life.hungryAtDue;
    long passedOver = waiting(life.group.group()).askingNanos - life.askingAtDue;
    longestNanos = Math.max(longestNanos, hidden);
    if (hidden > limitNanos) {
      findings.add(
          "%s was hidden for %d ms in which a consumer of the group waited, behind attempt %d"
              .formatted(life, TimeUnit.NANOSECONDS.toMillis(hidden), life.attempt));
    }
    if (passedOver > PASSED_OVER_NANOS + limitNanos) {
      findings.add(
          "%s was passed over for %d ms, behind attempt %d"
              .formatted(life, TimeUnit.NANOSECONDS.toMillis(passedOver), life.attempt));
    }
    life.due = false;
  }

  private void becomesDue(Life life, long nanos) {
    // The last attempt of a message is followed by its death, not by another.
    boolean mayDie = life.deliveries > 0 && life.attempt >= life.group.maxAttempts();
    life.heldBack = behind(life);
    if (!mayDie && !life.heldBack) {
      life.due = true;
      life.hungryAtDue = hungry(life, nanos);
      life.askingAtDue = waiting(life.group.group()).askingNanos;
    }
  }

  /** FIFO: waits for a message before it. */
  private boolean behind(Life life) {
    return life.group.fifo()
        && !lives.get(life.group.group()).isFree(catalog, life.queue, life.offset);
  }

  private void releaseNext(Life acked, long nanos) {
    if (!acked.group.fifo()) {
      return;
    }
    Lives group = lives.get(acked.group.group());
    long behind = catalog.behind(acked.queue, acked.offset);
    while (behind >= 0 && group.isAcked(acked.queue, behind)) {
      behind = catalog.behind(acked.queue, behind);
    }
    Life next = behind < 0 ? null : group.find(acked.queue, behind);
    if (next != null && next.heldBack) {
      schedule(next, nanos);
    }
  }

  private void schedule(Life life, long nanos) {
    notDue(life);
    dues.add(new Due(nanos, life, life.dueVersion));
  }

  private static void notDue(Life life) {
    life.dueVersion++;
    life.due = false;
    life.heldBack = false;
  }

  private long hungry(Life life, long nanos) {
    Waiting group = waiting(life.group.group());
    advance(group, nanos);
    return group.hungryNanos;
  }

  private Waiting waiting(int group) {
    return waiting.computeIfAbsent(group, key -> new Waiting(lives.get(key).group()));
  }

  private void advanceAll(long nanos) {
    waiting.values().forEach(group -> advance(group, nanos));
  }

  private void advance(Waiting group, long nanos) {
    if (nanos <= group.sinceNanos) {
      return;
    }
    long asking = Long.MAX_VALUE;
    for (int consumer : group.polling) {
      if (holdings.hasRoom(consumer, group.rules)) {
        Long served = group.served.get(consumer);
        asking = Math.min(asking, served == null ? Long.MIN_VALUE : served + SERVED_NANOS);
      }
    }
    if (asking != Long.MAX_VALUE) {
      group.askingNanos += owed(group.sinceNanos, nanos);
      group.hungryNanos += owed(Math.max(group.sinceNanos, asking), nanos);
    }
    group.sinceNanos = nanos;
  }

  private long owed(long from, long to) {
    return from < to ? to - from - timeline.pausedNanos(from, to) : 0;
  }
}
