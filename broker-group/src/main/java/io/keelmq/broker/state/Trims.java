package io.keelmq.broker.state;

import io.keelmq.broker.state.Rows.QueueRow;
import io.keelmq.broker.state.StateView.StoredRun;

/**
 * Lets the oldest messages of queues go that are too large, or for which there is no room. What was
 * measured may have changed since, so a topic's retention is compared and ages are judged here.
 *
 * <p>Owned by the apply thread.
 */
final class Trims {

  private final Tables tables;

  Trims(Tables tables) {
    this.tables = tables;
  }

  Outcome apply(LogEntryInfo entry, Command.TrimQueues command) {
    if (command.trims().size() > Limits.MAX_TRIMS) {
      return Outcome.rejected(
          Rejection.INVALID,
          command.trims().size() + " queues: expected at most " + Limits.MAX_TRIMS);
    }
    int rows = Limits.SWEEP_ROWS;
    for (Command.Trim trim : command.trims()) {
      if (rows < 1) {
        break;
      }
      if (isDue(trim)) {
        rows -= trim(entry, trim, rows);
      }
    }
    return Outcome.of(new Reply.Done());
  }

  private boolean isDue(Command.Trim trim) {
    return trim.reason() instanceof Command.BySize size
        ? size.retentionBytes() > 0
            && Topics.find(tables, trim.topicId())
                .filter(topic -> topic.retentionBytes() == size.retentionBytes())
                .isPresent()
        : Topics.find(tables, trim.topicId()).isPresent();
  }

  /** Says how many rows it took. */
  private int trim(LogEntryInfo entry, Command.Trim trim, int most) {
    QueueRow row = Queues.find(tables, trim.topicId(), trim.queue());
    byte[] first = Keys.run(trim.topicId(), trim.queue(), row.firstOffset());
    byte[] end = Keys.after(Keys.runs(trim.topicId(), trim.queue()));
    long firstOffset = row.firstOffset();
    int gone = 0;
    for (var candidate : tables.range(Table.RUNS, first, end, most)) {
      StoredRun run = Queues.read(candidate);
      long behind = run.firstOffset() + run.count();
      if (behind > trim.toOffset() || isTooYoung(entry, run, trim.reason())) {
        break;
      }
      tables.delete(Table.RUNS, candidate.key());
      firstOffset = behind;
      gone++;
    }
    if (gone > 0) {
      tables.put(
          Table.CATALOG,
          Keys.queue(trim.topicId(), trim.queue()),
          Rows.queue(row.from(firstOffset)));
    }
    return gone + 1;
  }

  private static boolean isTooYoung(LogEntryInfo entry, StoredRun run, Command.TrimReason reason) {
    // As a difference: the sum of two times may not fit.
    return reason instanceof Command.ByDisk disk
        && entry.timeMillis() - run.timeMillis() < Math.max(0, disk.keepMillis());
  }
}
