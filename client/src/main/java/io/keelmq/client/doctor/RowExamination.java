package io.keelmq.client.doctor;

import io.keelmq.client.doctor.Finding.Kind;
import io.keelmq.common.RowWitness;
import io.keelmq.common.RowWitness.Difference;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaStatus;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Whether the voters of a group have made the same of their log, judged as they do it. */
final class RowExamination {

  private static final Set<ReplicaRole> OF_VOTERS =
      Set.of(ReplicaRole.LEADER, ReplicaRole.FOLLOWER, ReplicaRole.CANDIDATE);

  private final String group;
  private final int voters;
  private final List<RowWitness> witnesses;

  /**
   * @param voters all their nodes
   * @param told by the replicas that answer
   */
  RowExamination(String group, Set<String> voters, List<ReplicaStatus> told) {
    this.group = group;
    this.voters = voters.size();
    this.witnesses =
        told.stream()
            .filter(status -> voters.contains(status.getNode()))
            .filter(status -> OF_VOTERS.contains(status.getRole()))
            .map(RowWitness::of)
            .toList();
  }

  List<Finding> findings() {
    Optional<Difference> first =
        witnesses.stream()
            .flatMap(one -> witnesses.stream().flatMap(other -> one.differenceFrom(other).stream()))
            .min(Comparator.comparingLong(Difference::entry));
    return first.map(this::differ).map(List::of).orElse(List.of());
  }

  private Finding differ(Difference first) {
    Map<String, Set<String>> sides = new TreeMap<>();
    for (RowWitness witness : witnesses) {
      String has = witness.of(first.kind()).get(first.entry());
      if (has != null) {
        sides.computeIfAbsent(has, value -> new TreeSet<>()).add(witness.node());
      }
    }
    List<String> wrong = witnesses.stream().filter(this::isOutvoted).map(RowWitness::node).toList();
    return Finding.critical(
        Kind.DIGESTS_DIFFER,
        group,
        "replicas have made different things of the same log, seen first in the %s after entry %d: %s%s"
            .formatted(first.kind().text(), first.entry(), sides.values(), copies()),
        wrong.isEmpty()
            ? "too few replicas can tell who is right. Start those that are away; if none is, decide:"
                + " keelmq cluster rebuild WRONG... --from RIGHT; what WRONG held is kept in set-aside-N"
                + " of its data folder"
            : "wait: %s set their data aside and are rebuilt by themselves".formatted(wrong));
  }

  private boolean isOutvoted(RowWitness accused) {
    Collection<RowWitness> others =
        witnesses.stream().filter(witness -> !witness.equals(accused)).toList();
    return accused.outvotedBy(others, voters, inheritor -> OptionalLong.empty()).isPresent();
  }

  private String copies() {
    Set<String> copies =
        witnesses.stream()
            .filter(witness -> !witness.madeItsOwn())
            .map(RowWitness::node)
            .collect(Collectors.toCollection(TreeSet::new));
    return copies.isEmpty() ? "" : "; %s: another replica's rows, no witness".formatted(copies);
  }
}
