package io.keelmq.broker.state;

import io.keelmq.broker.state.Deadlines.Deadline;
import io.keelmq.broker.state.Rows.DecisionRow;
import io.keelmq.broker.state.Rows.HeldRow;
import io.keelmq.broker.state.StateView.HeldRun;
import io.keelmq.broker.state.StateView.StoredRun;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Messages that have no place in their queue yet: delayed ones until log time passes theirs, half
 * ones until their transaction is decided. Their bodies lie in the log where they were sent, or
 * where they were relocated since; getting a place writes a run row with that address and copies
 * nothing.
 *
 * <p>Owned by the apply thread. Every row has one deadline: that of a delayed run is its delivery,
 * that of a half run the next check-back. How half messages were decided is remembered for a while,
 * so that a decision that comes again is told from one that contradicts.
 */
final class HeldMessages {

  private final Tables tables;
  private final Counters counters;
  private final Deadlines deadlines;
  private final Queues queues;
  private final OldestRows decisionsByAge;

  HeldMessages(Tables tables, Counters counters, Deadlines deadlines, Queues queues) {
    this.tables = tables;
    this.counters = counters;
    this.deadlines = deadlines;
    this.queues = queues;
    this.decisionsByAge = new OldestRows(tables, Table.DEDUP, Keys.prefix('e'));
  }

  /** Whether a run waits, or gets its place when it is stored. */
  static boolean waits(LogEntryInfo entry, Command.Placing placing) {
    return placing.half() || placing.deliverAtMillis() > entry.timeMillis();
  }

  /** Why a topic does not take a run that is to be placed so. */
  static Optional<Outcome> check(LogEntryInfo entry, Topic topic, Command.Placing placing) {
    if (placing.deliverAtMillis() != 0 && placing.half()) {
      return reject(
          Rejection.INVALID, "a message is delayed or half, not both: send it as one of them");
    }
    if (placing.deliverAtMillis() < 0) {
      return reject(
          Rejection.ILLEGAL_DELIVERY_TIME,
          "delivery at " + placing.deliverAtMillis() + ": expected milliseconds since 1970");
    }
    if (placing.firstCheckMillis() < 0
        || placing.firstCheckMillis() > Limits.MAX_FIRST_CHECK_MILLIS
        || (placing.firstCheckMillis() != 0 && !placing.half())) {
      return reject(
          Rejection.INVALID,
          "first check after "
              + placing.firstCheckMillis()
              + " ms: expected 0 to "
              + Limits.MAX_FIRST_CHECK_MILLIS
              + ", and 0 for what is not half");
    }
    if (placing.deliverAtMillis() != 0 && topic.type() != TopicType.DELAY) {
      return conflict(topic, "delayed messages", TopicType.DELAY);
    }
    if (placing.half() && topic.type() != TopicType.TRANSACTION) {
      return conflict(topic, "half messages", TopicType.TRANSACTION);
    }
    // As a difference: the sum of two times may not fit.
    if (placing.deliverAtMillis() - entry.timeMillis() > Limits.MAX_DELAY_MILLIS) {
      return reject(
          Rejection.ILLEGAL_DELIVERY_TIME,
          "delivery in "
              + (placing.deliverAtMillis() - entry.timeMillis())
              + " ms: expected at most "
              + Limits.MAX_DELAY_MILLIS);
    }
    return Optional.empty();
  }

  /** Whether {@code more} runs can be kept, or why not. */
  Optional<Outcome> checkRoom(int more) {
    return more == 0 || counters.get(Counters.HELD) + more <= Limits.MAX_HELD
        ? Optional.empty()
        : reject(
            Rejection.TOO_MANY,
            Limits.MAX_HELD
                + " delayed and half messages wait, more do not fit: try again when some are"
                + " delivered or decided");
  }

  /**
   * Keeps a run until its time or decision comes.
   *
   * @param effects gets what has to be told
   * @return what the run is called
   */
  HeldId hold(LogEntryInfo entry, Topic topic, Command.Run run, List<Effect> effects) {
    var id = new HeldId(entry.index(), run.position());
    Command.Placing placing = run.placing();
    long due =
        placing.half()
            ? entry.timeMillis()
                + (placing.firstCheckMillis() == 0
                    ? Limits.FIRST_CHECK_MILLIS
                    : placing.firstCheckMillis())
            : placing.deliverAtMillis();
    put(
        topic.id(),
        id,
        new HeldRow(
            run.queue(),
            run.count(),
            run.bytes(),
            entry.timeMillis(),
            due,
            placing.half(),
            Checks.NONE,
            Optional.empty()),
        effects);
    counters.add(Counters.HELD, 1);
    return id;
  }

  /** Takes back a delayed message. */
  Outcome recall(Command.RecallMessage command) {
    Optional<Topic> topic = Topics.find(tables, command.topic());
    if (topic.isEmpty()) {
      return Topics.notFound(command.topic());
    }
    Optional<HeldRow> held = find(tables, topic.get().id(), command.held());
    if (held.isEmpty()) {
      return Outcome.rejected(
          Rejection.HELD_NOT_FOUND,
          "message "
              + command.held()
              + " does not wait in topic "
              + command.topic()
              + ": it was delivered or recalled before, or never sent");
    }
    if (held.get().half()) {
      return Outcome.rejected(
          Rejection.INVALID,
          "message " + command.held() + " is half: roll its transaction back instead");
    }
    remove(topic.get().id(), command.held(), held.get());
    return Outcome.of(new Reply.Done());
  }

  /** Decides a half message. */
  Outcome end(LogEntryInfo entry, Command.EndTransaction command) {
    Optional<Topic> topic = Topics.find(tables, command.topic());
    if (topic.isEmpty()) {
      return Topics.notFound(command.topic());
    }
    Optional<HeldRow> held = find(tables, topic.get().id(), command.held());
    if (held.isEmpty()) {
      return decidedBefore(topic.get(), command);
    }
    if (!held.get().half()) {
      return Outcome.rejected(
          Rejection.INVALID,
          "message " + command.held() + " is delayed, not half: it can be recalled, not decided");
    }
    var effects = new ArrayList<Effect>();
    remove(topic.get().id(), command.held(), held.get());
    if (!command.commit()) {
      remember(entry, topic.get().id(), command.held(), rolledBack(held.get()));
      return new Outcome(new Reply.Done(), effects);
    }
    long offset =
        queues.appendStored(
            entry,
            topic.get(),
            held.get().queue(),
            List.of(stored(command.held(), held.get())),
            effects);
    var decision = new DecisionRow(held.get().queue(), offset);
    remember(entry, topic.get().id(), command.held(), decision);
    return new Outcome(committed(decision, false), effects);
  }

  private Outcome decidedBefore(Topic topic, Command.EndTransaction command) {
    Optional<DecisionRow> decision =
        tables.get(Table.DEDUP, Keys.decision(topic.id(), command.held())).map(Rows::decision);
    if (decision.isEmpty()) {
      return Outcome.rejected(
          Rejection.HELD_NOT_FOUND,
          "half message "
              + command.held()
              + " does not wait in topic "
              + topic.name()
              + ": it was decided long ago, or never sent");
    }
    boolean wasCommitted = decision.get().offset() != DecisionRow.ROLLED_BACK;
    if (wasCommitted != command.commit()) {
      return Outcome.rejected(
          Rejection.TRANSACTION_DECIDED,
          "half message "
              + command.held()
              + " was "
              + (wasCommitted ? "committed" : "rolled back")
              + " before");
    }
    return Outcome.of(wasCommitted ? committed(decision.get(), true) : new Reply.Done());
  }

  /** Producers were handed check-backs. */
  Outcome heard(LogEntryInfo entry, Command.HeardChecks command) {
    if (command.checks().size() > Limits.MAX_HEARD_CHECKS) {
      return Outcome.rejected(
          Rejection.INVALID,
          command.checks().size() + " checks: expected at most " + Limits.MAX_HEARD_CHECKS);
    }
    var effects = new ArrayList<Effect>();
    for (Command.HeardCheck check : command.checks()) {
      find(tables, check.topicId(), check.held())
          .filter(row -> row.half() && row.checks().awaits(check.check()))
          .ifPresent(row -> heard(entry, check, row, effects));
    }
    return new Outcome(new Reply.Done(), effects);
  }

  private void heard(
      LogEntryInfo entry, Command.HeardCheck check, HeldRow row, List<Effect> effects) {
    Checks heard = row.checks().hear();
    deadlines.remove(Deadline.ofHeld(row.dueMillis(), check.topicId(), check.held()));
    // Somebody is there again: the next one does not wait for as long as the last would have.
    long next = Math.min(row.dueMillis(), entry.timeMillis() + heard.pauseMillis());
    put(check.topicId(), check.held(), row.dueAt(next, heard), effects);
  }

  HeldStep begin(LogEntryInfo entry, Features features) {
    return new HeldStep(
        tables, entry, counters, queues, this, features.allows(Feature.HEARD_CHECKS));
  }

  /**
   * Deletes some rows of a topic that has no name any more.
   *
   * @return how many
   */
  int sweep(long topicId, int limit) {
    if (limit < 1) {
      return 0;
    }
    byte[] prefix = Keys.heldOfTopic(topicId);
    var rows = tables.range(Table.HELD, prefix, Keys.after(prefix), limit);
    for (var row : rows) {
      // With its deadline, which may lie weeks ahead.
      deadlines.remove(Deadline.ofHeld(Rows.held(row.value()).dueMillis(), topicId, idOf(row)));
      tables.delete(Table.HELD, row.key());
    }
    counters.add(Counters.HELD, -rows.size());
    return rows.size();
  }

  static Optional<HeldRun> run(TableReads tables, long topicId, HeldId id) {
    return find(tables, topicId, id).map(row -> run(id, row));
  }

  static List<HeldRun> runs(TableReads tables, long topicId, Optional<HeldId> after, int limit) {
    byte[] prefix = Keys.heldOfTopic(topicId);
    byte[] from = after.map(id -> Keys.after(Keys.held(topicId, id))).orElse(prefix);
    var runs = new ArrayList<HeldRun>();
    for (var row : tables.range(Table.HELD, from, Keys.after(prefix), limit)) {
      runs.add(run(idOf(row), Rows.held(row.value())));
    }
    return runs;
  }

  private static HeldRun run(HeldId id, HeldRow row) {
    return new HeldRun(
        id,
        row.queue(),
        stored(id, row),
        row.half(),
        row.dueMillis(),
        row.checks().asked(),
        row.checks().heard());
  }

  /** Where the bytes of a run lie that has no offset yet. */
  static StoredRun stored(HeldId id, HeldRow row) {
    BodyAddress address = row.address(id);
    return new StoredRun(
        Reply.Stored.HELD,
        row.count(),
        address.logIndex(),
        address.position(),
        row.bytes(),
        row.storedMillis());
  }

  static Optional<HeldRow> find(TableReads tables, long topicId, HeldId id) {
    return tables.get(Table.HELD, Keys.held(topicId, id)).map(Rows::held);
  }

  private static HeldId idOf(TableReads.Row row) {
    var in = new RowReader(row.key()).skip(8);
    return new HeldId(in.int64(), in.int32());
  }

  void put(long topicId, HeldId id, HeldRow held, List<Effect> effects) {
    tables.put(Table.HELD, Keys.held(topicId, id), Rows.held(held));
    effects.add(deadlines.add(Deadline.ofHeld(held.dueMillis(), topicId, id)));
  }

  private void remove(long topicId, HeldId id, HeldRow held) {
    tables.delete(Table.HELD, Keys.held(topicId, id));
    deadlines.remove(Deadline.ofHeld(held.dueMillis(), topicId, id));
    counters.add(Counters.HELD, -1);
  }

  void remember(LogEntryInfo entry, long topicId, HeldId id, DecisionRow decision) {
    int forgotten = forget(entry);
    tables.put(Table.DEDUP, Keys.decision(topicId, id), Rows.decision(decision));
    byte[] age = Keys.decisionByAge(entry.timeMillis(), topicId, id);
    tables.put(Table.DEDUP, age, new byte[0]);
    decisionsByAge.added(age);
    counters.add(Counters.DECISIONS, 1 - forgotten);
  }

  /**
   * Forgets decisions that are old, or that the room is needed for: a caller's own repeats are told
   * by its origin, so what is lost early is only a better answer.
   */
  private int forget(LogEntryInfo entry) {
    boolean full = counters.get(Counters.DECISIONS) >= Limits.MAX_DECISIONS;
    int forgotten = 0;
    for (var row : decisionsByAge.first(Limits.FORGET_PER_INSERT)) {
      var in = new RowReader(row.key()).skip(1);
      long ageMillis = entry.timeMillis() - in.int64();
      if (ageMillis < Limits.DECISION_MILLIS && (!full || forgotten > 0)) {
        break;
      }
      long topicId = in.int64();
      tables.delete(Table.DEDUP, Keys.decision(topicId, new HeldId(in.int64(), in.int32())));
      tables.delete(Table.DEDUP, row.key());
      forgotten++;
    }
    return forgotten;
  }

  static DecisionRow rolledBack(HeldRow held) {
    return new DecisionRow(held.queue(), DecisionRow.ROLLED_BACK);
  }

  private static Reply committed(DecisionRow decision, boolean duplicate) {
    return new Reply.Stored(List.of(decision.queue()), List.of(decision.offset()), duplicate);
  }

  private static Optional<Outcome> conflict(Topic topic, String what, TopicType needed) {
    return reject(
        Rejection.MESSAGE_TYPE_CONFLICT,
        "topic "
            + topic.name()
            + " is of type "
            + topic.type()
            + ", "
            + what
            + " need one of type "
            + needed);
  }

  private static Optional<Outcome> reject(Rejection reason, String message) {
    return Optional.of(Outcome.rejected(reason, message));
  }
}
