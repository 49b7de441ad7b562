package io.keelmq.broker.app;

import java.util.HashMap;
import java.util.List;
import java.util.OptionalLong;
import java.util.SortedMap;

/**
 * What one replica has made of the log, at some of its entries. A digest is over all changes up to
 * its entry: where two replicas have the same, they had the same before it too. Immutable.
 *
 * @param byEntry digests in hex, by the last entry that each covers
 * @param inheritedUpTo rows up to this entry are another replica's work, as far as is known; 0:
 *     none are
 */
record Digests(SortedMap<Long, String> byEntry, long inheritedUpTo) {

  /**
   * @param others of the voters but this one, as far as they are known
   * @param voters of the whole group, this replica counted
   * @return the first entry at which a majority of them agree on another digest
   */
  OptionalLong outvotedAt(List<Digests> others, int voters) {
    List<Digests> witnesses = others.stream().filter(this::mayJudge).toList();
    return byEntry.keySet().stream()
        .filter(entry -> outvoted(entry, witnesses, voters))
        .mapToLong(Long::longValue)
        .findFirst();
  }

  /**
   * A replica that inherited its rows repeats what another one says, about all that was before. It
   * judges by itself if the two of us had the same at some entry behind that.
   */
  private boolean mayJudge(Digests other) {
    return other.inheritedUpTo == 0 || agreesBehind(other.inheritedUpTo, other);
  }

  private boolean agreesBehind(long entry, Digests other) {
    return byEntry.tailMap(entry + 1).entrySet().stream()
        .anyMatch(own -> own.getValue().equals(other.byEntry.get(own.getKey())));
  }

  private boolean outvoted(long entry, List<Digests> witnesses, int voters) {
    var votes = new HashMap<String, Integer>();
    for (Digests witness : witnesses) {
      String vote = witness.byEntry.get(entry);
      if (vote != null && !vote.equals(byEntry.get(entry))) {
        votes.merge(vote, 1, Integer::sum);
      }
    }
    return votes.values().stream().anyMatch(count -> count * 2 > voters);
  }

  /**
   * Whether what this replica inherited is what the group has: behind it, it agrees with a majority
   * that made their rows by themselves, or with all voters.
   */
  boolean isConfirmedBy(List<Digests> others, int voters) {
    if (inheritedUpTo == 0) {
      return false;
    }
    List<Digests> agreeing =
        others.stream().filter(other -> agreesBehind(inheritedUpTo, other)).toList();
    long own = agreeing.stream().filter(other -> other.inheritedUpTo == 0).count();
    return own * 2 > voters || agreeing.size() == voters - 1;
  }

  /** The first entry at which another one has another digest. */
  OptionalLong contradictedAt(List<Digests> others) {
    return byEntry.entrySet().stream()
        .filter(own -> others.stream().anyMatch(other -> differs(own.getKey(), other)))
        .mapToLong(own -> own.getKey())
        .findFirst();
  }

  private boolean differs(long entry, Digests other) {
    String theirs = other.byEntry.get(entry);
    return theirs != null && !theirs.equals(byEntry.get(entry));
  }
}
