package io.keelmq.client;

import io.keelmq.client.ClusterStatus.GroupState;
import io.keelmq.v1.ReplicaStatus;
import java.util.List;

/**
 * Which feature level a group has and which it could have, from what its replicas say. Immutable.
 *
 * @param now the highest that a replica has applied; 0: none has told anything
 * @param supported by all replicas that answer, operators' holds counted
 * @param possible by the versions of all replicas that answer, if nobody held them
 */
public record GroupLevels(int now, int supported, int possible) {

  public static GroupLevels of(GroupState group) {
    List<ReplicaStatus> told =
        group.replicas().stream()
            .flatMap(replica -> replica.status().stream())
            .filter(status -> !status.getPeerId().isEmpty())
            .toList();
    return new GroupLevels(
        told.stream().mapToInt(GroupLevels::now).max().orElse(0),
        told.stream().mapToInt(GroupLevels::most).min().orElse(0),
        told.stream().mapToInt(GroupLevels::newest).min().orElse(0));
  }

  /** Of one replica; versions that know nothing of levels tell 0, which is as good as 1. */
  public static int now(ReplicaStatus status) {
    return Math.max(1, status.getFeatureLevel());
  }

  public static int most(ReplicaStatus status) {
    return Math.max(1, status.getFeatureLevelMost());
  }

  public static int newest(ReplicaStatus status) {
    return Math.max(most(status), status.getFeatureLevelNewest());
  }

  /** For people: the level, and what keeps the group from a higher one. */
  public String text() {
    if (now == 0) {
      return "-";
    }
    if (supported > now) {
      return now + ", rises to " + supported;
    }
    return possible > now ? now + ", held; " + possible + " is possible" : String.valueOf(now);
  }
}
