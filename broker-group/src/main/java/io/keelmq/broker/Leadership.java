package io.keelmq.broker;

import java.util.Optional;

/**
 * Who leads, as one replica knows it.
 *
 * @param role of this replica
 * @param leaderNode the leader of {@code term}, this replica included; absent while unknown. Of a
 *     later term than this if the replica is far behind in applying
 * @param leaderAddress host:port at which the leader serves clients; absent with {@code leaderNode}
 */
public record Leadership(
    Role role, long term, Optional<String> leaderNode, Optional<String> leaderAddress) {

  /** What a replica is in its group. */
  public enum Role {
    UNINITIALIZED,
    FOLLOWER,
    CANDIDATE,
    LEADER,
    LEARNER
  }

  public static final Leadership UNINITIALIZED =
      new Leadership(Role.UNINITIALIZED, 0, Optional.empty(), Optional.empty());

  public boolean isLeader() {
    return role == Role.LEADER;
  }

  /** Whether the same replica leads in the same term; who of the two asks does not matter. */
  public boolean hasSameLeaderAs(Leadership other) {
    return term == other.term && leaderNode.equals(other.leaderNode);
  }
}
