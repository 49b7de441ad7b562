package io.keelmq.broker.api;

import io.keelmq.broker.Leadership;
import io.keelmq.v1.ReplicaRole;

/** A replica's role as others are told it. */
public final class ReplicaRoles {

  private ReplicaRoles() {}

  public static ReplicaRole of(Leadership.Role role) {
    return switch (role) {
      case UNINITIALIZED -> ReplicaRole.UNINITIALIZED;
      case FOLLOWER -> ReplicaRole.FOLLOWER;
      case CANDIDATE -> ReplicaRole.CANDIDATE;
      case LEADER -> ReplicaRole.LEADER;
      case LEARNER -> ReplicaRole.LEARNER;
    };
  }
}
