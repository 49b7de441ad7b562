package io.keelmq.chaos.checks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class DurableCopiesTest {

  private static final int SENDS = 20;

  private final DurableCopies copies = new DurableCopies(2);

  /** All acknowledged but the last, whose end nobody knows. */
  DurableCopiesTest() {
    for (int seq = 0; seq < SENDS; seq++) {
      copies.event(new Event.Invoke(0, 0, seq, 2L * seq));
      copies.event(
          seq == SENDS - 1
              ? new Event.Unknown(0, seq, 2L * seq + 1)
              : new Event.Ok(0, seq, 0, seq, 2L * seq + 1));
    }
  }

  @Test
  void isSilentWhenEverythingAcknowledgedIsOnTwoDisks() {
    disk(0, SENDS);
    disk(0, 10);
    disk(10, SENDS - 1);

    DurableCopies.Count count = copies.count();

    assertEquals(SENDS - 1, count.acked());
    assertEquals(0, count.tooFew());
    assertEquals(0, count.nowhere());
  }

  @Test
  void tellsWhatIsOnOneDiskOnly() {
    disk(0, SENDS);
    disk(0, 10);
    disk(11, SENDS);

    DurableCopies.Count count = copies.count();

    assertEquals(1, count.tooFew());
    assertEquals(0, count.nowhere());
    assertTrue(count.examples().get(0).contains("seq 10 "), count.examples()::toString);
  }

  @Test
  void tellsWhatIsNowhere() {
    disk(0, 15);
    disk(0, 15);
    disk(0, 15);

    DurableCopies.Count count = copies.count();

    assertEquals(4, count.tooFew());
    assertEquals(4, count.nowhere());
  }

  @Test
  void doesNotCountAMessageThatLiesOnOneDiskTwice() {
    disk(0, SENDS);
    copies.diskBegins();
    copies.present(0, 3);
    copies.present(0, 3);

    assertEquals(SENDS - 2, copies.count().tooFew());
  }

  private void disk(int fromSeq, int toSeq) {
    copies.diskBegins();
    for (int seq = fromSeq; seq < toSeq; seq++) {
      copies.present(0, seq);
    }
  }
}
