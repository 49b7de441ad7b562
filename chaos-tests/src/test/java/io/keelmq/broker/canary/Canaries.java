package io.keelmq.broker.canary;

/**
 * A broker that finds this class obeys the system properties {@code keelmq.canary.*}, which break
 * its promises. A distribution does not hold it.
 */
public final class Canaries {

  /** {@code true}: the leader acknowledges sends before any follower has them. */
  public static final String ACK_AT_LEADER = "keelmq.canary.ackAtLeader";

  private Canaries() {}
}
