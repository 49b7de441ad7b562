package io.keelmq.broker.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.common.RowWitness;
import io.keelmq.common.RowWitness.Difference;
import io.keelmq.common.RowWitness.Kind;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RowDisputesTest {

  private static final List<String> VOTERS = List.of("n1", "n2", "n3");
  private static final RowWitness OWN = witness("n1", 0, Map.of(10L, "a"), Map.of(12L, "r"));
  private static final RowWitness OTHER = witness("n2", 0, Map.of(10L, "x"), Map.of());

  private final RowDisputes disputes = new RowDisputes();

  private static RowWitness witness(
      String node, long inheritedUpTo, Map<Long, String> digests, Map<Long, String> sums) {
    return new RowWitness(
        node, node + ":1:1", new TreeMap<>(digests), new TreeMap<>(sums), inheritedUpTo);
  }

  private void look(RowWitness... told) {
    disputes.look(OWN, List.of(told), VOTERS);
  }

  @Test
  void isToldWhenItIsSeenTwiceRunning() {
    var agreeing = anotherIncarnation(witness("n2", 0, Map.of(10L, "a"), Map.of()));

    look(OTHER);
    assertEquals(Optional.empty(), disputes.undecided());
    look(agreeing);
    look(OTHER);
    assertEquals(Optional.empty(), disputes.undecided());
    look(OTHER);
    assertEquals(Optional.of(new Difference(10, Kind.DIGEST)), disputes.undecided());
    look(agreeing);
    assertEquals(Optional.empty(), disputes.undecided());
  }

  private static RowWitness anotherIncarnation(RowWitness of) {
    return new RowWitness(of.node(), of.peerId() + "1", of.digests(), of.sums(), 0);
  }

  @Test
  void whoDoesNotAnswerTakesNothingBack() {
    look(OTHER);
    look(OTHER);
    look();
    assertTrue(disputes.undecided().isPresent());

    disputes.look(OWN, List.of(), List.of("n1", "n3"));
    assertEquals(Optional.empty(), disputes.undecided(), "it votes no more");
  }

  @Test
  void aDifferenceThatIsKeptNoMoreIsStillThereUntilALaterSumAgrees() {
    var wrong = witness("n2", 0, Map.of(10L, "a"), Map.of(12L, "w"));
    look(wrong);
    look(wrong);

    look(witness("n2", 0, Map.of(10L, "a"), Map.of()));
    assertEquals(Optional.of(new Difference(12, Kind.SUM)), disputes.undecided());

    var own = witness("n1", 0, Map.of(10L, "a"), Map.of(12L, "r", 13L, "s"));
    disputes.look(own, List.of(witness("n2", 0, Map.of(), Map.of(13L, "s"))), VOTERS);
    assertEquals(Optional.empty(), disputes.undecided());
  }

  @Test
  void whatAMajorityDecidesIsNotTold() {
    var third = witness("n3", 0, Map.of(10L, "a"), Map.of());

    look(OTHER, third);
    look(OTHER, third);

    assertEquals(Optional.empty(), disputes.undecided());
  }

  @Test
  void whoOnceHadTheSameRowsIsKnownByTheFirstEntryWhenTheirSumsHaveGone() {
    var copy = witness("n3", 11, Map.of(), Map.of(12L, "r"));
    var later = witness("n3", 11, Map.of(), Map.of(99L, "s"));
    assertEquals(OptionalLong.empty(), disputes.sharedWith(copy));

    look(copy);
    look();

    assertEquals(OptionalLong.of(12), disputes.sharedWith(later));
    disputes.look(witness("n1", 0, Map.of(), Map.of(99L, "s")), List.of(later), VOTERS);
    assertEquals(OptionalLong.of(12), disputes.sharedWith(later), "the first one");
    var laterCopy = witness("n3", 12, Map.of(), Map.of());
    assertEquals(OptionalLong.empty(), disputes.sharedWith(laterCopy));
    var laterIncarnation = new RowWitness("n3", "n3:1:2", copy.digests(), copy.sums(), 11);
    assertEquals(OptionalLong.empty(), disputes.sharedWith(laterIncarnation));
  }

  @Test
  void whoTakesOtherRowsItselfKnowsOfNoAgreement() {
    var copy = witness("n3", 11, Map.of(), Map.of(12L, "r"));
    look(copy);
    var other = witness("n1", 20, Map.of(), Map.of());

    disputes.look(other, List.of(), VOTERS);

    assertEquals(OptionalLong.empty(), disputes.sharedWith(copy));
  }

  @Test
  void whatWasTheSameBeforeItTookItsRowsSaysNothing() {
    look(witness("n3", 12, Map.of(10L, "a"), Map.of(12L, "r")));

    assertEquals(OptionalLong.empty(), disputes.sharedWith(witness("n3", 12, Map.of(), Map.of())));
  }
}
