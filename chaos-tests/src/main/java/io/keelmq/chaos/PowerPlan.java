package io.keelmq.chaos;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntBinaryOperator;

/**
 * How a run cuts the power. Immutable.
 *
 * @param rounds cuts, each followed by a restart
 * @param moments each round one of these
 * @param torn whether each disk that lost its power also shows a write that was under way; without
 *     it, some rounds of a run of several moments do
 * @param expectsLoss of a canary: messages that a cut took are counted and are no problem
 */
record PowerPlan(int rounds, Kind kind, List<Moment> moments, boolean torn, boolean expectsLoss) {

  PowerPlan {
    moments = moments.contains(Moment.MIXED) ? Moment.allButMixed() : List.copyOf(moments);
    if (moments.isEmpty()) {
      throw new IllegalArgumentException("no moment to cut at; expected one or more");
    }
  }

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
    /** When a leader of before is cutting off what no other replica has. */
    TRUNCATE,
    /** When a replica that was far behind is bringing in the leader's snapshot. */
    ADOPT,
    /** Each round one of the others. */
    MIXED;

    private static List<Moment> allButMixed() {
      return Arrays.stream(values()).filter(moment -> moment != MIXED).toList();
    }
  }

  /**
   * For the next round.
   *
   * @param draw a number between its arguments, the first inclusive, the second exclusive
   */
  Moment drawMoment(IntBinaryOperator draw) {
    return moments.get(moments.size() == 1 ? 0 : draw.applyAsInt(0, moments.size()));
  }

  /** Whether the next round tears what was not forced. A canary's loss shall be the cut's alone. */
  boolean drawTorn(IntBinaryOperator draw) {
    if (expectsLoss || torn) {
      return !expectsLoss;
    }
    return moments.size() > 1 && draw.applyAsInt(0, 2) == 1;
  }
}
