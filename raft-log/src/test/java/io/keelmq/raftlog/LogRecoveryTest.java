package io.keelmq.raftlog;

import static io.keelmq.raftlog.TestLogs.appendEach;
import static io.keelmq.raftlog.TestLogs.holds;
import static io.keelmq.raftlog.TestLogs.records;
import static io.keelmq.raftlog.TestLogs.segment;
import static io.keelmq.raftlog.TestLogs.sidecar;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/**
 * What is a torn tail, what is corruption, and what the message says. Records are 1,044 bytes long.
 */
class LogRecoveryTest {

  private static final int RECORD_BYTES = 1_044;
  private static final Path BOUNDS = TestLogs.FOLDER.resolve("first.meta");

  private final CrashFs fs = new CrashFs();

  @Test
  void cutsATornTail() {
    TestLogs.open(fs).append(records(1, 2, 1));
    flip(segment(1), position(2) + 500);

    var log = TestLogs.open(fs.kill());

    assertEquals(1, log.last());
    assertTrue(holds(log, 1, 1));
  }

  @Test
  void cutsABatchWhoseLaterRecordsAreIntact() {
    TestLogs.open(fs).append(records(1, 3, 1));
    flip(segment(1), position(2));

    assertEquals(1, TestLogs.open(fs.kill()).last());
  }

  @Test
  void refusesADamagedRecordThatALaterOneProvesDurable() {
    appendEach(TestLogs.open(fs), 1, 3, 1);
    flip(segment(1), position(2) + 500);

    var refused = refused();

    assertTrue(refused.contains(segment(1) + " at byte " + position(2)), refused);
    assertTrue(refused.contains("record 3 was written when it was durable"), refused);
    assertTrue(refused.contains("rebuild this replica from its peers"), refused);
  }

  @Test
  void refusesADamagedLengthInTheAcknowledgedPart() {
    appendEach(TestLogs.open(fs), 1, 3, 1);
    flip(segment(1), position(1) + 12);

    assertTrue(refused().contains("was written when it was durable"));
  }

  @Test
  void refusesADamagedRecordThatTheStateMachineHasApplied() {
    TestLogs.open(fs).append(records(1, 2, 1));
    flip(segment(1), position(2));
    var options = TestLogs.options(TestLogs.FOLDER).withDurableAppliedFloor(2);

    var refused =
        assertThrows(CorruptLogException.class, () -> SegmentedLog.open(options, fs.kill()));

    assertTrue(refused.getMessage().contains("entries to 2 are durable"), refused.getMessage());
  }

  @Test
  void refusesALogThatEndsBeforeWhatTheStateMachineHasApplied() {
    TestLogs.open(fs).append(records(1, 2, 1));
    var options = TestLogs.options(TestLogs.FOLDER).withDurableAppliedFloor(3);

    var refused =
        assertThrows(CorruptLogException.class, () -> SegmentedLog.open(options, fs.kill()));

    assertTrue(refused.getMessage().contains("at least 3"), refused.getMessage());
  }

  @Test
  void refusesADamagedLastRecordAfterACleanClose() {
    var log = TestLogs.open(fs);
    log.append(records(1, 2, 1));
    log.close();
    flip(segment(1), position(2) + 50);

    assertTrue(refused().contains("entries to 2 are durable"));
  }

  @Test
  void changesNothingWhenItRefuses() {
    appendEach(TestLogs.open(fs), 1, 3, 1);
    flip(segment(1), position(2));
    byte[] before = fs.bytes(segment(1));
    var killed = fs.kill();

    assertThrows(CorruptLogException.class, () -> TestLogs.open(killed));

    assertArrayEquals(before, killed.bytes(segment(1)));
  }

  @Test
  void refusesATruncatedSealedSegment() {
    TestLogs.open(fs).append(records(1, 8, 1));
    fs.put(segment(4), Arrays.copyOf(fs.bytes(segment(4)), 2_000));

    assertTrue(refused().contains(segment(4) + " at byte 2000: expected a sealed segment of 3164"));
  }

  @Test
  void refusesAMissingSegment() {
    TestLogs.open(fs).append(records(1, 8, 1));
    fs.remove(segment(4));

    assertTrue(refused().contains("expected entries to 6, since the next segment is"));
  }

  @Test
  void refusesAMissingFirstSegment() {
    TestLogs.open(fs).append(records(1, 8, 1));
    fs.remove(segment(1));

    assertTrue(refused().contains("expected the logical first index 1"));
  }

  @Test
  void refusesAMissingLastSegmentOnceItWasKnownDurable() {
    var log = TestLogs.open(fs);
    log.append(records(1, 8, 1));
    log.close();
    fs.remove(segment(7));

    assertTrue(refused().contains("at least 8"));
  }

  @Test
  void refusesAMissingOrDamagedFirstMeta() {
    TestLogs.open(fs).append(records(1, 8, 1));
    byte[] bounds = fs.bytes(BOUNDS);
    flip(BOUNDS, 20);
    assertTrue(refused().contains("first.meta at byte 12: expected checksum"));

    fs.put(BOUNDS, Arrays.copyOf(bounds, 3));
    assertTrue(refused().contains("at least 16 bytes"));

    fs.remove(BOUNDS);
    assertTrue(refused().contains("found no file"));
  }

  @Test
  void writesAMissingOrDamagedSidecarAnewFromASoundSegment() {
    TestLogs.open(fs).append(records(1, 8, 1));
    byte[] sound = fs.bytes(sidecar(1));
    flip(sidecar(1), 70);
    fs.remove(sidecar(4));

    var killed = fs.kill();
    var log = TestLogs.open(killed);

    assertTrue(holds(log, 2, 1));
    assertTrue(holds(log, 5, 1));
    assertArrayEquals(sound, killed.bytes(sidecar(1)));
  }

  @Test
  void refusesAMissingSidecarOfADamagedSegment() {
    TestLogs.open(fs).append(records(1, 8, 1));
    fs.remove(sidecar(1));
    flip(segment(1), position(3) + 60);

    assertTrue(refused().contains("expected record 3 with checksum"));
  }

  @Test
  void findsAFlippedByteOfASealedSegmentWhenItIsRead() {
    TestLogs.open(fs).append(records(1, 8, 1));
    flip(segment(1), position(2) + 700);

    var log = TestLogs.open(fs.kill());

    assertTrue(holds(log, 1, 1));
    var refused = assertThrows(CorruptLogException.class, () -> log.reader().read(2));
    assertTrue(refused.getMessage().contains(segment(1) + " at byte " + position(2)));
    assertTrue(holds(log, 3, 1));
  }

  @Test
  void refusesADamagedSegmentHeader() {
    TestLogs.open(fs).append(records(1, 2, 1));
    flip(segment(1), 25);

    assertTrue(refused().contains(segment(1) + " at byte 12: expected checksum"));
  }

  @Test
  void refusesANewerFormat() {
    TestLogs.open(fs).append(records(1, 2, 1));
    var newer = java.nio.ByteBuffer.wrap(fs.bytes(segment(1)).clone()).limit(SegmentHeader.BYTES);
    newer.putInt(8, 2).putInt(12, Crc.aroundItself(newer.slice()));
    fs.put(segment(1), newer.array());

    var refused = assertThrows(UnsupportedFormatException.class, () -> TestLogs.open(fs.kill()));

    assertEquals(
        segment(1)
            + " has format 2, this build reads up to 1:"
            + " upgrade this replica to the build that wrote it",
        refused.getMessage());
  }

  @Test
  void doesNotTakeAPayloadForALaterRecord() {
    // The payload is a whole record of another segment that claims that everything was durable.
    var other = new CrashFs();
    appendEach(
        SegmentedLog.open(TestLogs.options(TestLogs.FOLDER).withMarks(() -> 99), other), 1, 3, 1);
    byte[] lookalike = Arrays.copyOfRange(other.bytes(segment(1)), position(3), position(4));
    var log = TestLogs.open(fs);
    log.append(records(1, 1, 1));
    log.append(
        java.util.List.of(
            new LogRecord(2, 1, LogRecord.Type.DATA, java.nio.ByteBuffer.wrap(lookalike))));
    flip(segment(1), position(2));

    assertEquals(1, TestLogs.open(fs.kill()).last());
  }

  @Test
  void treatsZerosBehindTheLastRecordAsATornTail() {
    TestLogs.open(fs).append(records(1, 2, 1));
    byte[] bytes = fs.bytes(segment(1));
    fs.put(segment(1), Arrays.copyOf(bytes, bytes.length + 4_096));

    assertEquals(2, TestLogs.open(fs.kill()).last());
  }

  private String refused() {
    return assertThrows(CorruptLogException.class, () -> TestLogs.open(fs.kill())).getMessage();
  }

  private void flip(Path file, int position) {
    byte[] bytes = fs.bytes(file).clone();
    bytes[position] ^= 0x10;
    fs.put(file, bytes);
  }

  /** Of a record in the first segment. */
  private static int position(long index) {
    return (int) (SegmentHeader.BYTES + (index - 1) * RECORD_BYTES);
  }
}
