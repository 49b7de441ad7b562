package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ReadingRestTest {

  private long now = 1_000;
  private long cpu = 50;
  private final ReadingRest rest = new ReadingRest(() -> now, () -> cpu);

  private long afterReading(long took, long tookOfCore, long atLeast) {
    rest.begin();
    now += took;
    cpu += tookOfCore;
    return rest.nextNotBefore(atLeast) - now;
  }

  @Test
  void restsAsLongAsItWasTold() {
    assertEquals(500, afterReading(10, 1, 500));
  }

  @Test
  void takesAHundredthOfACore() {
    assertEquals(20_000, afterReading(300, 200, 500));
  }

  @Test
  void takesATenthOfTheTimeWhereItWaitsForTheDiskOrForACore() {
    assertEquals(30_000, afterReading(3_000, 200, 500));
  }
}
