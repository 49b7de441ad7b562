package io.keelmq.raftlog;

import static io.keelmq.raftlog.TestLogs.appendEach;
import static io.keelmq.raftlog.TestLogs.holds;
import static io.keelmq.raftlog.TestLogs.record;
import static io.keelmq.raftlog.TestLogs.records;
import static io.keelmq.raftlog.TestLogs.segment;
import static io.keelmq.raftlog.TestLogs.sidecar;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class SegmentedLogTest {

  private final CrashFs fs = new CrashFs();

  @Test
  void beginsEmpty() {
    var log = TestLogs.open(fs);

    assertEquals(1, log.logicalFirst());
    assertEquals(1, log.physicalFirst());
    assertEquals(0, log.last());
    assertTrue(log.reader().read(0).isEmpty());
    assertTrue(log.reader().read(1).isEmpty());
  }

  @Test
  void readsBackWhatWasAppendedAcrossSegments() {
    var log = TestLogs.open(fs);

    log.append(records(1, 10, 7));

    assertEquals(10, log.last());
    assertEquals(10, log.durableLast());
    assertTrue(LongStream.rangeClosed(1, 10).allMatch(i -> holds(log, i, 7)));
    assertTrue(fs.files().containsAll(Set.of(segment(1), sidecar(1), segment(4), segment(10))));
    assertFalse(fs.files().contains(sidecar(10)));
  }

  @Test
  void forcesOncePerBatchAndOncePerRoll() {
    var log = TestLogs.open(fs);

    log.append(records(1, 3, 1));
    assertEquals(1, log.stats().forces());
    log.append(records(4, 8, 1));

    assertEquals(4, log.stats().forces());
    assertEquals(2, log.stats().rolls());
    assertEquals(8, log.stats().appendedRecords());
    assertEquals(8 * 1_044, log.stats().appendedBytes());
  }

  @Test
  void givesARecordLongerThanASegmentOneOfItsOwn() {
    var log = TestLogs.open(fs);
    var huge = new LogRecord(2, 1, LogRecord.Type.DATA, ByteBuffer.allocate(10_000));

    log.append(List.of(record(1, 1), huge, record(3, 1)));

    assertTrue(fs.files().containsAll(Set.of(segment(1), segment(2), segment(3))));
    assertTrue(TestLogs.same(huge, log.reader().read(2).orElseThrow()));
  }

  @Test
  void refusesAGapAndAFallingTermWithoutChange() {
    var log = TestLogs.open(fs);
    log.append(records(1, 2, 5));

    assertThrows(IllegalArgumentException.class, () -> log.append(List.of(record(4, 5))));
    assertThrows(IllegalArgumentException.class, () -> log.append(List.of(record(3, 4))));

    log.append(List.of(record(3, 5)));
    assertEquals(3, log.last());
  }

  @Test
  void cutsASuffixInsideTheActiveSegment() {
    var log = TestLogs.open(fs);
    log.append(records(1, 6, 1));

    log.truncateSuffix(4);
    log.append(records(5, 5, 2));

    assertEquals(5, log.last());
    assertTrue(holds(log, 4, 1));
    assertTrue(holds(log, 5, 2));
    assertTrue(TestLogs.open(fs.kill()).reader().read(6).isEmpty());
  }

  @Test
  void cutsASuffixAcrossSegmentsAndMakesASealedOneActiveAgain() {
    var log = TestLogs.open(fs);
    log.append(records(1, 10, 1));
    var readBefore = log.reader().read(5).orElseThrow();

    log.truncateSuffix(4);
    log.append(records(5, 12, 2));

    assertTrue(LongStream.rangeClosed(1, 4).allMatch(i -> holds(log, i, 1)));
    assertTrue(LongStream.rangeClosed(5, 12).allMatch(i -> holds(log, i, 2)));
    assertTrue(TestLogs.same(record(5, 1), readBefore), "a slice must not change under a reader");
    assertTrue(holds(TestLogs.open(fs.kill()), 12, 2));
  }

  @Test
  void keepsASegmentSealedIfTheCutFallsOnItsEnd() {
    var log = TestLogs.open(fs);
    log.append(records(1, 10, 1));

    log.truncateSuffix(3);

    assertTrue(fs.files().contains(sidecar(1)));
    assertFalse(fs.files().contains(segment(4)));
    log.append(records(4, 4, 2));
    assertTrue(holds(log, 4, 2));
  }

  @Test
  void movesOnlyTheLogicalFirstIndexInsideTheLog() {
    var log = TestLogs.open(fs);
    log.append(records(1, 10, 1));

    log.truncatePrefix(8);

    assertEquals(8, log.logicalFirst());
    assertEquals(1, log.physicalFirst());
    assertTrue(holds(log, 1, 1));
    var reopened = TestLogs.open(fs.kill());
    assertEquals(8, reopened.logicalFirst());
    assertTrue(holds(reopened, 1, 1));
  }

  @Test
  void keepsTheSegmentsIfThePrefixEndsExactlyAtTheEnd() {
    var log = TestLogs.open(fs);
    log.append(records(1, 5, 1));

    log.truncatePrefix(6);

    assertEquals(6, log.logicalFirst());
    assertEquals(5, log.last());
    assertTrue(holds(log, 5, 1));
    log.append(records(6, 6, 1));
    assertTrue(holds(TestLogs.open(fs.kill()), 6, 1));
  }

  @Test
  void wipesIfThePrefixEndsBeyondTheEnd() {
    var log = TestLogs.open(fs);
    log.append(records(1, 5, 1));

    log.truncatePrefix(100);

    assertEquals(100, log.logicalFirst());
    assertEquals(100, log.physicalFirst());
    assertEquals(99, log.last());
    log.append(records(100, 101, 3));
    assertTrue(holds(TestLogs.open(fs.kill()), 101, 3));
  }

  @Test
  void resetsInsideBehindAndBeforeTheLog() {
    for (long next : new long[] {3, 6, 50, 1}) {
      var log = TestLogs.open(new CrashFs());
      log.append(records(1, 5, 1));

      log.reset(next);

      assertEquals(next, log.logicalFirst());
      assertEquals(next - 1, log.last());
      log.append(records(next, next, 2));
      assertTrue(holds(log, next, 2));
    }
  }

  @Test
  void freesWholeSealedSegmentsBelowTheLogicalFirstIndexOnly() {
    var log = TestLogs.open(fs);
    log.append(records(1, 10, 1));
    log.truncatePrefix(8);

    assertEquals(1, log.retain(3));
    assertEquals(4, log.retain(4));
    assertEquals(7, log.retain(100));

    assertTrue(log.reader().read(6).isEmpty());
    assertTrue(holds(log, 7, 1));
    assertEquals(7, TestLogs.open(fs.kill()).physicalFirst());
  }

  @Test
  void keepsTheLastEntryWhateverIsRetained() {
    var log = TestLogs.open(fs);
    log.append(records(1, 10, 1));
    log.truncatePrefix(11);

    log.retain(11);

    assertEquals(1, log.term(10).orElseThrow());
  }

  @Test
  void knowsTermsAndConfigurationsWithoutReadingSealedSegments() {
    var log = TestLogs.open(fs);
    log.append(records(1, 3, 1));
    log.append(List.of(new LogRecord(4, 2, LogRecord.Type.CONFIGURATION, ByteBuffer.allocate(9))));
    log.append(List.of(new LogRecord(5, 2, LogRecord.Type.NO_OP, ByteBuffer.allocate(9))));
    appendEach(log, 6, 12, 3);
    log.close();
    fs.put(segment(1), damagedBody(fs.bytes(segment(1))));

    var reopened = TestLogs.open(fs);

    assertEquals(List.of(4L), reopened.configurations().boxed().toList());
    assertEquals(2, reopened.term(5).orElseThrow());
    assertEquals(3, reopened.term(6).orElseThrow());
    assertThrows(CorruptLogException.class, () -> reopened.reader().read(1));
  }

  @Test
  void waitsForDurabilityAndForcesByItselfIfTheSystemDoes() throws Exception {
    var options = TestLogs.options(TestLogs.FOLDER).withSync(SegmentedLogOptions.Sync.OS);
    var log = SegmentedLog.open(options, fs);
    log.append(records(1, 2, 1));
    assertEquals(0, log.durableLast());

    assertTrue(log.awaitDurable(1, Duration.ZERO));
    assertEquals(2, log.durableLast());
    assertFalse(log.awaitDurable(3, Duration.ofMillis(1)));
  }

  @Test
  void refusesASecondOwner() {
    TestLogs.open(fs);

    var refused = assertThrows(LogInUseException.class, () -> TestLogs.open(fs));

    assertTrue(refused.getMessage().contains("one owner"), refused.getMessage());
  }

  private static byte[] damagedBody(byte[] segment) {
    byte[] damaged = segment.clone();
    damaged[SegmentHeader.BYTES + RecordCodec.HEADER_BYTES + 3] ^= 1;
    return damaged;
  }
}
