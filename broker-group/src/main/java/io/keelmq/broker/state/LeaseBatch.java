package io.keelmq.broker.state;

/**
 * Messages of one queue that are delivered, or wait to be delivered, together. Immutable.
 *
 * @param attempt deliveries so far, the present one included
 * @param hash of the message group; 0 without one, and in groups that are not FIFO
 * @param deadlineMillis log time; 0 while ready
 */
record LeaseBatch(
    LeaseId id,
    State state,
    OffsetSet offsets,
    int attempt,
    long hash,
    String clientId,
    String attemptId,
    long deadlineMillis) {

  /** The codes are stored and never change. */
  enum State {
    /** Hidden until the deadline: at a consumer, or waiting after one gave it back. */
    LEASED(1),
    READY(2),
    /** On the way to the dead letter topic, for which one command had not enough room. */
    DOOMED(3);

    private final int code;

    State(int code) {
      this.code = code;
    }

    int code() {
      return code;
    }

    static State ofCode(int code) {
      for (State state : values()) {
        if (state.code == code) {
          return state;
        }
      }
      throw new IllegalStateException("stored batch in state " + code + ", expected 1 to 3");
    }
  }

  static LeaseBatch ready(LeaseId id, OffsetSet offsets, int attempt, long hash) {
    return new LeaseBatch(id, State.READY, offsets, attempt, hash, "", "", 0);
  }

  static LeaseBatch doomed(LeaseId id, OffsetSet offsets, int attempt, long deadlineMillis) {
    return new LeaseBatch(id, State.DOOMED, offsets, attempt, 0, "", "", deadlineMillis);
  }

  boolean isReady() {
    return state == State.READY;
  }

  LeaseBatch with(OffsetSet left) {
    return new LeaseBatch(id, state, left, attempt, hash, clientId, attemptId, deadlineMillis);
  }

  LeaseBatch named(LeaseId other) {
    return new LeaseBatch(
        other, state, offsets, attempt, hash, clientId, attemptId, deadlineMillis);
  }

  LeaseBatch after(int otherAttempt) {
    return new LeaseBatch(
        id, state, offsets, otherAttempt, hash, clientId, attemptId, deadlineMillis);
  }

  /** The same, to be delivered again to whomever. Who had it may still settle it. */
  LeaseBatch madeReady() {
    return new LeaseBatch(id, State.READY, offsets, attempt, hash, clientId, attemptId, 0);
  }

  /** The same, which its client has given back. */
  LeaseBatch ofNobody() {
    return new LeaseBatch(id, state, offsets, attempt, hash, "", "", deadlineMillis);
  }

  /** The same, hidden from everybody until {@code millis}. */
  LeaseBatch waiting(long millis) {
    return new LeaseBatch(id, State.LEASED, offsets, attempt, hash, "", "", millis);
  }

  LeaseBatch leasedUntil(long millis) {
    return new LeaseBatch(id, State.LEASED, offsets, attempt, hash, clientId, attemptId, millis);
  }

  StateView.Batch view() {
    return new StateView.Batch(id, offsets, attempt, hash, clientId, attemptId, deadlineMillis);
  }
}
