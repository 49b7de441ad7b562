package io.keelmq.raftlog;

import static io.keelmq.raftlog.TestLogs.holds;
import static io.keelmq.raftlog.TestLogs.records;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/**
 * Disks that say no: the log is poisoned, goes on reading, and comes up again with what it had
 * acknowledged.
 */
class DiskFaultTest {

  /** Enough for any change here; the loop ends at the first fault that comes too late. */
  private static final int MOST_CALLS = 100;

  interface Change {
    void on(SegmentedLog log);
  }

  @Test
  void anAppendIsAcknowledgedWholeOrNotAtAll() {
    failEverywhere(log -> log.append(records(9, 20, 1)), 8);
  }

  @Test
  void aCutSuffixFailsAtAnyCall() {
    failEverywhere(log -> log.truncateSuffix(2), 2);
  }

  @Test
  void aMovedFirstIndexFailsAtAnyCall() {
    failEverywhere(log -> log.truncatePrefix(5), 8);
  }

  @Test
  void retentionFailsAtAnyCall() {
    failEverywhere(
        log -> {
          log.truncatePrefix(8);
          log.retain(8);
        },
        8);
  }

  @Test
  void saysWhatFailedAndWhatToDo() {
    var fs = new CrashFs();
    var log = TestLogs.open(fs);
    fs.failAfter(1, "No space left on device");

    var failure = assertThrows(PoisonedLogException.class, () -> log.append(records(1, 1, 1)));

    assertTrue(failure.getMessage().startsWith("append to 1 failed"), failure.getMessage());
    assertTrue(failure.getMessage().contains("No space left on device"), failure.getMessage());
    assertTrue(failure.getMessage().contains("start again"), failure.getMessage());
    assertSame(failure, log.poison().orElseThrow());
    assertSame(
        failure,
        assertThrows(PoisonedLogException.class, () -> log.awaitDurable(1, Duration.ofSeconds(1))));
  }

  @Test
  void neverForcesAgainAfterAFailedForce() {
    var fs = new CrashFs();
    var log = TestLogs.open(fs);
    log.append(records(1, 1, 1));
    fs.failAfter(1, "Input/output error");
    assertThrows(PoisonedLogException.class, () -> log.append(records(2, 2, 1)));
    fs.heal();
    fs.observedBy(
        call -> {
          throw new AssertionError(call);
        });

    assertThrows(PoisonedLogException.class, () -> log.append(records(2, 2, 1)));
    assertThrows(PoisonedLogException.class, () -> log.awaitDurable(2, Duration.ZERO));
    log.close();
  }

  @Test
  void whatAFailedForceLeftInTheCacheIsNotTakenForDurable() throws Exception {
    for (int calls = 0; calls < MOST_CALLS; calls++) {
      var fs = new CrashFs();
      var log = TestLogs.open(fs);
      log.append(records(1, 6, 1));
      fs.failAfter(calls, "Input/output error");
      boolean failed = false;
      try {
        log.append(records(7, 12, 1));
      } catch (PoisonedLogException e) {
        failed = true;
      }
      fs.heal();
      log.close();
      if (!failed) {
        assertTrue(calls > 5, "a roll and a force are more than five calls");
        return;
      }

      long promised;
      try (var again = TestLogs.open(fs)) {
        promised = again.last();
      }

      try (var afterPowerLoss = TestLogs.open(fs.crashLosingAll(new Random(calls)))) {
        assertEquals(promised, afterPowerLoss.last(), "after " + calls + " calls");
        assertTrue(promised >= 6 && holds(afterPowerLoss, promised, 1));
      }
    }
  }

  @Test
  void opensAgainWhenThereIsRoom() {
    var fs = new CrashFs();
    fs.failAfter(0, "No space left on device");
    assertThrows(DiskException.class, () -> TestLogs.open(fs));

    fs.heal();

    TestLogs.open(fs).append(records(1, 1, 1));
  }

  private static void failEverywhere(Change change, long leastLast) {
    for (int calls = 0; calls < MOST_CALLS; calls++) {
      var fs = new CrashFs();
      var log = TestLogs.open(fs);
      log.append(records(1, 8, 1));
      fs.failAfter(calls, "Input/output error");
      try {
        change.on(log);
        assertTrue(calls > 0);
        return;
      } catch (PoisonedLogException e) {
        fs.heal();
        requireSound(log, leastLast);
        log.close();
        assertFalse(TestLogs.open(fs.kill()).last() < leastLast);
      }
    }
    throw new AssertionError("still failing after " + MOST_CALLS + " calls");
  }

  private static void requireSound(SegmentedLog log, long leastLast) {
    assertThrows(PoisonedLogException.class, () -> log.append(records(9, 9, 1)));
    assertTrue(log.last() >= leastLast && log.last() <= 8, "last " + log.last());
    assertEquals(
        log.last() - log.physicalFirst() + 1,
        LongStream.rangeClosed(log.physicalFirst(), log.last())
            .filter(i -> holds(log, i, 1))
            .count());
  }
}
