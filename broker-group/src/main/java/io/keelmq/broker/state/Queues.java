package io.keelmq.broker.state;

import io.keelmq.broker.state.Deadlines.Deadline;
import io.keelmq.broker.state.Deadlines.Kind;
import io.keelmq.broker.state.Rows.QueueRow;
import io.keelmq.broker.state.StateView.StoredRun;
import java.util.List;
import java.util.Optional;

/**
 * Where each queue's messages stand in the log. Offsets are dense from 0; the index is sparse, one
 * row for a run of messages that lie side by side in one entry.
 *
 * <p>Owned by the apply thread.
 */
final class Queues {

  /**
   * Retention looks at a queue at most this often, so that a busy one is not trimmed run by run.
   */
  private static final long MIN_TRIM_INTERVAL_MILLIS = 1_000;

  private static final long MAX_TRIM_INTERVAL_MILLIS = 60_000;

  private final Tables tables;
  private final Deadlines deadlines;

  Queues(Tables tables, Deadlines deadlines) {
    this.tables = tables;
    this.deadlines = deadlines;
  }

  static QueueRow find(TableReads tables, long topicId, int queue) {
    return tables
        .get(Table.CATALOG, Keys.queue(topicId, queue))
        .map(Rows::queue)
        .orElse(QueueRow.EMPTY);
  }

  /** The run that holds {@code offset} or, where that is trimmed or beyond the end, none. */
  static Optional<StoredRun> runAt(TableReads tables, long topicId, int queue, long offset) {
    return tables
        .floor(Table.RUNS, Keys.run(topicId, queue, offset))
        .filter(row -> Keys.startsWith(row.key(), Keys.runs(topicId, queue)))
        .map(Queues::read)
        .filter(run -> offset < run.firstOffset() + run.count());
  }

  static StoredRun read(TableReads.Row row) {
    return Rows.run(new RowReader(row.key()).skip(12).int64(), row.value());
  }

  /**
   * Gives a run of messages the next offsets of its queue.
   *
   * @param effects gets what has to be told
   * @return the offset of the first
   */
  long append(LogEntryInfo entry, Topic topic, Command.Run run, List<Effect> effects) {
    QueueRow queue = find(tables, topic.id(), run.queue());
    long first = queue.endOffset();
    Optional<StoredRun> before = adjacent(entry, topic, run, queue);
    StoredRun stored =
        before
            .map(
                last ->
                    new StoredRun(
                        last.firstOffset(),
                        last.count() + run.count(),
                        last.logIndex(),
                        last.position(),
                        last.bytes() + run.bytes(),
                        last.timeMillis()))
            .orElseGet(
                () ->
                    new StoredRun(
                        first,
                        run.count(),
                        entry.index(),
                        run.position(),
                        run.bytes(),
                        entry.timeMillis()));
    long end = first + run.count();
    tables.put(
        Table.RUNS, Keys.run(topic.id(), run.queue(), stored.firstOffset()), Rows.run(stored));
    tables.put(
        Table.CATALOG,
        Keys.queue(topic.id(), run.queue()),
        Rows.queue(new QueueRow(queue.firstOffset(), end, stored.firstOffset(), entry.index())));
    if (topic.retentionMillis() > 0 && queue.firstOffset() == queue.endOffset()) {
      effects.add(deadlines.add(trimDeadline(topic, run.queue(), entry.timeMillis())));
    }
    effects.add(new Effect.QueueGrew(topic.id(), run.queue(), end));
    return first;
  }

  /**
   * Gives messages that are stored elsewhere the next offsets of a queue.
   *
   * @param runs at least one; their offsets and times are replaced
   * @param effects gets what has to be told
   * @return the offset of the first
   */
  long appendStored(
      LogEntryInfo entry, Topic topic, int number, List<StoredRun> runs, List<Effect> effects) {
    QueueRow queue = find(tables, topic.id(), number);
    long last = queue.lastRun();
    long first = queue.endOffset();
    long end = first;
    for (StoredRun run : runs) {
      last = end;
      tables.put(
          Table.RUNS,
          Keys.run(topic.id(), number, end),
          Rows.run(
              new StoredRun(
                  end,
                  run.count(),
                  run.logIndex(),
                  run.position(),
                  run.bytes(),
                  entry.timeMillis(),
                  run.skip(),
                  run.source())));
      end += run.count();
    }
    // Without a log index: the last run's bytes lie elsewhere, so nothing ever makes it longer.
    tables.put(
        Table.CATALOG,
        Keys.queue(topic.id(), number),
        Rows.queue(new QueueRow(queue.firstOffset(), end, last, 0)));
    if (topic.retentionMillis() > 0 && queue.firstOffset() == queue.endOffset()) {
      effects.add(deadlines.add(trimDeadline(topic, number, entry.timeMillis())));
    }
    effects.add(new Effect.QueueGrew(topic.id(), number, end));
    return first;
  }

  /**
   * Moves a queue's first offset past messages older than its topic's retention, some rows at a
   * time.
   *
   * @return where to look again, if there is anything left to look for
   */
  Optional<Deadline> trim(LogEntryInfo entry, Topic topic, int queue) {
    QueueRow row = find(tables, topic.id(), queue);
    if (topic.retentionMillis() == 0 || row.firstOffset() == row.endOffset()) {
      return Optional.empty();
    }
    byte[] prefix = Keys.runs(topic.id(), queue);
    // Not from the prefix: a store walks over deleted rows until a compaction has dropped them.
    byte[] first = Keys.run(topic.id(), queue, row.firstOffset());
    var rows = tables.range(Table.RUNS, first, Keys.after(prefix), Limits.SWEEP_ROWS);
    long firstOffset = row.firstOffset();
    Optional<Deadline> next = Optional.empty();
    for (var candidate : rows) {
      StoredRun run = read(candidate);
      if (run.timeMillis() + topic.retentionMillis() > entry.timeMillis()) {
        next = Optional.of(trimDeadline(topic, queue, run.timeMillis()));
        break;
      }
      tables.delete(Table.RUNS, candidate.key());
      firstOffset = run.firstOffset() + run.count();
    }
    tables.put(Table.CATALOG, Keys.queue(topic.id(), queue), Rows.queue(row.from(firstOffset)));
    if (next.isEmpty() && firstOffset < row.endOffset()) {
      // A step is full: go on with the next command.
      return Optional.of(new Deadline(entry.timeMillis(), Kind.QUEUE_RETENTION, topic.id(), queue));
    }
    return next;
  }

  /** The queue's last run, if {@code run} lies right behind it in the same entry. */
  private Optional<StoredRun> adjacent(
      LogEntryInfo entry, Topic topic, Command.Run run, QueueRow queue) {
    if (queue.lastRunIndex() != entry.index()) {
      return Optional.empty();
    }
    return tables
        .get(Table.RUNS, Keys.run(topic.id(), run.queue(), queue.lastRun()))
        .map(row -> Rows.run(queue.lastRun(), row))
        .filter(last -> last.position() + last.bytes() == run.position());
  }

  private static Deadline trimDeadline(Topic topic, int queue, long storedMillis) {
    long interval =
        Math.max(
            MIN_TRIM_INTERVAL_MILLIS,
            Math.min(MAX_TRIM_INTERVAL_MILLIS, topic.retentionMillis() / 20));
    long expires = storedMillis + topic.retentionMillis();
    // Rounded up, so that one look takes all runs that expire within the interval.
    long due = expires + interval - Math.floorMod(expires, interval);
    return new Deadline(due, Kind.QUEUE_RETENTION, topic.id(), queue);
  }
}
