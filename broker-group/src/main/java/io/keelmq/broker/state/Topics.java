package io.keelmq.broker.state;

import io.keelmq.broker.state.Deadlines.Deadline;
import io.keelmq.broker.state.Deadlines.Kind;
import java.util.List;
import java.util.Optional;

/**
 * Topics by name. A deleted topic loses its name at once and its rows step by step: the id they
 * stand under is never given again, so nobody can meet them.
 *
 * <p>Owned by the apply thread.
 */
final class Topics {

  /** Those that were created, and those that the state machine made itself. */
  static final int MOST = Limits.MAX_TOPICS + Limits.MAX_CONSUMER_GROUPS;

  private final Tables tables;
  private final Counters counters;
  private final Deadlines deadlines;
  private final LeaseSweeps leases;
  private final HeldMessages held;

  Topics(
      Tables tables,
      Counters counters,
      Deadlines deadlines,
      LeaseSweeps leases,
      HeldMessages held) {
    this.tables = tables;
    this.held = held;
    this.counters = counters;
    this.deadlines = deadlines;
    this.leases = leases;
  }

  static Optional<Topic> find(TableReads tables, String name) {
    return tables.get(Table.CATALOG, Keys.topic(name)).map(row -> Rows.topic(name, row));
  }

  static Optional<Topic> find(TableReads tables, long topicId) {
    return tables
        .get(Table.CATALOG, Keys.topicName(topicId))
        .flatMap(row -> find(tables, new RowReader(row).text()));
  }

  Outcome create(LogEntryInfo entry, Command.CreateTopic command) {
    if (!Names.isTopic(command.topic())) {
      return Outcome.rejected(
          Rejection.ILLEGAL_TOPIC,
          "topic name \""
              + command.topic()
              + "\": expected 1 to "
              + Limits.MAX_TOPIC_NAME
              + " of letters, digits, %, _ and -");
    }
    if (command.queues() < 1 || command.queues() > Limits.MAX_QUEUES) {
      return queuesRejected(command.queues());
    }
    if (!isRetention(command.retentionMillis())) {
      return retentionRejected(command.retentionMillis());
    }
    Optional<Outcome> size = checkSize(command.topic(), command.retentionBytes());
    if (size.isPresent()) {
      return size.get();
    }
    Optional<Topic> present = find(tables, command.topic());
    if (present.isPresent()) {
      return same(present.get(), command)
          ? Outcome.of(new Reply.TopicSettings(present.get()))
          : Outcome.rejected(
              Rejection.TOPIC_EXISTS,
              "topic "
                  + command.topic()
                  + " exists with other settings: "
                  + settings(present.get()));
    }
    if (counters.get(Counters.TOPICS) >= Limits.MAX_TOPICS) {
      return Outcome.rejected(
          Rejection.TOO_MANY, "there are " + Limits.MAX_TOPICS + " topics: delete one first");
    }
    return make(
        entry,
        new Topic(
            0,
            command.topic(),
            command.type(),
            command.queues(),
            command.retentionMillis(),
            command.retentionBytes()));
  }

  /** Whether {@link #ofOurs} may make one more: as many as there may be consumer groups fit. */
  boolean hasRoomForOurs() {
    return counters.get(Counters.TOPICS) < MOST;
  }

  /**
   * A topic that the state machine itself puts messages into; made if it is not there, as {@link
   * #hasRoomForOurs} allows. One that somebody made before is used as it is.
   *
   * @param effects gets what has to be told
   */
  Topic ofOurs(LogEntryInfo entry, String name, List<Effect> effects) {
    return find(tables, name)
        .orElseGet(
            () -> {
              effects.addAll(make(entry, new Topic(0, name, TopicType.NORMAL, 1, 0, 0)).effects());
              return find(tables, name).orElseThrow();
            });
  }

  /**
   * @param settings all but the id
   */
  private Outcome make(LogEntryInfo entry, Topic settings) {
    var topic =
        new Topic(
            counters.nextId(),
            settings.name(),
            settings.type(),
            settings.queues(),
            settings.retentionMillis(),
            settings.retentionBytes());
    tables.put(
        Table.CATALOG,
        Keys.topicName(topic.id()),
        new RowWriter(topic.name().length() + 2).text(topic.name()).done());
    counters.add(Counters.TOPICS, 1);
    return changed(entry, topic);
  }

  Outcome alter(LogEntryInfo entry, Command.AlterTopic command) {
    Optional<Topic> found = find(tables, command.topic());
    if (found.isEmpty()) {
      return notFound(command.topic());
    }
    Topic before = found.get();
    int queues = command.queues().orElse(before.queues());
    long retentionMillis = command.retentionMillis().orElse(before.retentionMillis());
    if (queues > Limits.MAX_QUEUES || queues < 1) {
      return queuesRejected(queues);
    }
    if (queues < before.queues()) {
      return Outcome.rejected(
          Rejection.INVALID,
          "topic "
              + before.name()
              + " has "
              + before.queues()
              + " queues and cannot shrink to "
              + queues
              + ": queues can be added, not taken away");
    }
    if (!isRetention(retentionMillis)) {
      return retentionRejected(retentionMillis);
    }
    long retentionBytes = command.retentionBytes().orElse(before.retentionBytes());
    Optional<Outcome> size = checkSize(before.name(), retentionBytes);
    if (size.isPresent()) {
      return size.get();
    }
    var after =
        new Topic(
            before.id(), before.name(), before.type(), queues, retentionMillis, retentionBytes);
    Outcome outcome = changed(entry, after);
    if (retentionMillis == before.retentionMillis() || retentionMillis == 0) {
      return outcome;
    }
    // What the new retention makes due is looked up queue by queue, at once and again as it comes.
    for (int queue = 0; queue < before.queues(); queue++) {
      deadlines.add(new Deadline(entry.timeMillis(), Kind.QUEUE_RETENTION, before.id(), queue));
    }
    return new Outcome(
        outcome.reply(), List.of(new Effect.TopicsChanged(), new Effect.DueAt(entry.timeMillis())));
  }

  Outcome delete(LogEntryInfo entry, Command.DeleteTopic command) {
    Optional<Topic> found = find(tables, command.topic());
    if (found.isEmpty()) {
      return notFound(command.topic());
    }
    Topic topic = found.get();
    tables.delete(Table.CATALOG, Keys.topic(topic.name()));
    tables.delete(Table.CATALOG, Keys.topicName(topic.id()));
    tables.put(Table.META, Keys.TOPICS_VERSION, Rows.int64(entry.index()));
    counters.add(Counters.TOPICS, -1);
    Effect due = deadlines.add(new Deadline(entry.timeMillis(), Kind.SWEEP_TOPIC, topic.id(), 0));
    return Outcome.of(new Reply.Done(), new Effect.TopicsChanged(), due);
  }

  /**
   * Deletes some rows of a topic that has no name any more.
   *
   * @return true when none are left
   */
  boolean sweep(long topicId, int rows) {
    int left = rows;
    left -= deleteRange(Table.RUNS, Keys.runsOfTopic(topicId), left);
    left -= deleteRange(Table.CATALOG, Keys.queues(topicId), left);
    left -= held.sweep(topicId, left);
    for (var row : rangeOf(Table.CATALOG, Keys.committedOfTopic(topicId), left)) {
      long groupId = new RowReader(row.key()).skip(9).int64();
      tables.delete(Table.CATALOG, Keys.epoch(groupId, topicId));
      tables.delete(Table.CATALOG, row.key());
      left--;
    }
    return left > 0 && leases.topic(topicId, left) > 0;
  }

  static Outcome notFound(String name) {
    return Outcome.rejected(
        Rejection.TOPIC_NOT_FOUND, "there is no topic \"" + name + "\": create it first");
  }

  private Outcome changed(LogEntryInfo entry, Topic topic) {
    tables.put(Table.CATALOG, Keys.topic(topic.name()), Rows.topic(topic));
    tables.put(Table.META, Keys.TOPICS_VERSION, Rows.int64(entry.index()));
    return Outcome.of(new Reply.TopicSettings(topic), new Effect.TopicsChanged());
  }

  private int deleteRange(Table table, byte[] prefix, int limit) {
    var rows = rangeOf(table, prefix, limit);
    rows.forEach(row -> tables.delete(table, row.key()));
    return rows.size();
  }

  private List<TableReads.Row> rangeOf(Table table, byte[] prefix, int limit) {
    return limit < 1 ? List.of() : tables.range(table, prefix, Keys.after(prefix), limit);
  }

  private static boolean same(Topic topic, Command.CreateTopic command) {
    return topic.type() == command.type()
        && topic.queues() == command.queues()
        && topic.retentionMillis() == command.retentionMillis()
        && topic.retentionBytes() == command.retentionBytes();
  }

  private static String settings(Topic topic) {
    return "type "
        + topic.type()
        + ", "
        + topic.queues()
        + " queues, retention "
        + (topic.retentionMillis() == 0 ? "for ever" : topic.retentionMillis() + " ms")
        + (topic.retentionBytes() == 0
            ? ""
            : ", at most " + topic.retentionBytes() + " bytes a queue");
  }

  private static Optional<Outcome> checkSize(String topic, long retentionBytes) {
    if (retentionBytes < 0 || retentionBytes > Limits.MAX_RETENTION_BYTES) {
      return Optional.of(
          Outcome.rejected(
              Rejection.INVALID,
              "retention of "
                  + retentionBytes
                  + " bytes a queue: expected 0 (any number) to "
                  + Limits.MAX_RETENTION_BYTES));
    }
    // Dead letters lie among others, so what they take by themselves is not known.
    return retentionBytes > 0 && topic.startsWith(DeadLetters.TOPIC_PREFIX)
        ? Optional.of(
            Outcome.rejected(
                Rejection.INVALID,
                "topic "
                    + topic
                    + " holds dead letters, which have no size of their own: limit them by time"))
        : Optional.empty();
  }

  private static boolean isRetention(long millis) {
    return millis >= 0 && millis <= Limits.MAX_RETENTION_MILLIS;
  }

  private static Outcome queuesRejected(int queues) {
    return Outcome.rejected(
        Rejection.INVALID, queues + " queues: expected 1 to " + Limits.MAX_QUEUES);
  }

  private static Outcome retentionRejected(long retentionMillis) {
    return Outcome.rejected(
        Rejection.INVALID,
        "retention of "
            + retentionMillis
            + " ms: expected 0 (for ever) to "
            + Limits.MAX_RETENTION_MILLIS);
  }
}
