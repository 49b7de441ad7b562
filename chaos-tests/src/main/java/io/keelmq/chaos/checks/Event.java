package io.keelmq.chaos.checks;

/**
 * One line of the history of a run. Immutable.
 *
 * <p>Queues are numbered over the whole run, so that those of different topics differ; so are
 * consumers and consumer groups.
 */
public sealed interface Event {

  /** Nanoseconds on the monotonic clock that all processes of this machine share. */
  long nanos();

  /**
   * Of a send. {@code producer} and {@code seq} name it: a producer numbers its sends from 0
   * without gaps.
   */
  sealed interface OfSend extends Event {
    int producer();

    long seq();
  }

  /** How an operation ended. The codes are in the histories' files and never change. */
  enum Outcome {
    OK(0),
    /** With an error that proves that it changed nothing and never will. */
    FAIL(1),
    /** Nobody knows how. So did one whose end is not in the history. */
    UNKNOWN(2);

    private final int code;

    Outcome(int code) {
      this.code = code;
    }

    public int code() {
      return code;
    }

    /**
     * @throws IllegalArgumentException if no outcome has the code
     */
    public static Outcome ofCode(int code) {
      for (Outcome outcome : values()) {
        if (outcome.code == code) {
          return outcome;
        }
      }
      throw new IllegalArgumentException("outcome " + code + ": expected 0 to 2");
    }
  }

  /** A send begins. A negative key is one that promises no order. */
  record Invoke(int producer, int key, long seq, long nanos) implements OfSend {}

  /** The send was acknowledged, with a place. */
  record Ok(int producer, long seq, int queue, long offset, long nanos) implements OfSend {}

  /** The send ended with an error that proves that nothing was and nothing will be stored. */
  record Fail(int producer, long seq, long nanos) implements OfSend {}

  /** The send ended and nobody knows how. So does one that has no end in the history. */
  record Unknown(int producer, long seq, long nanos) implements OfSend {}

  /** A reader was handed a message while the run went on. */
  record Delivered(int producer, int key, long seq, int queue, long offset, long nanos)
      implements OfSend {}

  /**
   * Told right after its {@link Invoke}: the message shall wait.
   *
   * @param dueMillis for that time, in milliseconds since 1970; 0: for its transaction
   */
  record Waits(int producer, long seq, long dueMillis, long nanos) implements OfSend {}

  /** The send was acknowledged; the message waits and has no place yet. */
  record Held(int producer, long seq, long nanos) implements OfSend {}

  /** What shall become of a message that waits. The codes are as those of {@link Outcome}. */
  enum Decision {
    COMMIT(0),
    ROLLBACK(1),
    RECALL(2);

    private final int code;

    Decision(int code) {
      this.code = code;
    }

    public int code() {
      return code;
    }

    /**
     * @throws IllegalArgumentException if no decision has the code
     */
    public static Decision ofCode(int code) {
      for (Decision decision : values()) {
        if (decision.code == code) {
          return decision;
        }
      }
      throw new IllegalArgumentException("decision " + code + ": expected 0 to 2");
    }
  }

  /** The decision is about to be told to the brokers. */
  record Decides(int producer, long seq, Decision decision, long nanos) implements OfSend {}

  record Decided(int producer, long seq, Decision decision, Outcome outcome, long nanos)
      implements OfSend {}

  /** Of a consumer that leases messages. */
  sealed interface OfConsumer extends Event {
    int consumer();
  }

  /**
   * What a lease is called: later ones of a message are higher.
   *
   * @param index of the log entry that granted it
   */
  record LeaseName(int generation, long index, int ordinal) implements Comparable<LeaseName> {
    @Override
    public int compareTo(LeaseName other) {
      int byIndex = Long.compare(index, other.index);
      return byIndex != 0 ? byIndex : Integer.compare(ordinal, other.ordinal);
    }
  }

  /**
   * A consumer is about to join its consumer group.
   *
   * @param renews its leases last as long as its stream
   */
  record Joins(int consumer, int group, boolean renews, long nanos) implements OfConsumer {}

  /**
   * The consumer is about to go.
   *
   * @param returning it returns what it has not settled; false: its process is killed
   */
  record Leaves(int consumer, boolean returning, long nanos) implements OfConsumer {}

  /** The consumer begins to wait for a message. */
  record Polls(int consumer, long nanos) implements OfConsumer {}

  /** Its wait is over. */
  record Polled(int consumer, long nanos) implements OfConsumer {}

  /**
   * The consumer was handed a message.
   *
   * @param deadlineMillis log time at which the lease ends, in milliseconds since 1970
   */
  record Took(
      int consumer,
      int group,
      int queue,
      long offset,
      LeaseName lease,
      int attempt,
      long deadlineMillis,
      int producer,
      int key,
      long seq,
      long nanos)
      implements OfConsumer {}

  /** What a consumer decides about a message. */
  enum Settling {
    ACK(0),
    NACK(1),
    EXTEND(2),
    RELEASE(3),
    DEAD_LETTER(4);

    private final int code;

    Settling(int code) {
      this.code = code;
    }

    public int code() {
      return code;
    }

    /**
     * @throws IllegalArgumentException if no settling has the code
     */
    public static Settling ofCode(int code) {
      for (Settling settling : values()) {
        if (settling.code == code) {
          return settling;
        }
      }
      throw new IllegalArgumentException("settling " + code + ": expected 0 to 4");
    }
  }

  /**
   * The decision is about to be told to the brokers.
   *
   * @param millis of NACK and EXTEND
   */
  record Settles(
      int consumer,
      int group,
      int queue,
      long offset,
      LeaseName lease,
      Settling how,
      long millis,
      long nanos)
      implements OfConsumer {}

  record Settled(
      int consumer,
      int group,
      int queue,
      long offset,
      LeaseName lease,
      Settling how,
      Outcome outcome,
      long nanos)
      implements OfConsumer {}
}
