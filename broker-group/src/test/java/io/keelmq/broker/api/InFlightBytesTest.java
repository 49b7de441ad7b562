package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.Test;

class InFlightBytesTest {

  private static final int WAITING = 100;

  private final InFlightBytes inFlight = new InFlightBytes(100, new LongAdder());
  private final List<Integer> woken = new ArrayList<>();

  private void fillAndWait() {
    inFlight.add(60);
    inFlight.add(60);
    for (int i = 0; i < WAITING; i++) {
      int session = i;
      assertFalse(inFlight.hasRoom(() -> woken.add(session)));
    }
  }

  @Test
  void wakesAFewInTheirOrderWhileOthersAreInFlight() {
    fillAndWait();

    inFlight.release(60);

    assertEquals(List.of(0, 1, 2, 3), woken);
    assertTrue(inFlight.hasRoom(() -> woken.add(-1)));
  }

  @Test
  void leavesNobodyWaitingWhenNothingIsInFlight() {
    fillAndWait();
    inFlight.release(60);

    // None of the woken ones has anything to send, so nothing will be released any more.
    inFlight.release(60);

    assertEquals(WAITING, woken.size());
  }
}
