package io.keelmq.raftlog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Goal: a power loss or kill at any call to the disk while a log is cut in front, reset or replaced
 * by a snapshot leaves the old log, the new one, or one that says that it waits for the snapshot,
 * and never a mix. Method: each call is crashed in many ways; whatever comes up is compared with
 * the three, given the snapshot if it waits for it, appended to, and crashed again.
 */
class AdoptCrashTest {

  private static final int IMAGES_PER_CALL = 12;
  private static final Path SNAPSHOT = Path.of("/snapshot");
  private static final long OLD_TERM = 2;
  private static final long NEW_TERM = 7;

  private enum Found {
    OLD,
    WAITING,
    NEW
  }

  private final Random random = new Random(Long.getLong("seed", 4711));
  private final Map<Found, Integer> counts = new EnumMap<>(Found.class);

  private interface Change {
    void on(SegmentedLog log) throws Exception;
  }

  /** Whether a log is what the change was to make of it. */
  private interface IsNew {
    boolean test(SegmentedLog log);
  }

  private static SegmentedLog open(CrashFs disk) {
    return TestLogs.open(disk);
  }

  /** A disk with a log of old entries, 1 to 10, and a snapshot of {@code last} others. */
  private static CrashFs disk(long last) throws Exception {
    var donor = new CrashFs();
    var log = open(donor);
    TestLogs.appendEach(log, 1, 17, NEW_TERM);
    log.linkUpTo(last, SNAPSHOT);
    var fs = new CrashFs();
    var old = open(fs);
    TestLogs.appendEach(old, 1, 10, OLD_TERM);
    old.close();
    // A snapshot is durable as a whole before a log adopts it.
    donor.files().stream()
        .filter(path -> path.startsWith(SNAPSHOT))
        .forEach(path -> fs.put(path, donor.bytes(path)));
    return fs;
  }

  private static boolean isOld(SegmentedLog log) {
    return log.logicalFirst() == 1 && holdsAll(log, 1, 10, OLD_TERM);
  }

  private static boolean holdsAll(SegmentedLog log, long first, long last, long term) {
    if (log.physicalFirst() != first || log.last() != last) {
      return false;
    }
    for (long i = first; i <= last; i++) {
      if (!TestLogs.holds(log, i, term)) {
        return false;
      }
    }
    return true;
  }

  private void explore(CrashFs fs, long snapshotLast, Change change, IsNew isNew) throws Exception {
    var log = open(fs);
    fs.observedBy(
        call -> {
          for (int i = 0; i < IMAGES_PER_CALL; i++) {
            CrashFs image = i == 0 ? fs.kill() : fs.crash(random);
            if (random.nextInt(8) == 0) {
              // Again inside the recovery.
              image.observedBy(inner -> check(image.crash(random), snapshotLast, isNew, inner));
            }
            check(image, snapshotLast, isNew, call);
          }
        });
    change.on(log);
    fs.unobserved();
    assertTrue(isNew.test(log));
    log.close();
    assertTrue(isNew.test(open(fs)));
  }

  private void check(CrashFs image, long snapshotLast, IsNew isNew, String call) {
    try {
      var log = open(image);
      image.unobserved();
      Found found = log.awaitsAdoption() ? Found.WAITING : isOld(log) ? Found.OLD : Found.NEW;
      counts.merge(found, 1, Integer::sum);
      if (found == Found.WAITING) {
        assertEquals(snapshotLast, log.last());
        assertEquals(snapshotLast + 1, log.physicalFirst());
        assertTrue(SegmentedLog.awaitsAdoption(TestLogs.FOLDER, image));
        assertThrows(
            IllegalStateException.class,
            () -> TestLogs.appendEach(log, snapshotLast + 1, snapshotLast + 1, NEW_TERM));
        log.adopt(SNAPSHOT, snapshotLast);
        assertFalse(log.awaitsAdoption());
      }
      if (found != Found.OLD) {
        assertTrue(isNew.test(log), "neither the old log nor the new one");
      }
      long next = log.last() + 1;
      TestLogs.appendEach(log, next, next, NEW_TERM);
      var again = open(image.crashLosingAll(random));
      assertEquals(next, again.last());
      assertEquals(log.logicalFirst(), again.logicalFirst());
      assertTrue(TestLogs.holds(again, next, NEW_TERM));
    } catch (Exception | AssertionError e) {
      throw new AssertionError("crashed at " + call, e);
    }
  }

  @Test
  void adoptsOrDoesNot() throws Exception {
    // In the middle of the growing segment, in that of a sealed one, at the end of one.
    for (long last : new long[] {17, 14, 15}) {
      explore(
          disk(last),
          last,
          log -> log.adopt(SNAPSHOT, last),
          log -> log.logicalFirst() == last + 1 && holdsAll(log, 1, last, NEW_TERM));
    }
    assertTrue(counts.get(Found.OLD) > 50 && counts.get(Found.WAITING) > 50, counts::toString);
    assertTrue(counts.get(Found.NEW) > 50, counts::toString);
  }

  @Test
  void adoptsASnapshotThatEndsBeforeTheOldLog() throws Exception {
    explore(
        disk(6),
        6,
        log -> log.adopt(SNAPSHOT, 6),
        log -> log.logicalFirst() == 7 && holdsAll(log, 1, 6, NEW_TERM));
  }

  @Test
  void movesTheLogicalFirstOrDoesNot() throws Exception {
    explore(
        disk(17),
        17,
        log -> log.truncatePrefix(8),
        log -> log.logicalFirst() == 8 && holdsAll(log, 1, 10, OLD_TERM));
    explore(
        disk(17),
        17,
        log -> log.reset(11),
        log -> log.logicalFirst() == 11 && holdsAll(log, 1, 10, OLD_TERM));
    assertEquals(null, counts.get(Found.WAITING));
  }

  @Test
  void wipesBeyondItsEndOrDoesNot() throws Exception {
    explore(
        disk(17),
        17,
        log -> log.truncatePrefix(40),
        log -> log.logicalFirst() == 40 && holdsAll(log, 40, 39, OLD_TERM));
    explore(
        disk(17),
        17,
        log -> log.reset(5),
        log -> log.logicalFirst() == 5 && holdsAll(log, 5, 4, OLD_TERM));
    assertEquals(null, counts.get(Found.WAITING));
  }

  @Test
  void isPoisonedByAFailureInTheMiddleAndHealsByTheSnapshot() throws Exception {
    for (int calls = 2; calls < 12; calls++) {
      CrashFs fs = disk(14);
      var log = open(fs);
      fs.failAfter(calls, "Input/output error");

      assertThrows(PoisonedLogException.class, () -> log.adopt(SNAPSHOT, 14));
      fs.heal();
      log.close();

      var reopened = open(fs.kill());
      if (reopened.awaitsAdoption()) {
        reopened.adopt(SNAPSHOT, 14);
        assertTrue(holdsAll(reopened, 1, 14, NEW_TERM));
      } else {
        assertTrue(isOld(reopened));
      }
    }
  }
}
