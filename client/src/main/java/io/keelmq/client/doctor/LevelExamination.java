package io.keelmq.client.doctor;

import io.keelmq.client.ClusterStatus.GroupState;
import io.keelmq.client.ClusterStatus.ReplicaState;
import io.keelmq.client.GroupLevels;
import io.keelmq.client.doctor.Finding.Kind;
import io.keelmq.v1.ReplicaStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** Whether a group has the feature level that its replicas' versions could have. Stateless. */
final class LevelExamination {

  private LevelExamination() {}

  static List<Finding> of(Sight sight) {
    var findings = new ArrayList<Finding>();
    for (GroupState group : sight.status().groups()) {
      examine(group, findings);
    }
    return findings;
  }

  private static void examine(GroupState group, List<Finding> findings) {
    List<ReplicaStatus> told =
        group.replicas().stream()
            .map(ReplicaState::status)
            .flatMap(status -> status.stream())
            .filter(status -> !status.getPeerId().isEmpty())
            .toList();
    String name = group.route().getBrokerGroup();
    GroupLevels levels = GroupLevels.of(group);
    int highest = told.stream().mapToInt(GroupLevels::newest).max().orElse(0);
    if (levels.possible() < highest) {
      findings.add(
          Finding.warning(
              Kind.LEVELS_DIFFER,
              name,
              "versions of its replicas support feature levels up to %d, but those of %s only up to %d"
                  .formatted(
                      highest,
                      nodes(told, one -> GroupLevels.newest(one) < highest),
                      levels.possible()),
              "end the upgrade: restart these with the newest version, one at a time; until then"
                  + " the group stays at level "
                  + levels.now()));
    } else if (levels.supported() < levels.possible() && levels.now() < levels.possible()) {
      findings.add(
          Finding.note(
              Kind.LEVEL_HELD,
              name,
              "feature.level.max of %s holds it at feature level %d, %d is possible"
                  .formatted(
                      nodes(told, one -> GroupLevels.most(one) < levels.possible()),
                      levels.now(),
                      levels.possible()),
              "when nobody will go back to the earlier version: take the option out and restart"
                  + " these"));
    } else if (levels.now() < levels.supported()) {
      findings.add(
          Finding.warning(
              Kind.LEVEL_STAYS,
              name,
              "all replicas that answer support feature level %d, and it is at %d"
                  .formatted(levels.supported(), levels.now()),
              "wait some seconds; if it stays, see that every member runs and that the leader"
                  + " reaches its client address"));
    }
  }

  private static List<String> nodes(List<ReplicaStatus> told, Predicate<ReplicaStatus> which) {
    return told.stream().filter(which).map(ReplicaStatus::getNode).sorted().toList();
  }
}
