package io.keelmq.broker.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class DigestWatchTest {

  private static final Map<Long, String> OWN = Map.of(1_024L, "a", 2_048L, "b");

  private static OptionalLong wrongAt(int voters, List<Map<Long, String>> others) {
    return DigestWatch.wrongAt(OWN, others, voters);
  }

  @Test
  void isWrongWhereAMajorityAgreesOnAnotherDigest() {
    assertEquals(
        OptionalLong.of(2_048),
        wrongAt(3, List.of(Map.of(1_024L, "a", 2_048L, "c"), Map.of(2_048L, "c"))));
    assertEquals(
        OptionalLong.of(1_024), wrongAt(3, List.of(Map.of(1_024L, "x"), Map.of(1_024L, "x"))));
  }

  @Test
  void knowsNothingWhereOthersDifferOrAreTooFew() {
    assertEquals(OptionalLong.empty(), wrongAt(3, List.of(Map.of(2_048L, "c"), Map.of())));
    assertEquals(
        OptionalLong.empty(), wrongAt(3, List.of(Map.of(2_048L, "c"), Map.of(2_048L, "d"))));
    assertEquals(
        OptionalLong.empty(), wrongAt(5, List.of(Map.of(2_048L, "c"), Map.of(2_048L, "c"))));
    assertEquals(
        OptionalLong.empty(), wrongAt(3, List.of(Map.of(2_048L, "b"), Map.of(2_048L, "c"))));
    assertEquals(
        OptionalLong.empty(), wrongAt(3, List.of(Map.of(3_072L, "c"), Map.of(3_072L, "c"))));
  }
}
