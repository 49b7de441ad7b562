package io.keelmq.broker.state;

import java.util.Optional;

/**
 * The state machine of a broker group: every decision that clients can observe.
 *
 * <p>Owned by the apply thread. Total: bad input is a {@link Reply.Rejected}, never an exception;
 * an exception out of here is a defect and stops the replica. Keeps nothing in memory that its rows
 * do not hold, so a restarted replica goes on from its applied index.
 */
public final class BrokerState {

  private final Tables tables;

  public BrokerState(Tables tables) {
    this.tables = tables;
  }

  /**
   * Carries out one command.
   *
   * @param entry where it stands; commands of one entry have the same
   * @param origin told by callers that repeat a command; absent where the command tells repeats
   *     itself
   */
  public Outcome apply(LogEntryInfo entry, Optional<CommandOrigin> origin, Command command) {
    throw new UnsupportedOperationException();
  }

  /** Ends an entry: its index, log time and digest become part of the rows. */
  public void finish(LogEntryInfo entry) {
    throw new UnsupportedOperationException();
  }

  /** How far the rows have come. */
  public Applied applied() {
    throw new UnsupportedOperationException();
  }
}
