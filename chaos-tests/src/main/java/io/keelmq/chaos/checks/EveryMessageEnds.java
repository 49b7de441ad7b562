package io.keelmq.chaos.checks;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * When the run is over and drained, each message of a consumer group's topic was acknowledged or is
 * in the group's dead letter topic, once, and not both; dead only by decision or when its attempts
 * were used up.
 *
 * <p>A message whose acknowledgement has no known outcome and that never came again counts as
 * acknowledged: these are counted.
 */
public final class EveryMessageEnds implements LeaseCheck {

  private final Timeline timeline;
  private final LogCatalog catalog;
  private final Map<Integer, Lives> lives;
  private final Map<Integer, Set<Long>> dead = new HashMap<>();
  private final Findings deadTwice = new Findings();
  private long acked;
  private long maybeAcked;
  private long deadMessages;

  EveryMessageEnds(Timeline timeline, LogCatalog catalog, Map<Integer, Lives> lives) {
    this.timeline = timeline;
    this.catalog = catalog;
    this.lives = lives;
  }

  @Override
  public String promise() {
    return "each message of each consumer group ends acknowledged or in its dead letter topic";
  }

  /** A message of the group's dead letter topic. */
  void dead(int group, Stored message) {
    if (!message.intact()) {
      deadTwice.add("a body that no producer made: " + message);
    } else if (!dead.computeIfAbsent(group, key -> new HashSet<>())
        .add(LogCatalog.name(message.producer(), message.seq()))) {
      deadTwice.add("twice in the dead letter topic: " + message);
    }
  }

  boolean isDead(Life life) {
    return dead.getOrDefault(life.group.group(), Set.of())
        .contains(catalog.send(life.queue, life.offset));
  }

  long acked() {
    return acked;
  }

  long maybeAcked() {
    return maybeAcked;
  }

  long deadMessages() {
    return deadMessages;
  }

  @Override
  public void end(long nanos, Findings findings) {
    deadTwice.examples().forEach(findings::add);
    for (Lives group : lives.values()) {
      GroupRules rules = group.group();
      var left = new HashSet<>(dead.getOrDefault(rules.group(), Set.of()));
      for (int queue = rules.firstQueue(); queue < rules.firstQueue() + rules.queues(); queue++) {
        int here = queue;
        catalog.forEach(
            queue,
            offset -> {
              boolean isDead = left.remove(catalog.send(here, offset));
              judge(group, here, offset, isDead, findings);
            });
      }
      if (!left.isEmpty()) {
        findings.add(
            "%d messages in the dead letter topic of group %s that are not in its topic"
                .formatted(left.size(), rules.name()));
      }
    }
  }

  private void judge(Lives group, int queue, long offset, boolean isDead, Findings findings) {
    Life life = group.find(queue, offset);
    String what = "group %s queue %d offset %d".formatted(group.group().name(), queue, offset);
    if (group.isAcked(queue, offset)) {
      acked++;
      if (isDead) {
        findings.add("acknowledged, and in the dead letter topic: " + what);
      }
    } else if (isDead) {
      deadMessages++;
      if (!mayBeDead(life)) {
        findings.add(
            "in the dead letter topic, after attempt %d of %d: %s"
                .formatted(life == null ? 0 : life.attempt, group.group().maxAttempts(), what));
      }
    } else if (life == null || life.deliveries == 0) {
      findings.add("never delivered: " + what);
    } else if (life.ackNanos != 0) {
      maybeAcked++;
    } else {
      findings.add(
          "neither acknowledged nor dead, after attempt %d of consumer %d: %s"
              .formatted(life.attempt, life.consumer, what));
    }
  }

  /** Its last attempts may have been granted to consumers that never handed them out. */
  private boolean mayBeDead(Life life) {
    return life != null
        && life.deliveries > 0
        && (life.deadNanos != 0
            || life.attempt >= life.group.maxAttempts()
            || life.leftNanos != 0
            || timeline.pausedNanos(life.tookNanos, Long.MAX_VALUE) > 0);
  }
}
