package io.keelmq.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.common.RowWitness.Difference;
import io.keelmq.common.RowWitness.Kind;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.StateDigest;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RowWitnessTest {

  private static final Map<Long, String> A_B = Map.of(10L, "a", 20L, "b");
  private static final RowWitness OWN = made(A_B, Map.of(15L, "r"));

  private static RowWitness made(Map<Long, String> digests, Map<Long, String> sums) {
    return inherited(0, digests, sums);
  }

  private static RowWitness made(Map<Long, String> digests) {
    return made(digests, Map.of());
  }

  private static RowWitness inherited(
      long upTo, Map<Long, String> digests, Map<Long, String> sums) {
    return new RowWitness("n", "p", new TreeMap<>(digests), new TreeMap<>(sums), upTo);
  }

  private static Optional<Difference> outvoted(
      RowWitness accused, int voters, RowWitness... others) {
    return accused.outvotedBy(List.of(others), voters, inheritor -> OptionalLong.empty());
  }

  private static Optional<Difference> digestAt(long entry) {
    return Optional.of(new Difference(entry, Kind.DIGEST));
  }

  private static Optional<Difference> sumAt(long entry) {
    return Optional.of(new Difference(entry, Kind.SUM));
  }

  @Test
  void readsAStatusByTheLastEntryThatEachDigestCovers() {
    var witness =
        RowWitness.of(
            ReplicaStatus.newBuilder()
                .setNode("n1")
                .setPeerId("h:1:2")
                .setAppliedIndex(1_024)
                .setDigest("dd")
                .addDigests(StateDigest.newBuilder().setIndex(1_024).setDigest("cc"))
                .addRowSums(StateDigest.newBuilder().setIndex(900).setDigest("rr"))
                .setInheritedUpTo(7)
                .build());

    assertEquals(Map.of(1_023L, "cc", 1_024L, "dd"), witness.digests());
    assertEquals(Map.of(900L, "rr"), witness.sums());
    assertEquals(
        "n1 h:1:2 7", witness.node() + " " + witness.peerId() + " " + witness.inheritedUpTo());
    assertEquals(Map.of(), RowWitness.of(ReplicaStatus.getDefaultInstance()).digests());
  }

  @Test
  void isWrongWhereAMajorityAgreesOnSomethingElse() {
    var c = made(Map.of(10L, "a", 20L, "c"));

    assertEquals(digestAt(20), outvoted(OWN, 3, c, made(Map.of(20L, "c"))));
    assertEquals(
        digestAt(10), outvoted(OWN, 3, made(Map.of(10L, "x")), made(Map.of(10L, "x", 20L, "c"))));
    var rows = made(A_B, Map.of(15L, "other"));
    assertEquals(sumAt(15), outvoted(OWN, 3, rows, rows), "though all digests are the same");
  }

  @Test
  void knowsNothingWhereOthersDifferOrAreTooFew() {
    var c = made(Map.of(20L, "c"));
    assertEquals(Optional.empty(), outvoted(OWN, 3, c, made(Map.of())));
    assertEquals(Optional.empty(), outvoted(OWN, 3, c, made(Map.of(20L, "d"))));
    assertEquals(Optional.empty(), outvoted(OWN, 5, c, c));
    assertEquals(Optional.empty(), outvoted(OWN, 3, made(Map.of(20L, "b")), c));
    assertEquals(
        Optional.empty(), outvoted(OWN, 3, made(Map.of(30L, "c")), made(Map.of(30L, "c"))));
  }

  @Test
  void aDigestAndASumAreNoTwoVotesForOneThing() {
    var digest = made(Map.of(20L, "c"), Map.of());
    var sum = made(Map.of(), Map.of(15L, "c"));

    assertEquals(Optional.empty(), outvoted(OWN, 3, digest, sum));
  }

  @Test
  void whoTookItsRowsFromAnotherOneIsNoSecondWitness() {
    // Both say the same, because one has it from the other: so it may be that one that is wrong.
    var source = made(Map.of(10L, "x", 20L, "y"));
    var copy = inherited(5, Map.of(10L, "x", 20L, "y"), Map.of());

    assertEquals(Optional.empty(), outvoted(OWN, 3, source, copy));
    assertEquals(Optional.empty(), outvoted(source, 3, OWN, copy));
  }

  @Test
  void aCopyOfRowsThatAreWrongIsNoWitnessThoughItsDigestsWereTheSame() {
    // What is wrong was in no digest when it was copied; entry 30 reads it.
    var own = made(Map.of(10L, "a", 20L, "b", 30L, "c"), Map.of(15L, "r"));
    var source = made(Map.of(10L, "a", 20L, "b", 30L, "x"), Map.of(15L, "w"));
    var copy = inherited(5, Map.of(10L, "a", 20L, "b", 30L, "x"), Map.of(15L, "w"));

    assertEquals(Optional.empty(), outvoted(own, 3, source, copy));
    assertFalse(copy.isConfirmedBy(List.of(own, source), 3));
    assertFalse(own.isUpheldAgainst(source, List.of(source, copy), 3));
    assertFalse(source.isUpheldAgainst(own, List.of(own, copy), 3), "its copy says what it says");
  }

  @Test
  void whoHadTheSameRowsBehindWhatItTookJudgesByItself() {
    var own = made(Map.of(20L, "b", 30L, "c"), Map.of(15L, "r"));
    var source = made(Map.of(20L, "b", 30L, "x"));
    var copy = inherited(14, Map.of(20L, "b", 30L, "x"), Map.of(15L, "r"));

    assertEquals(digestAt(30), outvoted(own, 3, source, copy));

    var later = inherited(15, Map.of(20L, "b", 30L, "x"), Map.of(15L, "r"));
    assertEquals(Optional.empty(), outvoted(own, 3, source, later), "at its very end only");
    assertEquals(
        digestAt(30),
        own.outvotedBy(List.of(source, later), 3, inheritor -> OptionalLong.of(16)),
        "was seen before");
  }

  @Test
  void aCopyThatIsWrongIsOutvotedAsAnyOther() {
    var copy = inherited(5, Map.of(10L, "x", 20L, "y"), Map.of());

    assertEquals(digestAt(10), outvoted(copy, 3, OWN, OWN));
  }

  @Test
  void isConfirmedByAMajorityThatMadeTheirsOrByAll() {
    var copy = inherited(12, A_B, Map.of(15L, "r"));
    var silent = made(A_B);

    assertTrue(copy.isConfirmedBy(List.of(OWN, OWN), 3));
    assertTrue(copy.isConfirmedBy(List.of(OWN, copy), 3), "all have the same");
    assertFalse(copy.isConfirmedBy(List.of(OWN), 3), "who is away may have other rows");
    assertFalse(copy.isConfirmedBy(List.of(OWN, silent), 3), "no sum, no word");
    assertFalse(copy.isConfirmedBy(List.of(OWN, OWN, copy), 5), "two of five");
    assertTrue(copy.isConfirmedBy(List.of(OWN, OWN, OWN, silent), 5));
    assertFalse(OWN.isConfirmedBy(List.of(OWN, OWN), 3), "there is nothing to be confirmed");
  }

  @Test
  void isNotConfirmedWhileAnybodyContradicts() {
    var copy = inherited(12, A_B, Map.of(15L, "r"));

    assertFalse(copy.isConfirmedBy(List.of(OWN, OWN, OWN, made(Map.of(20L, "c"))), 5));
    assertFalse(copy.isConfirmedBy(List.of(OWN, OWN, OWN, made(A_B, Map.of(15L, "x"))), 5));
  }

  @Test
  void isNotConfirmedByWhatWasTheSameBefore() {
    var copy = inherited(15, A_B, Map.of(15L, "r"));

    assertFalse(copy.isConfirmedBy(List.of(OWN, OWN), 3));
  }

  @Test
  void aCopyRepeatsWhatWasUpToWhereItWasSeenToHaveTheSameRows() {
    // The row that was wrong at 15 was written anew before 25: all have the same again.
    var own = made(A_B, Map.of(15L, "r", 25L, "s"));
    var source = made(A_B, Map.of(15L, "w", 25L, "s"));
    var copy = inherited(5, A_B, Map.of(15L, "w", 25L, "s"));

    assertEquals(Optional.empty(), outvoted(own, 3, source, copy));

    var later = inherited(5, Map.of(30L, "x"), Map.of(15L, "w", 25L, "s"));
    var laterSource = made(Map.of(30L, "x"), Map.of(15L, "w", 25L, "s"));
    var laterOwn = made(Map.of(30L, "c"), Map.of(15L, "r", 25L, "s"));
    assertEquals(digestAt(30), outvoted(laterOwn, 3, laterSource, later), "its own word");
  }

  @Test
  void digestsThatCameWithTheCopyAreNotItsWord() {
    var own = made(Map.of(10L, "a"), Map.of(25L, "s"));
    var source = made(Map.of(10L, "x"), Map.of(25L, "s"));
    var copy = inherited(20, Map.of(10L, "x"), Map.of(25L, "s"));

    assertEquals(Optional.empty(), outvoted(own, 3, source, copy));
    assertEquals(
        Optional.empty(),
        own.outvotedBy(List.of(source, copy), 3, inheritor -> OptionalLong.of(25)));
  }

  @Test
  void isUpheldByAMajorityThatMadeTheirRows() {
    var wrong = made(Map.of(10L, "a", 20L, "x"));

    assertTrue(OWN.isUpheldAgainst(wrong, List.of(OWN, wrong), 3));
    assertFalse(OWN.isUpheldAgainst(wrong, List.of(wrong), 3));
    assertFalse(OWN.isUpheldAgainst(wrong, List.of(wrong), 2), "of two");
    var copy = inherited(5, A_B, Map.of(15L, "r"));
    assertFalse(OWN.isUpheldAgainst(wrong, List.of(copy, wrong), 3), "a copy may be ours");
    assertFalse(copy.isUpheldAgainst(wrong, List.of(OWN, wrong), 3));
    assertTrue(copy.isUpheldAgainst(wrong, List.of(OWN, OWN, OWN, wrong), 5), "without itself");
    assertFalse(OWN.isUpheldAgainst(OWN, List.of(OWN, wrong), 3), "they do not differ");
  }

  @Test
  void agreesBehindAnEntryInThatKindOnly() {
    var other = made(Map.of(20L, "b"), Map.of(15L, "x"));

    assertTrue(OWN.agreesBehind(new Difference(10, Kind.DIGEST), other));
    assertFalse(OWN.agreesBehind(new Difference(20, Kind.DIGEST), other));
    assertFalse(OWN.agreesBehind(new Difference(10, Kind.SUM), other));
  }
}
