package io.keelmq.broker.app;

import io.keelmq.common.RowWitness;
import io.keelmq.common.RowWitness.Difference;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What one replica remembers of the other voters from look to look: with whom it agreed, since sums
 * are kept for some minutes only; and who contradicts it, since one that does not answer takes
 * nothing back. For one thread.
 */
final class RowDisputes {

  /** Rows that were inherited, and by whom: another incarnation has to show its own again. */
  private record Inheritance(String node, String peerId, long upTo) {
    static Inheritance of(RowWitness witness) {
      return new Inheritance(witness.node(), witness.peerId(), witness.inheritedUpTo());
    }
  }

  /** A difference from an incarnation, and in how many looks running it was there. */
  private record Dispute(String peerId, Difference first, int looks) {}

  /** Under load one look sees what the next one sees decided. */
  private static final int LOOKS_TO_TELL = 2;

  /** With the first entry at which it agreed. */
  private final Map<Inheritance, Long> agreed = new HashMap<>();

  private long ownInheritance;
  private final Map<String, Dispute> disputes = new HashMap<>();

  /**
   * @param told by those of the other voters that answered
   * @param voters all their nodes, this one counted
   */
  void look(RowWitness own, Collection<RowWitness> told, List<String> voters) {
    if (own.inheritedUpTo() > ownInheritance) {
      // These are other rows than those that the others agreed with.
      agreed.clear();
    }
    ownInheritance = own.inheritedUpTo();
    agreed.keySet().removeIf(inheritance -> !voters.contains(inheritance.node()));
    disputes.keySet().retainAll(voters);
    for (RowWitness other : told) {
      if (!other.madeItsOwn()) {
        own.sharesRowsWith(other)
            .ifPresent(entry -> agreed.merge(Inheritance.of(other), entry, Math::min));
      }
      disputes.compute(
          other.node(), (node, before) -> next(before, own, other, told, voters.size()));
    }
  }

  /** Null if there is none. */
  private static Dispute next(
      Dispute before, RowWitness own, RowWitness other, Collection<RowWitness> told, int voters) {
    if (own.isUpheldAgainst(other, told, voters)) {
      return null;
    }
    boolean same = before != null && before.peerId().equals(other.peerId());
    Optional<Difference> difference = own.differenceFrom(other);
    if (difference.isPresent()) {
      return new Dispute(other.peerId(), difference.get(), same ? before.looks() + 1 : 1);
    }
    // Sums are gone with a process, or after some minutes; the row may still be wrong.
    return same && !own.agreesBehind(before.first(), other) ? before : null;
  }

  /** The first entry at which one that inherited its rows was seen to have the same as this one. */
  OptionalLong sharedWith(RowWitness other) {
    Long entry = agreed.get(Inheritance.of(other));
    return entry == null ? OptionalLong.empty() : OptionalLong.of(entry);
  }

  /** What another voter says otherwise, and nobody knows who is right. */
  Optional<Difference> undecided() {
    return disputes.values().stream()
        .filter(dispute -> dispute.looks() >= LOOKS_TO_TELL)
        .map(Dispute::first)
        .findFirst();
  }
}
