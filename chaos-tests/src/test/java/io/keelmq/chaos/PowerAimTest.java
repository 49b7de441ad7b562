package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.failpoint.Failpoint;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PowerAimTest {

  private final long active = SegmentTail.firstIndex(Path.of("log", "00000000000000007309.seg"));

  @Test
  void passesTheFailpointsOfTheSegmentThatIsCut() {
    assertEquals(7309, active);
    assertEquals(
        PowerAim.TRUNCATE_IN_SEALED, PowerAim.onTheWay(OptionalLong.of(active - 1), active));
    assertEquals(PowerAim.TRUNCATE_IN_ACTIVE, PowerAim.onTheWay(OptionalLong.of(active), active));
  }

  @Test
  void anyTruncationLowersTheFloor() {
    assertEquals(
        Set.of(Failpoint.TRUNCATE_FLOOR_LOWERED), PowerAim.onTheWay(OptionalLong.empty(), active));
  }
}
