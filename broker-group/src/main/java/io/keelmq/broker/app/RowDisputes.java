package io.keelmq.broker.app;

import io.keelmq.common.RowWitness;
import io.keelmq.common.RowWitness.Difference;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What one replica remembers of the other voters from look to look: with whom it agreed, since sums
 * are kept for some minutes only; and who contradicts it, since one that does not answer takes
 * nothing back. For one thread.
 */
final class RowDisputes {

  /** Rows that were inherited, and by whom: another incarnation has to show its own again. */
  private record Inheritance(String peerId, long upTo) {
    static Inheritance of(RowWitness witness) {
      return new Inheritance(witness.peerId(), witness.inheritedUpTo());
    }
  }

  /** A difference, and in how many looks running it was there. */
  private record Dispute(Difference first, int looks) {}

  /** Under load one look sees what the next one sees decided. */
  private static final int LOOKS_TO_TELL = 2;

  private final Map<String, Inheritance> agreed = new HashMap<>();
  private final Map<String, Dispute> disputes = new HashMap<>();

  /**
   * @param told by those of the other voters that answered
   * @param voters all their nodes, this one counted
   */
  void look(RowWitness own, Collection<RowWitness> told, List<String> voters) {
    agreed.keySet().retainAll(voters);
    disputes.keySet().retainAll(voters);
    for (RowWitness other : told) {
      if (!other.madeItsOwn() && own.sharesRowsWithInheritor(other)) {
        agreed.put(other.node(), Inheritance.of(other));
      }
      Optional<Difference> difference = own.contradictedBy(other, told, voters.size());
      if (difference.isPresent()) {
        disputes.merge(
            other.node(),
            new Dispute(difference.get(), 1),
            (before, now) -> new Dispute(before.first(), before.looks() + 1));
      } else {
        disputes.remove(other.node());
      }
    }
  }

  /** Whether one that inherited its rows was once seen to have the same as this replica since. */
  boolean isTrusted(RowWitness other) {
    return Inheritance.of(other).equals(agreed.get(other.node()));
  }

  /** What another voter says otherwise, and nobody knows who is right. */
  Optional<Difference> undecided() {
    return disputes.values().stream()
        .filter(dispute -> dispute.looks() >= LOOKS_TO_TELL)
        .map(Dispute::first)
        .findFirst();
  }
}
