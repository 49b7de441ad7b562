package io.keelmq.broker.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class DigestsTest {

  private static final Digests OWN = made(Map.of(10L, "a", 20L, "b"));

  private static Digests made(Map<Long, String> digests) {
    return inherited(0, digests);
  }

  private static Digests inherited(long upTo, Map<Long, String> digests) {
    return new Digests(new TreeMap<>(digests), upTo);
  }

  private static OptionalLong wrongAt(int voters, Digests... others) {
    return OWN.outvotedAt(List.of(others), voters);
  }

  @Test
  void isWrongWhereAMajorityAgreesOnAnotherDigest() {
    assertEquals(
        OptionalLong.of(20), wrongAt(3, made(Map.of(10L, "a", 20L, "c")), made(Map.of(20L, "c"))));
    assertEquals(OptionalLong.of(10), wrongAt(3, made(Map.of(10L, "x")), made(Map.of(10L, "x"))));
  }

  @Test
  void knowsNothingWhereOthersDifferOrAreTooFew() {
    var c = made(Map.of(20L, "c"));
    assertEquals(OptionalLong.empty(), wrongAt(3, c, made(Map.of())));
    assertEquals(OptionalLong.empty(), wrongAt(3, c, made(Map.of(20L, "d"))));
    assertEquals(OptionalLong.empty(), wrongAt(5, c, c));
    assertEquals(OptionalLong.empty(), wrongAt(3, made(Map.of(20L, "b")), c));
    assertEquals(OptionalLong.empty(), wrongAt(3, made(Map.of(30L, "c")), made(Map.of(30L, "c"))));
  }

  @Test
  void whoTookItsRowsFromAnotherOneIsNoSecondWitness() {
    // Both say the same, because one has it from the other: so it may be that one that is wrong.
    var source = made(Map.of(10L, "x", 20L, "y"));
    var copy = inherited(10, Map.of(10L, "x", 20L, "y"));

    assertEquals(OptionalLong.empty(), wrongAt(3, source, copy));
    assertEquals(OptionalLong.of(10), OWN.contradictedAt(List.of(source, copy)));
    assertEquals(OptionalLong.empty(), source.outvotedAt(List.of(OWN, copy), 3));
  }

  @Test
  void whoAgreedWithUsBehindWhatItTookJudgesByItself() {
    var own = made(Map.of(10L, "a", 20L, "b", 30L, "c"));
    var source = made(Map.of(10L, "a", 20L, "b", 30L, "x"));
    var copy = inherited(19, Map.of(20L, "b", 30L, "x"));

    assertEquals(OptionalLong.of(30), own.outvotedAt(List.of(source, copy), 3));

    var later = inherited(20, Map.of(20L, "b", 30L, "x"));
    assertEquals(
        OptionalLong.empty(), own.outvotedAt(List.of(source, later), 3), "at its very end only");
  }

  @Test
  void aCopyThatIsWrongIsOutvotedAsAnyOther() {
    var copy = inherited(5, Map.of(10L, "x", 20L, "y"));

    assertEquals(OptionalLong.of(10), copy.outvotedAt(List.of(OWN, OWN), 3));
  }

  @Test
  void isConfirmedByAMajorityThatMadeTheirsOrByAll() {
    var copy = inherited(15, Map.of(10L, "a", 20L, "b"));
    var other = made(Map.of(20L, "c"));

    assertTrue(copy.isConfirmedBy(List.of(OWN, OWN), 3));
    assertTrue(copy.isConfirmedBy(List.of(OWN, copy), 3), "all have the same");
    assertFalse(copy.isConfirmedBy(List.of(OWN), 3), "who is away may have another one");
    assertFalse(copy.isConfirmedBy(List.of(OWN, other), 3));
    assertFalse(copy.isConfirmedBy(List.of(OWN, OWN, copy), 5), "two of five");
    assertTrue(copy.isConfirmedBy(List.of(OWN, OWN, OWN, other), 5));
    assertFalse(OWN.isConfirmedBy(List.of(OWN, OWN), 3), "there is nothing to be confirmed");
  }

  @Test
  void isNotConfirmedByWhatWasTheSameBefore() {
    var copy = inherited(20, Map.of(10L, "a", 20L, "b"));

    assertFalse(copy.isConfirmedBy(List.of(OWN, OWN), 3));
  }

  @Test
  void contradictionsAreTheFirstDifferentDigest() {
    assertEquals(OptionalLong.empty(), OWN.contradictedAt(List.of(OWN, made(Map.of(30L, "x")))));
    assertEquals(
        OptionalLong.of(20), OWN.contradictedAt(List.of(OWN, made(Map.of(10L, "a", 20L, "x")))));
  }
}
