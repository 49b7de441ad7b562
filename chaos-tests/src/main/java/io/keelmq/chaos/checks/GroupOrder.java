package io.keelmq.chaos.checks;

import io.keelmq.chaos.checks.Event.LeaseName;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * In FIFO groups a message is delivered only when every earlier one of its message group is
 * acknowledged or dead, or in the same lease; and a lease's messages are handed out in their order.
 *
 * <p>Looks at the one message before it only: what was before that one was checked when that one
 * was delivered.
 */
public final class GroupOrder implements LeaseCheck {

  private final Timeline timeline;
  private final LogCatalog catalog;
  private final Map<Integer, Lives> lives;
  private final Map<Integer, Event.Took> lastTaken = new HashMap<>();
  private final Set<Integer> renewing = new HashSet<>();
  private final EveryMessageEnds ends;

  /**
   * Messages that others have passed. They are dead then, though their last attempts went to
   * consumers that never handed them out; which the dead letter topic has to show.
   */
  private final Map<Life, String> passed = new LinkedHashMap<>();

  GroupOrder(
      Timeline timeline, LogCatalog catalog, Map<Integer, Lives> lives, EveryMessageEnds ends) {
    this.timeline = timeline;
    this.catalog = catalog;
    this.lives = lives;
    this.ends = ends;
  }

  @Override
  public void joins(Event.Joins event) {
    if (event.renews()) {
      renewing.add(event.consumer());
    }
  }

  @Override
  public String promise() {
    return "FIFO groups get the messages of a message group one after the other";
  }

  @Override
  public void beforeTook(Event.Took took, Life life, LeaseName done, Findings findings) {
    boolean stale = done != null || life.isStale(took) || isLate(took, life);
    if (!stale) {
      orderInLease(took, findings);
    }
    GroupRules group = lives.get(took.group()).group();
    if (stale || !group.fifo()) {
      return;
    }
    long before = catalog.before(took.queue(), took.offset());
    if (before < 0 || lives.get(took.group()).isAcked(took.queue(), before)) {
      return;
    }
    Life earlier = lives.get(took.group()).find(took.queue(), before);
    if (earlier == null || earlier.deliveries == 0) {
      findings.add(
          "delivered though offset %d, before it in its message group, never was: %s"
              .formatted(before, took));
    } else if (!earlier.lease.equals(took.lease())
        && !earlier.mayBeOver(
            timeline.wallMillis(took.nanos()) + RedeliveryExplained.TOLERANCE_MILLIS)) {
      passed.putIfAbsent(
          earlier,
          "delivered though offset %d, before it in its message group, is neither acknowledged nor dead: %s"
              .formatted(before, took));
    }
  }

  @Override
  public void afterTook(Event.Took took, Life life, Findings findings) {
    String overtaken = passed.remove(life);
    if (overtaken != null) {
      findings.add(overtaken);
    }
  }

  @Override
  public void end(long nanos, Findings findings) {
    passed.forEach(
        (life, overtaken) -> {
          if (!ends.isDead(life)) {
            findings.add(overtaken);
          }
        });
  }

  /**
   * A client that stood still hands out what it had got before its lease ended: it cannot know that
   * others are further.
   */
  private boolean isLate(Event.Took took, Life life) {
    long grantedNanos = timeline.nanos(took.deadlineMillis() - life.group.leaseMillis());
    return timeline.wallMillis(took.nanos()) > took.deadlineMillis()
        && (!renewing.contains(took.consumer())
            || timeline.pausedNanos(grantedNanos, took.nanos()) > 0);
  }

  private void orderInLease(Event.Took took, Findings findings) {
    Event.Took last = lastTaken.put(took.consumer(), took);
    if (last != null
        && last.lease().equals(took.lease())
        && last.queue() == took.queue()
        && last.offset() > took.offset()) {
      findings.add(
          "handed out behind offset %d of the same lease: %s".formatted(last.offset(), took));
    }
  }
}
