package io.keelmq.chaos;

/**
 * How a run cuts the power. Immutable.
 *
 * @param rounds cuts, each followed by a restart
 * @param expectsLoss of a canary: messages that a cut took are counted and are no problem
 */
record PowerPlan(int rounds, Kind kind, Moment moment, boolean expectsLoss) {

  /** Which replicas lose their power, at one instant. */
  enum Kind {
    ALL,
    ONE,
    TWO,
    /** Each round one of the others. */
    MIXED
  }

  /** When that is. */
  enum Moment {
    ANY,
    /** When one of those replicas begins a segment. */
    ROLL,
    /** When one of those replicas begins or publishes a snapshot. */
    SNAPSHOT,
    /** Each round one of the others. */
    MIXED
  }
}
