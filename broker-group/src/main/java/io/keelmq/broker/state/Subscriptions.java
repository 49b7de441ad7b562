package io.keelmq.broker.state;

import io.keelmq.broker.state.Command.QueueOffset;
import io.keelmq.broker.state.Deadlines.Deadline;
import io.keelmq.broker.state.StateView.ConsumerGroup;
import io.keelmq.broker.state.StateView.Cursor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Where consumer groups of kind lease begin at the queues of a topic. A group's first subscription
 * fixes that for the queues there are; one that is added to the topic later begins at its first
 * message, whenever somebody subscribes again.
 *
 * <p>Owned by the apply thread.
 */
final class Subscriptions {

  private static final Cursor BEGINNING = new Cursor(0, 0, 0, 0, 0, 0);

  private final Tables tables;
  private final Deadlines deadlines;

  Subscriptions(Tables tables, Deadlines deadlines) {
    this.tables = tables;
    this.deadlines = deadlines;
  }

  /** Empty before the group subscribed to the topic. */
  static Optional<Cursor> cursor(TableReads tables, Subscription at) {
    Optional<Cursor> stored = tables.get(Table.LEASES, LeaseKeys.cursor(at)).map(LeaseRows::cursor);
    if (stored.isPresent()) {
      return stored;
    }
    return tables
        .get(Table.CATALOG, Keys.epoch(at.groupId(), at.topicId()))
        .map(epoch -> BEGINNING);
  }

  /** Does nothing if the group subscribed before. */
  void subscribe(Topic topic, ConsumerGroup group) {
    byte[] epoch = Keys.epoch(group.id(), topic.id());
    if (tables.get(Table.CATALOG, epoch).isPresent()) {
      return;
    }
    tables.put(Table.CATALOG, epoch, Rows.int64(0));
    for (int queue = 0; queue < topic.queues(); queue++) {
      var bounds = Queues.find(tables, topic.id(), queue);
      long first = group.settings().fromLatest() ? bounds.endOffset() : bounds.firstOffset();
      put(new Subscription(topic.id(), group.id(), queue), new Cursor(0, first, 0, 0, 0, 0));
    }
  }

  /** Moves a group; whatever it has out of the queues named is void. Targets are checked. */
  List<Effect> seek(
      LogEntryInfo entry, Topic topic, ConsumerGroup group, List<QueueOffset> targets) {
    subscribe(topic, group);
    var effects = new ArrayList<Effect>();
    for (QueueOffset target : targets) {
      var at = new Subscription(topic.id(), group.id(), target.queue());
      Cursor before = cursor(tables, at).orElseThrow();
      int generation = before.generation() + 1;
      put(at, new Cursor(generation, target.offset(), 0, 0, 0, 0));
      if (before.batches() > 0 || before.blocked() > 0) {
        deadlines.add(Deadline.sweepOf(entry.timeMillis(), at, generation));
        effects.add(new Effect.DueAt(entry.timeMillis()));
      }
      effects.add(new Effect.QueueReady(at.groupId(), at.topicId(), at.queue(), 0));
    }
    return effects;
  }

  private void put(Subscription at, Cursor cursor) {
    tables.put(Table.LEASES, LeaseKeys.cursor(at), LeaseRows.cursor(cursor));
  }
}
