package io.keelmq.local;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class DemoTallyTest {

  private final DemoTally tally = new DemoTally();

  @Test
  void everythingAckedIsNoProblem() {
    tally.took(0, 1, 5);
    tally.acked(1, 5);
    tally.took(1, 2, 5);
    tally.acked(2, 5);
    tally.killed(0);

    assertEquals(List.of(), DemoReport.Group.of(tally, 2, true).problems());
  }

  @Test
  void whatTheKilledConsumerTookMayBeAckedOrComeAgain() {
    tally.took(0, 1, 5);
    tally.took(0, 1, 6);
    tally.killed(0);
    tally.took(1, 1, 6);
    tally.acked(1, 6);

    assertEquals(1, tally.ackedUntold());
    assertEquals(1, tally.againAfterKill());
    assertEquals(0, tally.againOtherwise());
    assertEquals(0, tally.open());
    assertEquals(List.of(), DemoReport.Group.of(tally, 2, true).problems());
  }

  @Test
  void whatWasAckedWhileTheLeaderDiedMayBeStoredOrComeAgain() {
    tally.killed(0);
    tally.took(1, 1, 5);
    tally.doubted(1, 5);
    tally.took(1, 1, 6);
    tally.doubted(1, 6);
    tally.took(1, 1, 6);

    assertEquals(1, tally.ackedUntold());
    assertEquals(1, tally.open());

    tally.acked(1, 6);
    assertEquals(0, tally.open());
    assertEquals(List.of(), DemoReport.Group.of(tally, 2, true).problems());
  }

  @Test
  void tellsWhatWasNeverAcked() {
    tally.killed(0);
    tally.took(1, 1, 5);

    assertEquals(1, tally.open());
    assertEquals(1, DemoReport.Group.of(tally, 1, true).lost());
    assertEquals(1, DemoReport.Group.of(tally, 1, true).problems().size());
  }

  @Test
  void tellsWhatTheBrokersHaveNotSettled() {
    tally.killed(0);
    tally.took(1, 1, 5);
    tally.acked(1, 5);

    assertEquals(1, DemoReport.Group.of(tally, 1, false).problems().size());
  }

  @Test
  void tellsADeliveryBehindItsAck() {
    tally.killed(0);
    tally.took(1, 1, 5);
    tally.acked(1, 5);
    tally.took(2, 1, 5);

    assertEquals(1, tally.againAfterAck());
    assertEquals(1, DemoReport.Group.of(tally, 1, true).problems().size());
  }

  @Test
  void tellsThatNoConsumerWasKilled() {
    tally.took(1, 1, 5);
    tally.acked(1, 5);

    assertEquals(1, DemoReport.Group.of(tally, 1, true).problems().size());
  }
}
