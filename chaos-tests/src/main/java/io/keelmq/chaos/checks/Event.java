package io.keelmq.chaos.checks;

/**
 * One line of the history of a run. Immutable.
 *
 * <p>{@code producer} and {@code seq} name the operation: a producer numbers its sends from 0
 * without gaps.
 */
public sealed interface Event {

  int producer();

  long seq();

  /** Nanoseconds on the clock of the one process that runs all clients. */
  long nanos();

  /** A send begins. */
  record Invoke(int producer, int key, long seq, long nanos) implements Event {}

  /** The send was acknowledged. */
  record Ok(int producer, long seq, int queue, long offset, long nanos) implements Event {}

  /** The send ended with an error that proves that nothing was and nothing will be stored. */
  record Fail(int producer, long seq, long nanos) implements Event {}

  /** The send ended and nobody knows how. So does one that has no end in the history. */
  record Unknown(int producer, long seq, long nanos) implements Event {}

  /** A reader was handed a message while the run went on. */
  record Delivered(int producer, int key, long seq, int queue, long offset, long nanos)
      implements Event {}
}
