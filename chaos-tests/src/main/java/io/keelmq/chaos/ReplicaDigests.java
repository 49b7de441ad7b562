package io.keelmq.chaos;

import io.grpc.StatusRuntimeException;
import io.keelmq.chaos.checks.Verdict;
import io.keelmq.local.Waiting;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.StateDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/** Collects the state digests of all replicas. Owned by one thread. */
final class ReplicaDigests {

  private final List<ReplicaAccess> replicas;
  private final Duration deadline;

  ReplicaDigests(List<ReplicaAccess> replicas, Duration deadline) {
    this.replicas = replicas;
    this.deadline = deadline;
  }

  /**
   * Until there is an index, at or behind everything committed before, for which every replica gave
   * one; false if the time was over first.
   */
  boolean awaitSameIndex(Verdict verdict) {
    Map<Long, Set<String>> given = new HashMap<>();
    var committed = new AtomicLong();
    return Waiting.until(
        deadline,
        () -> {
          List<ReplicaStatus> statuses = statuses();
          if (statuses.size() < replicas.size()) {
            return false;
          }
          // What was committed at the first look; the log goes on growing by itself.
          committed.compareAndSet(
              0, statuses.stream().mapToLong(ReplicaStatus::getCommittedIndex).max().orElse(0));
          for (ReplicaStatus status : statuses) {
            status
                .getRowSumsList()
                .forEach(sum -> verdict.sum(status.getNode(), sum.getIndex(), sum.getDigest()));
            var digests = new ArrayList<>(status.getDigestsList());
            // At a multiple of the interval the list has the digest of all entries below it, which
            // is another one than that of what is applied there.
            if (digests.stream().noneMatch(each -> each.getIndex() == status.getAppliedIndex())) {
              digests.add(
                  StateDigest.newBuilder()
                      .setIndex(status.getAppliedIndex())
                      .setDigest(status.getDigest())
                      .build());
            }
            for (StateDigest digest : digests) {
              verdict.digest(status.getNode(), digest.getIndex(), digest.getDigest());
              given
                  .computeIfAbsent(digest.getIndex(), index -> new HashSet<>())
                  .add(status.getNode());
            }
          }
          return statuses.stream().allMatch(s -> s.getAppliedIndex() >= committed.get())
              && given.values().stream().anyMatch(who -> who.size() == replicas.size());
        });
  }

  /** None at all unless all of them answer. */
  private List<ReplicaStatus> statuses() {
    var statuses = new ArrayList<ReplicaStatus>();
    for (ReplicaAccess replica : replicas) {
      try {
        statuses.add(replica.status());
      } catch (StatusRuntimeException e) {
        // Asked again until the deadline.
        return List.of();
      }
    }
    return statuses;
  }
}
