package io.keelmq.broker.state;

import io.keelmq.broker.state.Deadlines.Deadline;
import io.keelmq.broker.state.Deadlines.Kind;
import io.keelmq.broker.state.Rows.GroupRow;
import io.keelmq.broker.state.StateView.ConsumerGroup;
import java.util.List;
import java.util.Optional;

/**
 * Consumer groups, and how far those of kind {@link GroupKind#OFFSET} have come. Committed offsets
 * only rise within an epoch; a seek moves them anywhere and begins the next epoch.
 *
 * <p>Owned by the apply thread.
 */
final class ConsumerGroups {

  private final Tables tables;
  private final Counters counters;
  private final Deadlines deadlines;
  private final Subscriptions subscriptions;
  private final LeaseSweeps leases;

  ConsumerGroups(Tables tables, Counters counters, Deadlines deadlines, LeaseSweeps leases) {
    this.tables = tables;
    this.counters = counters;
    this.deadlines = deadlines;
    this.subscriptions = new Subscriptions(tables, deadlines);
    this.leases = leases;
  }

  static Optional<GroupRow> find(TableReads tables, String name) {
    return tables.get(Table.CATALOG, Keys.group(name)).map(Rows::group);
  }

  static Optional<ConsumerGroup> findNamed(TableReads tables, String name) {
    return find(tables, name).map(row -> new ConsumerGroup(name, row.id(), row.settings()));
  }

  static Optional<ConsumerGroup> find(TableReads tables, long groupId) {
    return tables
        .get(Table.CATALOG, Keys.groupName(groupId))
        .flatMap(row -> findNamed(tables, new RowReader(row).text()));
  }

  /** What is wrong with leases of a group at a queue of a topic, if anything is. */
  static Optional<Outcome> checkLeases(
      Topic topic, String name, Optional<ConsumerGroup> group, int queue) {
    if (group.isEmpty()) {
      return Optional.of(notFound(name));
    }
    if (group.get().kind() != GroupKind.LEASE) {
      return Optional.of(noLeases(name));
    }
    return queue < 0 || queue >= topic.queues()
        ? Optional.of(queueNotFound(topic, queue))
        : Optional.empty();
  }

  Outcome create(Command.CreateConsumerGroup command) {
    Optional<Outcome> unfit = check(command.settings());
    if (unfit.isPresent()) {
      return unfit.get();
    }
    Optional<GroupRow> present = find(tables, command.consumerGroup());
    if (present.isEmpty()) {
      return make(command.consumerGroup(), command.settings())
          .orElseGet(() -> Outcome.of(new Reply.Done()));
    }
    return present.get().settings().equals(command.settings())
        ? Outcome.of(new Reply.Done())
        : Outcome.rejected(
            Rejection.CONSUMER_GROUP_EXISTS,
            "consumer group "
                + command.consumerGroup()
                + " exists and is "
                + present.get().settings().describe()
                + ": delete it first, or take its settings");
  }

  Outcome delete(LogEntryInfo entry, Command.DeleteConsumerGroup command) {
    Optional<GroupRow> found = find(tables, command.consumerGroup());
    if (found.isEmpty()) {
      return notFound(command.consumerGroup());
    }
    long id = found.get().id();
    tables.delete(Table.CATALOG, Keys.group(command.consumerGroup()));
    tables.delete(Table.CATALOG, Keys.groupName(id));
    counters.add(Counters.CONSUMER_GROUPS, -1);
    return Outcome.of(
        new Reply.Done(),
        deadlines.add(new Deadline(entry.timeMillis(), Kind.SWEEP_CONSUMER_GROUP, id, 0)));
  }

  Outcome commit(Command.CommitOffsets command) {
    Optional<Topic> topic = Topics.find(tables, command.topic());
    if (topic.isEmpty()) {
      return Topics.notFound(command.topic());
    }
    Optional<Outcome> wrong = check(topic.get(), command.offsets());
    if (wrong.isPresent()) {
      return wrong.get();
    }
    Optional<GroupRow> group = find(tables, command.consumerGroup());
    if (group.isPresent() && group.get().kind() != GroupKind.OFFSET) {
      return kindConflict(command.consumerGroup());
    }
    long epoch = group.map(row -> epoch(tables, row.id(), topic.get().id())).orElse(0L);
    if (command.epoch() != epoch) {
      return Outcome.rejected(
          Rejection.EPOCH_FENCED,
          "consumer group "
              + command.consumerGroup()
              + " is in epoch "
              + epoch
              + " at topic "
              + command.topic()
              + ", not "
              + command.epoch()
              + ": it was moved; read its offsets again");
    }
    if (group.isEmpty()) {
      Optional<Outcome> refused = make(command.consumerGroup(), GroupSettings.of(GroupKind.OFFSET));
      if (refused.isPresent()) {
        return refused.get();
      }
    }
    long groupId = find(tables, command.consumerGroup()).orElseThrow().id();
    touch(groupId, topic.get().id(), epoch);
    for (var target : command.offsets()) {
      byte[] key = Keys.committed(topic.get().id(), groupId, target.queue());
      if (target.offset() > Rows.int64(tables.get(Table.CATALOG, key), -1)) {
        tables.put(Table.CATALOG, key, Rows.int64(target.offset()));
      }
    }
    return Outcome.of(new Reply.Done());
  }

  Outcome subscribe(Command.SubscribeGroup command) {
    Optional<Topic> topic = Topics.find(tables, command.topic());
    if (topic.isEmpty()) {
      return Topics.notFound(command.topic());
    }
    Optional<ConsumerGroup> group = findNamed(tables, command.consumerGroup());
    if (group.isPresent() && group.get().kind() != GroupKind.LEASE) {
      return noLeases(command.consumerGroup());
    }
    if (group.isEmpty()) {
      Optional<Outcome> refused = make(command.consumerGroup(), GroupSettings.of(GroupKind.LEASE));
      if (refused.isPresent()) {
        return refused.get();
      }
      group = findNamed(tables, command.consumerGroup());
    }
    subscriptions.subscribe(topic.get(), group.orElseThrow());
    return Outcome.of(new Reply.Done());
  }

  Outcome seek(LogEntryInfo entry, Command.SeekOffsets command) {
    Optional<Topic> topic = Topics.find(tables, command.topic());
    if (topic.isEmpty()) {
      return Topics.notFound(command.topic());
    }
    Optional<ConsumerGroup> group = findNamed(tables, command.consumerGroup());
    if (group.isEmpty()) {
      return notFound(command.consumerGroup());
    }
    Optional<Outcome> wrong = check(topic.get(), command.offsets());
    if (wrong.isPresent()) {
      return wrong.get();
    }
    List<Effect> effects =
        group.get().kind() == GroupKind.LEASE
            ? subscriptions.seek(entry, topic.get(), group.get(), command.offsets())
            : List.of();
    long groupId = group.get().id();
    long epoch = epoch(tables, groupId, topic.get().id()) + 1;
    tables.put(Table.CATALOG, Keys.epoch(groupId, topic.get().id()), Rows.int64(epoch));
    if (group.get().kind() == GroupKind.OFFSET) {
      for (var target : command.offsets()) {
        tables.put(
            Table.CATALOG,
            Keys.committed(topic.get().id(), groupId, target.queue()),
            Rows.int64(target.offset()));
      }
    }
    return new Outcome(new Reply.Epoch(epoch), effects);
  }

  /**
   * Deletes some rows of a consumer group that has no name any more.
   *
   * @return true when none are left
   */
  boolean sweep(long groupId, int rows) {
    byte[] epochs = Keys.epochs(groupId);
    int left = rows;
    while (left > 0) {
      var next = tables.range(Table.CATALOG, epochs, Keys.after(epochs), 1);
      if (next.isEmpty()) {
        return true;
      }
      long topicId = new RowReader(next.get(0).key()).skip(9).int64();
      byte[] prefix = Keys.committedOfGroup(topicId, groupId);
      var committed = tables.range(Table.CATALOG, prefix, Keys.after(prefix), left);
      committed.forEach(row -> tables.delete(Table.CATALOG, row.key()));
      left -= committed.size();
      left = left > 0 ? leases.group(topicId, groupId, left) : 0;
      if (left > 0) {
        tables.delete(Table.CATALOG, next.get(0).key());
        left--;
      }
    }
    return false;
  }

  static long epoch(TableReads tables, long groupId, long topicId) {
    return Rows.int64(tables.get(Table.CATALOG, Keys.epoch(groupId, topicId)), 0);
  }

  /** Empty when the consumer group was made. */
  private Optional<Outcome> make(String name, GroupSettings settings) {
    if (!Names.isConsumerGroup(name)) {
      return Optional.of(
          Outcome.rejected(
              Rejection.ILLEGAL_CONSUMER_GROUP,
              "consumer group name \""
                  + name
                  + "\": expected 1 to "
                  + Limits.MAX_CONSUMER_GROUP_NAME
                  + " of letters, digits, %, _ and -"));
    }
    if (counters.get(Counters.CONSUMER_GROUPS) >= Limits.MAX_CONSUMER_GROUPS) {
      return Optional.of(
          Outcome.rejected(
              Rejection.TOO_MANY,
              "there are " + Limits.MAX_CONSUMER_GROUPS + " consumer groups: delete one first"));
    }
    long id = counters.nextId();
    tables.put(Table.CATALOG, Keys.group(name), Rows.group(new GroupRow(id, settings)));
    tables.put(
        Table.CATALOG, Keys.groupName(id), new RowWriter(name.length() + 2).text(name).done());
    counters.add(Counters.CONSUMER_GROUPS, 1);
    return Optional.empty();
  }

  /** The row by which a consumer group's offsets at a topic are found. */
  private void touch(long groupId, long topicId, long epoch) {
    byte[] key = Keys.epoch(groupId, topicId);
    if (tables.get(Table.CATALOG, key).isEmpty()) {
      tables.put(Table.CATALOG, key, Rows.int64(epoch));
    }
  }

  private Optional<Outcome> check(Topic topic, List<Command.QueueOffset> offsets) {
    if (offsets.isEmpty() || offsets.size() > Limits.MAX_QUEUES) {
      return Optional.of(
          Outcome.rejected(
              Rejection.INVALID, offsets.size() + " offsets: expected 1 to " + Limits.MAX_QUEUES));
    }
    for (var target : offsets) {
      if (target.queue() < 0 || target.queue() >= topic.queues()) {
        return Optional.of(queueNotFound(topic, target.queue()));
      }
      if (target.offset() < 0) {
        return Optional.of(
            Outcome.rejected(
                Rejection.ILLEGAL_OFFSET, "offset " + target.offset() + ": expected 0 or more"));
      }
      long end = Queues.find(tables, topic.id(), target.queue()).endOffset();
      if (target.offset() > end) {
        return Optional.of(
            Outcome.rejected(
                Rejection.OFFSET_OUT_OF_RANGE,
                "offset "
                    + target.offset()
                    + " is beyond the end of queue "
                    + target.queue()
                    + " of topic "
                    + topic.name()
                    + ", which is "
                    + end));
      }
    }
    return Optional.empty();
  }

  static Outcome queueNotFound(Topic topic, int queue) {
    return Outcome.rejected(
        Rejection.QUEUE_NOT_FOUND,
        "topic " + topic.name() + " has queues 0 to " + (topic.queues() - 1) + ", not " + queue);
  }

  private static Optional<Outcome> check(GroupSettings settings) {
    if (settings.kind() == GroupKind.OFFSET
        && !settings.equals(GroupSettings.of(GroupKind.OFFSET))) {
      return Optional.of(
          Outcome.rejected(
              Rejection.INVALID,
              "FIFO, attempts and from where to begin are settings of consumer groups of kind"
                  + " LEASE: choose that kind, or leave them out"));
    }
    if (settings.maxAttempts() < 1 || settings.maxAttempts() > Limits.MAX_ATTEMPTS) {
      return Optional.of(
          Outcome.rejected(
              Rejection.INVALID,
              settings.maxAttempts() + " attempts: expected 1 to " + Limits.MAX_ATTEMPTS));
    }
    return Optional.empty();
  }

  private static Outcome noLeases(String name) {
    return Outcome.rejected(
        Rejection.CONSUMER_GROUP_KIND_CONFLICT,
        "consumer group "
            + name
            + " keeps its place by committing offsets: read the topic, or consume it with another"
            + " group");
  }

  private static Outcome notFound(String name) {
    return Outcome.rejected(
        Rejection.CONSUMER_GROUP_NOT_FOUND, "there is no consumer group \"" + name + "\"");
  }

  private static Outcome kindConflict(String name) {
    return Outcome.rejected(
        Rejection.CONSUMER_GROUP_KIND_CONFLICT,
        "the broker keeps the place of consumer group "
            + name
            + " by leases: move it with SeekOffsets instead of committing offsets");
  }
}
