package io.keelmq.broker;

/** Answer to {@link Replica#readPoint}. */
public sealed interface ReadPoint {

  /** The state holds everything committed before the question. */
  record Reached(long index) implements ReadPoint {}

  /** No leader confirmed how far the group is. */
  record NotReached(String message) implements ReadPoint {}
}
