package io.keelmq.broker.state;

/**
 * A change of what the log or the rows may hold, which replicas of earlier versions would not
 * understand. Proposers ask {@link Features#allows} before they use one; a command that uses one
 * says so with {@link Command#neededLevel}.
 *
 * <p>Level 1 is everything from before there were levels. A level whose version was released gets
 * nothing more.
 */
public enum Feature {
  /** Bodies are written to the log anew, so that what was written behind them can go. */
  RELOCATED_BODIES(2),
  /** Topics with a bound on bytes. */
  RETENTION_BY_SIZE(2),
  /** Check-backs of half messages count only if a producer was there to hear them. */
  HEARD_CHECKS(3);

  private final int level;

  Feature(int level) {
    this.level = level;
  }

  /** From which on a group may use it. */
  public int level() {
    return level;
  }
}
