package io.keelmq.raftlog;

import static io.keelmq.raftlog.TestLogs.holds;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Goal: whatever happens to a closed log's files, it never serves a wrong byte and never ends early
 * without saying so. Method: damage a log of three sealed segments and an active one in every
 * place; it must be refused, now or when the entry is read, or be whole.
 */
class LogCorrupterTest {

  private static final int LAST = 26;

  private final LogCorrupter corrupter = new LogCorrupter(closedLog());

  @Test
  void refusesOrSurvivesAFlippedBit() {
    check(corrupter.flips());
  }

  @Test
  void refusesOrSurvivesATruncatedFile() {
    check(corrupter.truncations());
  }

  @Test
  void refusesOrSurvivesAMissingFile() {
    check(corrupter.deletions());
  }

  @Test
  void refusesOrSurvivesSwappedFiles() {
    check(corrupter.swaps());
  }

  private static void check(List<LogCorrupter.Damage> damages) {
    int refused = 0;
    for (LogCorrupter.Damage damage : damages) {
      refused += refusesOrIsWhole(damage) ? 1 : 0;
    }
    System.out.printf(
        "LogCorrupterTest: %d damages, %d refused, the others made no difference%n",
        damages.size(), refused);
    assertTrue(refused > 0, "nothing was refused: is the damage applied?");
  }

  /** True if it refuses, at the open or later; false if all is there. */
  private static boolean refusesOrIsWhole(LogCorrupter.Damage damage) {
    try {
      var log = TestLogs.open(damage.files());
      assertEquals(LAST, log.last(), damage.name());
      boolean refused = false;
      for (long i = 1; i <= LAST; i++) {
        try {
          assertTrue(
              holds(log, i, 1) || log.reader().read(i).get().equals(small(i)), damage.name());
        } catch (CorruptLogException e) {
          refused = true;
        }
      }
      return refused;
    } catch (CorruptLogException | UnsupportedFormatException e) {
      return true;
    }
  }

  private static CrashFs closedLog() {
    var fs = new CrashFs();
    var log = TestLogs.open(fs);
    TestLogs.appendEach(log, 1, 12, 1);
    for (long i = 13; i <= LAST; i++) {
      log.append(List.of(small(i)));
    }
    log.close();
    return fs;
  }

  private static LogRecord small(long index) {
    return new LogRecord(index, 1, LogRecord.Type.NO_OP, ByteBuffer.wrap(new byte[] {1, 2, 3}));
  }
}
