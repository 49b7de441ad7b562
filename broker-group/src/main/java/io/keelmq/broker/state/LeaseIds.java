package io.keelmq.broker.state;

/**
 * Numbers the leases of an entry. Begins anew with each entry, so a restart, which falls between
 * two entries, changes nothing.
 *
 * <p>Owned by the apply thread.
 */
final class LeaseIds {

  private long index;
  private int ordinal;

  LeaseId next(LogEntryInfo entry) {
    if (entry.index() != index) {
      index = entry.index();
      ordinal = 0;
    }
    return new LeaseId(index, ordinal++);
  }
}
