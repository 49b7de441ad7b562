package io.keelmq.common;

import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.StateDigest;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * What one voter of a broker group has made of the log, and who may say that it is wrong. Where two
 * have the same digest, they were told the same up to its entry; where they have the same sum of
 * rows, they hold the same. Immutable.
 *
 * @param peerId address and incarnation
 * @param digests over all changes of rows; in hex, by the last entry that each covers
 * @param sums over all rows that there were behind an entry; in hex, by that entry
 * @param inheritedUpTo rows up to this entry are another replica's work, as far as is known; 0:
 *     none are
 */
public record RowWitness(
    String node,
    String peerId,
    SortedMap<Long, String> digests,
    SortedMap<Long, String> sums,
    long inheritedUpTo) {

  /** An entry behind which two have something else, and what. */
  public record Difference(long entry, Kind kind) {}

  /** What is compared. */
  public enum Kind {
    DIGEST("digest"),
    SUM("sum of rows");

    private final String text;

    Kind(String text) {
      this.text = text;
    }

    public String text() {
      return text;
    }
  }

  /** As a replica's status tells it. */
  public static RowWitness of(ReplicaStatus status) {
    var digests = new TreeMap<Long, String>();
    for (StateDigest digest : status.getDigestsList()) {
      digests.put(digest.getIndex() - 1, digest.getDigest());
    }
    if (status.getAppliedIndex() > 0 && !status.getDigest().isEmpty()) {
      digests.put(status.getAppliedIndex(), status.getDigest());
    }
    var sums = new TreeMap<Long, String>();
    for (StateDigest sum : status.getRowSumsList()) {
      sums.put(sum.getIndex(), sum.getDigest());
    }
    return new RowWitness(
        status.getNode(), status.getPeerId(), digests, sums, status.getInheritedUpTo());
  }

  public SortedMap<Long, String> of(Kind kind) {
    return kind == Kind.DIGEST ? digests : sums;
  }

  /** Whether all its rows are its own work. */
  public boolean madeItsOwn() {
    return inheritedUpTo == 0;
  }

  /**
   * The first entry behind all that another one inherited, at which it has the same rows as this
   * one. What they make of later entries, each of the two makes by itself; up to there the other
   * one may only repeat. That digests are the same is not enough: a copy of a row that is wrong is
   * in none of them.
   */
  public OptionalLong sharesRowsWith(RowWitness inheritor) {
    return inheritor.sums.tailMap(inheritor.inheritedUpTo + 1).entrySet().stream()
        .filter(sum -> sum.getValue().equals(sums.get(sum.getKey())))
        .mapToLong(Map.Entry::getKey)
        .min();
  }

  /** The first entry at which the two have something else. */
  public Optional<Difference> differenceFrom(RowWitness other) {
    return differencesFrom(other).min(Comparator.comparingLong(Difference::entry));
  }

  private Stream<Difference> differencesFrom(RowWitness other) {
    return Stream.of(Kind.values())
        .flatMap(
            kind ->
                of(kind).entrySet().stream()
                    .filter(own -> differs(own.getValue(), other.of(kind).get(own.getKey())))
                    .map(own -> new Difference(own.getKey(), kind)));
  }

  private static boolean differs(String own, String theirs) {
    return theirs != null && !theirs.equals(own);
  }

  /**
   * The first entry at which a majority of all voters agrees on something else than this one has:
   * then this one is wrong, whatever it holds itself to be. Who inherited its rows repeats what
   * another one says, and counts only of entries behind one at which it and this one had the same
   * rows.
   *
   * @param others of the voters but this one, as far as they are known
   * @param voters of the whole group
   * @param shared of those that inherited rows: an entry at which they are remembered to have had
   *     the same rows as this one since; empty: none is
   */
  public Optional<Difference> outvotedBy(
      Collection<RowWitness> others, int voters, Function<RowWitness, OptionalLong> shared) {
    List<Testimony> testimonies = new ArrayList<>();
    for (RowWitness other : others) {
      if (other.madeItsOwn()) {
        testimonies.add(new Testimony(other, 0));
      } else {
        LongStream.concat(sharesRowsWith(other).stream(), shared.apply(other).stream())
            .min()
            .ifPresent(entry -> testimonies.add(new Testimony(other, entry)));
      }
    }
    return testimonies.stream()
        .flatMap(testimony -> differencesFrom(testimony.of()))
        .distinct()
        .filter(difference -> outvoted(difference, testimonies, voters))
        .min(Comparator.comparingLong(Difference::entry));
  }

  /** What a witness says of entries behind one. */
  private record Testimony(RowWitness of, long behind) {}

  private boolean outvoted(Difference at, List<Testimony> testimonies, int voters) {
    Map<String, Integer> votes = new HashMap<>();
    for (Testimony testimony : testimonies) {
      String vote = testimony.of().of(at.kind()).get(at.entry());
      if (at.entry() > testimony.behind() && differs(of(at.kind()).get(at.entry()), vote)) {
        votes.merge(vote, 1, Integer::sum);
      }
    }
    return votes.values().stream().anyMatch(count -> count * 2 > voters);
  }

  /**
   * Whether what this voter inherited is what the group has: behind it, it has the same rows as a
   * majority that made theirs by themselves, or as all voters, and nobody says otherwise.
   *
   * @param others of the voters but this one, as far as they are known
   * @param voters of the whole group
   */
  public boolean isConfirmedBy(Collection<RowWitness> others, int voters) {
    if (madeItsOwn() || others.stream().anyMatch(other -> differenceFrom(other).isPresent())) {
      return false;
    }
    List<RowWitness> same =
        others.stream().filter(other -> other.sharesRowsWith(this).isPresent()).toList();
    long own = same.stream().filter(RowWitness::madeItsOwn).count();
    return own * 2 > voters || same.size() == voters - 1;
  }

  /**
   * Whether it is known that another one is wrong where the two differ: a majority that made their
   * rows by themselves has the same as this one.
   *
   * @param others of the voters but this one, as far as they are known
   * @param voters of the whole group
   */
  public boolean isUpheldAgainst(RowWitness other, Collection<RowWitness> others, int voters) {
    return differencesFrom(other).anyMatch(at -> isMajoritysWord(at, others, voters));
  }

  private boolean isMajoritysWord(Difference at, Collection<RowWitness> others, int voters) {
    String word = of(at.kind()).get(at.entry());
    long same =
        Stream.concat(Stream.of(this), others.stream())
            .filter(RowWitness::madeItsOwn)
            .filter(each -> word.equals(each.of(at.kind()).get(at.entry())))
            .count();
    return same * 2 > voters;
  }

  /** Whether the two have the same of a kind at an entry behind another one. */
  public boolean agreesBehind(Difference before, RowWitness other) {
    return of(before.kind()).tailMap(before.entry() + 1).entrySet().stream()
        .anyMatch(own -> own.getValue().equals(other.of(before.kind()).get(own.getKey())));
  }
}
