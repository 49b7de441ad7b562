package io.keelmq.broker.state;

/**
 * Where commands begin to change leases. Nothing lives in memory: every lease is a row, so a
 * restarted replica goes on where its applied index stands.
 *
 * <p>Owned by the apply thread.
 */
final class Leases {

  private final Tables tables;
  private final Deadlines deadlines;
  private final DeadLetters deadLetters;
  private final LeaseIds ids = new LeaseIds();

  Leases(Tables tables, Deadlines deadlines, DeadLetters deadLetters) {
    this.tables = tables;
    this.deadlines = deadlines;
    this.deadLetters = deadLetters;
  }

  LeaseStep begin(LogEntryInfo entry) {
    return new LeaseStep(tables, entry, deadlines, deadLetters, ids);
  }
}
