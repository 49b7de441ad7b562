package io.keelmq.broker.state;

import io.keelmq.broker.state.Deadlines.Deadline;
import io.keelmq.broker.state.Rows.HeldRow;
import io.keelmq.broker.state.StateView.StoredRun;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What becomes due of delayed and half messages in one command. Deliveries are gathered and get
 * their offsets at the {@link #end}, queue by queue, so that many that are due together cost a
 * queue one row; within a queue they keep the order in which they became due.
 *
 * <p>Owned by the apply thread, for one command.
 */
final class HeldStep {

  private record Place(Topic topic, int queue) {}

  private final Tables tables;
  private final LogEntryInfo entry;
  private final Counters counters;
  private final Queues queues;
  private final HeldMessages held;
  private final boolean onlyHeardCount;
  private final Map<Long, Optional<Topic>> topics = new HashMap<>();
  private final Map<Place, List<StoredRun>> deliveries = new LinkedHashMap<>();
  private final List<Effect> effects = new ArrayList<>();
  private long gone;
  private long unanswered;

  /**
   * @param onlyHeardCount whether checks that nobody is known to have heard do not count
   */
  HeldStep(
      Tables tables,
      LogEntryInfo entry,
      Counters counters,
      Queues queues,
      HeldMessages held,
      boolean onlyHeardCount) {
    this.tables = tables;
    this.entry = entry;
    this.counters = counters;
    this.queues = queues;
    this.held = held;
    this.onlyHeardCount = onlyHeardCount;
  }

  /**
   * Delivers, asks, or gives up a half message that nobody decides.
   *
   * @param due of kind {@link Deadlines.Kind#HELD}, whose row is gone already
   */
  void serve(Deadline due) {
    long topicId = due.id();
    HeldId id = due.held().orElseThrow();
    Optional<HeldRow> found = HeldMessages.find(tables, topicId, id);
    // Of a topic that is deleted, the rows go by its sweep.
    Optional<Topic> topic = topics.computeIfAbsent(topicId, any -> Topics.find(tables, topicId));
    if (found.isEmpty() || found.get().dueMillis() != due.timeMillis() || topic.isEmpty()) {
      return;
    }
    HeldRow row = found.get();
    if (!row.half()) {
      delete(topicId, id);
      deliveries
          .computeIfAbsent(new Place(topic.get(), row.queue()), place -> new ArrayList<>())
          .add(HeldMessages.stored(id, row));
    } else if (!row.checks().isOver()) {
      ask(topicId, id, row);
    } else {
      delete(topicId, id);
      unanswered++;
      held.remember(entry, topicId, id, HeldMessages.rolledBack(row));
    }
  }

  private void ask(long topicId, HeldId id, HeldRow row) {
    // From now on, not from when it was due: after a pause of the group, producers get their
    // intervals all the same.
    Checks asked = onlyHeardCount ? row.checks().ask() : row.checks().ask().hear();
    long next = entry.timeMillis() + asked.pauseMillis();
    held.put(topicId, id, row.dueAt(next, asked), effects);
    effects.add(new Effect.CheckTransaction(topicId, id, asked.asked()));
  }

  private void delete(long topicId, HeldId id) {
    tables.delete(Table.HELD, Keys.held(topicId, id));
    gone++;
  }

  /** Writes what is left to write and says what has to be told. */
  List<Effect> end() {
    deliveries.forEach(
        (place, runs) -> queues.appendStored(entry, place.topic(), place.queue(), runs, effects));
    counters.add(Counters.HELD, -gone);
    counters.add(Counters.UNANSWERED, unanswered);
    return effects;
  }
}
