package io.keelmq.chaos.checks;

import io.keelmq.chaos.checks.Event.LeaseName;
import io.keelmq.chaos.checks.Event.Outcome;
import io.keelmq.chaos.checks.Event.Settling;
import io.keelmq.chaos.checks.RedeliveryExplained.Cause;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * All checks over what the consumer groups of a run did. Owned by one thread. Feed it the history,
 * then the dead letter topics, then ask for {@link #problems}.
 */
public final class LeaseVerdict {

  private final Map<Integer, Lives> lives = new TreeMap<>();
  private final Map<Integer, Event.Joins> joined = new HashMap<>();
  private final Map<Integer, Event.Leaves> left = new HashMap<>();
  private final Timeline timeline;
  private final RedeliveryExplained redelivery;
  private final AttemptsExact attempts;
  private final NeverHidden hidden;
  private final EveryMessageEnds ends;
  private final List<LeaseCheck> checks;
  private final List<Findings> findings = new ArrayList<>();
  private final List<String> misuse = new ArrayList<>();
  private long deliveries;
  private long settled;
  private long lastNanos;
  private boolean ended;

  public LeaseVerdict(List<GroupRules> groups, LogCatalog catalog, Timeline timeline) {
    this(groups, catalog, timeline, 0);
  }

  /**
   * @param toleranceNanos for which a message may be hidden beyond what is promised
   */
  public LeaseVerdict(
      List<GroupRules> groups, LogCatalog catalog, Timeline timeline, long toleranceNanos) {
    this.timeline = timeline;
    groups.forEach(group -> lives.put(group.group(), new Lives(group)));
    redelivery = new RedeliveryExplained(timeline);
    attempts = new AttemptsExact(timeline);
    ends = new EveryMessageEnds(timeline, catalog, lives);
    hidden = new NeverHidden(timeline, catalog, lives, ends, toleranceNanos);
    checks =
        List.of(redelivery, attempts, hidden, new GroupOrder(timeline, catalog, lives, ends), ends);
    checks.forEach(check -> findings.add(new Findings()));
  }

  public void event(Event event) {
    lastNanos = event.nanos();
    each((check, found) -> check.time(event.nanos(), found));
    if (event instanceof Event.Ok ok) {
      visible(ok.queue(), ok.offset(), ok.nanos());
    } else if (event instanceof Event.Delivered delivered) {
      visible(delivered.queue(), delivered.offset(), delivered.nanos());
    } else if (event instanceof Event.Joins joins) {
      joined.put(joins.consumer(), joins);
      each((check, found) -> check.joins(joins));
    } else if (event instanceof Event.OfConsumer of) {
      if (joined.containsKey(of.consumer())) {
        ofConsumer(of);
      } else if (!(of instanceof Event.Leaves)) {
        // One that is killed as soon as it starts leaves without having come.
        report("a consumer that never joined: " + of);
      }
    }
  }

  /** A message of a group's dead letter topic. */
  public void dead(int group, Stored message) {
    ends.dead(group, message);
  }

  public long deliveries() {
    return deliveries;
  }

  /** Decisions that succeeded. */
  public long settled() {
    return settled;
  }

  public Map<Cause, Long> redeliveries() {
    return redelivery.causes();
  }

  public long unseenAttempts() {
    return attempts.unseen();
  }

  public long longestHiddenMillis() {
    return hidden.longestMillis();
  }

  /** Messages that ended so, counted by {@link #problems}. */
  public long acked() {
    return ends.acked();
  }

  public long maybeAcked() {
    return ends.maybeAcked();
  }

  public long dead() {
    return ends.deadMessages();
  }

  /**
   * Everything that is wrong, one line for each broken promise and each example; empty: all holds.
   */
  public List<String> problems() {
    if (!ended) {
      ended = true;
      each((check, found) -> check.end(lastNanos, found));
    }
    var lines = new ArrayList<String>();
    misuse.forEach(what -> lines.add("the history is broken: " + what));
    for (int i = 0; i < checks.size(); i++) {
      if (findings.get(i).count() > 0) {
        lines.add(
            "BROKEN: " + checks.get(i).promise() + " (" + findings.get(i).count() + " times)");
        findings.get(i).examples().forEach(example -> lines.add("  " + example));
      }
    }
    return lines;
  }

  /** The names of the checks that found something, in their order. */
  public List<String> broken() {
    problems();
    var names = new ArrayList<String>();
    for (int i = 0; i < checks.size(); i++) {
      if (findings.get(i).count() > 0) {
        names.add(checks.get(i).getClass().getSimpleName());
      }
    }
    return names;
  }

  private void visible(int queue, long offset, long nanos) {
    for (Lives group : lives.values()) {
      if (group.group().has(queue) && !group.isAcked(queue, offset)) {
        Life life = group.get(queue, offset);
        if (life.visibleNanos == Life.UNSEEN) {
          life.visibleNanos = nanos;
          each((check, found) -> check.visible(life, nanos, found));
        }
      }
    }
  }

  private void ofConsumer(Event.OfConsumer event) {
    if (event instanceof Event.Took took) {
      took(took);
    } else if (event instanceof Event.Settles settles) {
      settles(settles);
    } else if (event instanceof Event.Settled answer) {
      settled(answer);
    } else if (event instanceof Event.Leaves leaves) {
      leaves(leaves);
    } else {
      int group = joined.get(event.consumer()).group();
      each((check, found) -> check.polls(group, event, event instanceof Event.Polls));
    }
  }

  private void took(Event.Took took) {
    Lives group = lives.get(took.group());
    if (group == null || !group.group().has(took.queue())) {
      report("a message of no queue of its group: " + took);
      return;
    }
    deliveries++;
    LeaseName done = group.ackedBy(took.queue(), took.offset());
    if (done != null) {
      var past = new Life(group.group(), took.queue(), took.offset());
      each((check, found) -> check.beforeTook(took, past, done, found));
      return;
    }
    Life life = group.get(took.queue(), took.offset());
    if (life.visibleNanos == Life.UNSEEN) {
      life.visibleNanos = took.nanos();
    }
    each((check, found) -> check.beforeTook(took, life, null, found));
    if (!life.isStale(took)) {
      List<Life> ahead = ahead(group, took);
      long granted = timeline.nanos(took.deadlineMillis() - group.group().leaseMillis());
      group.took(
          took,
          life,
          Math.min(granted, took.nanos()),
          joined.get(took.consumer()).renews(),
          !ahead.isEmpty());
      if (ahead.stream().anyMatch(LeaseVerdict::isGivenBack)) {
        // Handed out in the moment in which one before it was given back.
        life.cutNanos = took.nanos();
      }
      each((check, found) -> check.afterTook(took, life, found));
      Event.Leaves leaves = left.get(took.consumer());
      if (leaves != null) {
        // Handed out in the moment in which its consumer was closed, and given back with the rest.
        left(leaves, life, took.nanos());
      }
    }
  }

  /** FIFO: what the consumer has of the lease before this message. */
  private static List<Life> ahead(Lives group, Event.Took took) {
    if (!group.group().fifo()) {
      return List.of();
    }
    return group.of(took.consumer()).stream()
        .filter(other -> other.queue == took.queue() && other.offset < took.offset())
        .filter(other -> other.lease.equals(took.lease()))
        .toList();
  }

  private static boolean isGivenBack(Life life) {
    return life.nackNanos != 0 || life.releaseNanos != 0 || life.cutNanos != 0;
  }

  private void settles(Event.Settles event) {
    Life life = lives.get(event.group()).find(event.queue(), event.offset());
    if (life == null || !life.isOf(event.consumer(), event.lease())) {
      return;
    }
    switch (event.how()) {
      case ACK -> life.ackNanos = event.nanos();
      case NACK -> {
        life.nackNanos = event.nanos();
        life.nackMillis = event.millis();
        cutBehind(event);
      }
      case RELEASE -> {
        life.releaseNanos = event.nanos();
        cutBehind(event);
      }
      case DEAD_LETTER -> life.deadNanos = event.nanos();
      case EXTEND -> life.extend(event.millis(), timeline.wallMillis(event.nanos()));
    }
    each((check, found) -> check.settles(event, life, found));
  }

  /** What stands behind a message that is given back waits for it, not with its consumer. */
  private void cutBehind(Event.Settles event) {
    Lives group = lives.get(event.group());
    if (group.group().fifo()) {
      for (Life other : group.of(event.consumer())) {
        if (other.queue == event.queue()
            && other.offset > event.offset()
            && other.lease.equals(event.lease())) {
          other.cutNanos = event.nanos();
        }
      }
    }
  }

  private void settled(Event.Settled event) {
    settled += event.outcome() == Outcome.OK ? 1 : 0;
    Lives group = lives.get(event.group());
    Life life = group.find(event.queue(), event.offset());
    if (life == null || life.deliveries == 0) {
      return;
    }
    if (!life.isOf(event.consumer(), event.lease())) {
      each((check, found) -> check.settledLate(event, life, found));
      return;
    }
    if (event.how() == Settling.EXTEND && event.outcome() == Outcome.OK) {
      life.extended(timeline.wallMillis(event.nanos()));
    }
    each((check, found) -> check.settled(event, life, found));
    if (event.outcome() == Outcome.FAIL) {
      life.refused(event.how());
    } else if (event.outcome() == Outcome.OK) {
      switch (event.how()) {
        case ACK -> group.acked(life);
        case NACK -> life.nackOutcome = Outcome.OK;
        case RELEASE -> life.releaseOutcome = Outcome.OK;
        case EXTEND, DEAD_LETTER -> {}
      }
    }
  }

  private void leaves(Event.Leaves event) {
    left.put(event.consumer(), event);
    Event.Joins who = joined.get(event.consumer());
    attempts.leaves(who.group(), event.nanos());
    each((check, found) -> check.polls(who.group(), event, false));
    for (Life life : List.copyOf(lives.get(who.group()).left(event.consumer()))) {
      left(event, life, event.nanos());
    }
  }

  private void left(Event.Leaves event, Life life, long nanos) {
    life.leftNanos = nanos;
    life.returned = event.returning();
    each((check, found) -> check.left(event, life, found));
  }

  private interface Step {
    void take(LeaseCheck check, Findings found);
  }

  private void each(Step step) {
    for (int i = 0; i < checks.size(); i++) {
      step.take(checks.get(i), findings.get(i));
    }
  }

  private void report(String what) {
    if (misuse.isEmpty()) {
      misuse.add(what);
    }
  }
}
