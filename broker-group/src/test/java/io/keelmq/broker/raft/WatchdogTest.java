package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.broker.raft.Watchdog.Progress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class WatchdogTest {

  private final List<String> done = new ArrayList<>();
  private long seconds;
  private final Watchdog watchdog =
      new Watchdog(
          () -> seconds * 1_000_000_000,
          new Watchdog.Remedies() {
            @Override
            public void transferLeadership() {
              done.add("transfer");
            }

            @Override
            public void end(String why) {
              done.add("end");
            }
          });

  private void pass(int howLong, Progress progress) {
    for (int i = 0; i < howLong; i++) {
      seconds++;
      watchdog.check(progress);
    }
  }

  @Test
  void asksAnotherToLeadAndThenEnds() {
    var stalled = new Progress(true, 10, 5, 5);
    pass(10, stalled);
    assertEquals(List.of(), done);

    pass(5, stalled);
    assertEquals(List.of("transfer"), done);
    pass(4, stalled);
    assertEquals(List.of("transfer"), done);

    pass(3, stalled);
    assertEquals("end", done.get(1));
  }

  @Test
  void noticesThatNothingIsApplied() {
    pass(12, new Progress(true, 10, 10, 5));

    assertEquals(List.of("transfer"), done);
  }

  @Test
  void leavesFollowersAndIdleLeadersAlone() {
    pass(100, new Progress(false, 10, 5, 5));
    pass(100, new Progress(true, 10, 10, 10));

    assertEquals(List.of(), done);
  }

  @Test
  void isContentWithAnyMovement() {
    for (int i = 0; i < 20; i++) {
      pass(9, new Progress(true, 100, 5 + i, 5));
    }

    assertEquals(List.of(), done);
  }
}
