package io.keelmq.broker.state;

import io.keelmq.broker.state.Deadlines.Deadline;
import io.keelmq.broker.state.StateView.ConsumerGroup;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What one command does to leases. Reads the cursor row of each queue once and writes it once, at
 * the {@link #end}, however many batches change in between; gathers what has to be told.
 *
 * <p>Owned by the apply thread, for one command.
 */
final class LeaseStep {

  private final Tables tables;
  private final LogEntryInfo entry;
  private final Deadlines deadlines;
  private final DeadLetters deadLetters;
  private final LeaseIds ids;
  private final Map<Subscription, Optional<QueueLeases>> opened = new LinkedHashMap<>();
  private final List<Effect> effects = new ArrayList<>();
  private long dueMillis = Long.MAX_VALUE;
  private int deadLetterRows = Limits.DEAD_LETTER_ROWS;

  LeaseStep(
      Tables tables,
      LogEntryInfo entry,
      Deadlines deadlines,
      DeadLetters deadLetters,
      LeaseIds ids) {
    this.tables = tables;
    this.entry = entry;
    this.deadlines = deadlines;
    this.deadLetters = deadLetters;
    this.ids = ids;
  }

  /** A queue as a consumer group sees it; empty if the group never subscribed to the topic. */
  Optional<QueueLeases> open(Topic topic, ConsumerGroup group, int queue) {
    return opened.computeIfAbsent(
        new Subscription(topic.id(), group.id(), queue),
        at ->
            Subscriptions.cursor(tables, at)
                .map(cursor -> new QueueLeases(this, tables, topic, group, at, cursor)));
  }

  /** The same by ids; empty too if the topic or the group is no more. */
  Optional<QueueLeases> open(Subscription at) {
    Optional<QueueLeases> known = opened.get(at);
    if (known != null) {
      return known;
    }
    Optional<Topic> topic = Topics.find(tables, at.topicId());
    Optional<ConsumerGroup> group = ConsumerGroups.find(tables, at.groupId());
    return topic.isEmpty() || group.isEmpty()
        ? Optional.empty()
        : open(topic.get(), group.get(), at.queue());
  }

  long nowMillis() {
    return entry.timeMillis();
  }

  LeaseId nextId() {
    return ids.next(entry);
  }

  void add(Deadline deadline) {
    deadlines.add(deadline);
    dueMillis = Math.min(dueMillis, deadline.timeMillis());
  }

  void remove(Deadline deadline) {
    deadlines.remove(deadline);
  }

  /**
   * Moves messages to the dead letter topic, as many as this command has room for.
   *
   * @return those it is done with
   */
  OffsetSet bury(QueueLeases from, OffsetSet offsets) {
    var buried =
        deadLetters.bury(
            entry, from.topic(), from.at().queue(), from.group(), offsets, deadLetterRows, effects);
    deadLetterRows -= buried.rows();
    return buried.offsets();
  }

  /** When to go on with what {@link #bury} left. */
  long buryAgainMillis(QueueLeases from) {
    return deadLetters.hasPlace(from.group())
        ? entry.timeMillis()
        : entry.timeMillis() + DeadLetters.RETRY_MILLIS;
  }

  /** Writes what is left to write and says what has to be told. */
  List<Effect> end() {
    for (Optional<QueueLeases> queue : opened.values()) {
      queue.ifPresent(
          leases -> {
            leases.end();
            if (leases.hasMore()) {
              var at = leases.at();
              effects.add(
                  new Effect.QueueReady(
                      at.groupId(), at.topicId(), at.queue(), leases.madeReadyFrom()));
            }
          });
    }
    if (dueMillis != Long.MAX_VALUE) {
      effects.add(new Effect.DueAt(dueMillis));
    }
    return effects;
  }
}
