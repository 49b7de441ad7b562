package io.keelmq.broker.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.common.RowWitness;
import io.keelmq.common.RowWitness.Difference;
import io.keelmq.common.RowWitness.Kind;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
    var agreeing = witness("n2", 0, Map.of(10L, "a"), Map.of());

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
  void whoOnceHadTheSameRowsIsTrustedWhenTheirSumsHaveGone() {
    var copy = witness("n3", 11, Map.of(), Map.of(12L, "r"));
    var later = witness("n3", 11, Map.of(), Map.of(99L, "s"));
    assertFalse(disputes.isTrusted(copy));

    look(copy);
    look();

    assertTrue(disputes.isTrusted(later));
    assertFalse(disputes.isTrusted(witness("n3", 12, Map.of(), Map.of())), "a later copy");
    assertFalse(
        disputes.isTrusted(new RowWitness("n3", "n3:1:2", new TreeMap<>(), new TreeMap<>(), 11)),
        "a later incarnation");
  }

  @Test
  void whatWasTheSameBeforeItTookItsRowsIsNoGroundForTrust() {
    look(witness("n3", 12, Map.of(10L, "a"), Map.of(12L, "r")));

    assertFalse(disputes.isTrusted(witness("n3", 12, Map.of(), Map.of())));
  }
}
