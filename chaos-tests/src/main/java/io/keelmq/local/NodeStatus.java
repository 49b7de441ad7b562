package io.keelmq.local;

/**
 * What a node looks like from outside. Immutable.
 *
 * @param role LEADER, FOLLOWER, CANDIDATE, UNINITIALIZED, NAME_SERVER; "-" if it does not say
 * @param state what its process does
 * @param pid 0 if there is no process
 * @param reason why it is not ready, or empty
 */
public record NodeStatus(Node node, String role, State state, long pid, String reason) {

  public enum State {
    READY,
    /** The process runs and cannot serve (yet). */
    NOT_READY,
    PAUSED,
    /** It ended without being told to by {@code stop}. */
    DEAD,
    STOPPED
  }

  public boolean isLeader() {
    return role.equals("LEADER");
  }
}
