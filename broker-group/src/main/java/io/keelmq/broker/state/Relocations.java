package io.keelmq.broker.state;

import io.keelmq.broker.state.Rows.HeldRow;
import io.keelmq.broker.state.StateView.StoredRun;
import java.util.Optional;

/**
 * Gives rows new addresses, when records were copied that outlive the segment they lay in. A row is
 * changed only if it has the address that was copied from: a body that moved before, or is gone, is
 * left alone, so it does not matter how often or how late a command comes. What names a message
 * never changes: its offset, its queue, the name of a delayed or half message, its times.
 *
 * <p>Owned by the apply thread.
 */
final class Relocations {

  private final Tables tables;

  Relocations(Tables tables) {
    this.tables = tables;
  }

  Outcome apply(LogEntryInfo entry, Command.RelocateBodies command) {
    int rows = command.bodies().stream().mapToInt(Command.Body::rows).sum();
    if (rows > Limits.MAX_RELOCATED_ROWS) {
      return Outcome.rejected(
          Rejection.INVALID, rows + " rows: expected at most " + Limits.MAX_RELOCATED_ROWS);
    }
    for (Command.Body body : command.bodies()) {
      var to = new BodyAddress(entry.index(), body.position());
      body.runs().forEach(key -> moveRun(key, body, to));
      body.held().forEach(key -> moveHeld(key, body, to));
    }
    return Outcome.of(new Reply.Done());
  }

  private void moveRun(Command.RunKey key, Command.Body body, BodyAddress to) {
    byte[] row = Keys.run(key.topicId(), key.queue(), key.firstOffset());
    Optional<StoredRun> found =
        tables.get(Table.RUNS, row).map(value -> Rows.run(key.firstOffset(), value));
    found
        .filter(run -> run.address().equals(body.from()) && run.bytes() == body.bytes())
        // In the same entry it may be made longer yet.
        .filter(run -> run.logIndex() < to.logIndex())
        .ifPresent(run -> tables.put(Table.RUNS, row, Rows.run(run.movedTo(to))));
  }

  private void moveHeld(Command.HeldKey key, Command.Body body, BodyAddress to) {
    Optional<HeldRow> found = HeldMessages.find(tables, key.topicId(), key.held());
    found
        .filter(row -> row.address(key.held()).equals(body.from()) && row.bytes() == body.bytes())
        .ifPresent(
            row ->
                tables.put(
                    Table.HELD, Keys.held(key.topicId(), key.held()), Rows.held(row.movedTo(to))));
  }
}
