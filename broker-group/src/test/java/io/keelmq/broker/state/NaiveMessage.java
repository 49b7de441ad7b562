package io.keelmq.broker.state;

import java.util.Optional;

/** One message of {@link NaiveLeases} that is neither done nor beyond the cursor. */
final class NaiveMessage {

  enum State {
    LEASED,
    READY,
    BLOCKED,
    DOOMED
  }

  State state;
  int attempt;
  long hash;
  long deadlineMillis;

  /** Whether it is at a client, or was when its lease ended; not after being given back. */
  boolean atClient;

  /** Empty until the rows tell. */
  Optional<LeaseId> lease = Optional.empty();

  NaiveMessage(State state, int attempt, long hash) {
    this.state = state;
    this.attempt = attempt;
    this.hash = hash;
  }
}
