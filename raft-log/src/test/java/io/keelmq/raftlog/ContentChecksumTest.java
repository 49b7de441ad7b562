package io.keelmq.raftlog;

import static io.keelmq.raftlog.TestLogs.appendEach;
import static io.keelmq.raftlog.TestLogs.record;
import static io.keelmq.raftlog.TestLogs.records;
import static io.keelmq.raftlog.TestLogs.segment;
import static io.keelmq.raftlog.TestLogs.sidecar;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

class ContentChecksumTest {

  private static final int LAST = 11;

  private final CrashFs fs = new CrashFs();

  /** What replicas compare. */
  private record Content(long baseIndex, long lastIndex, long bytes, int contentChecksum) {}

  @Test
  void isTheChecksumThatTheFormatPageSays() {
    var log = TestLogs.open(fs);
    log.append(records(1, 4, 5));
    var expected = new CRC32C();
    for (long i = 1; i <= 3; i++) {
      var head = ByteBuffer.allocate(21).put((byte) 1).putLong(i).putLong(5).putInt(1_000);
      expected.update(head.flip());
      expected.update(record(i, 5).data());
    }

    assertEquals((int) expected.getValue(), log.sealedSegments().get(0).contentChecksum());
    assertEquals(
        (int) expected.getValue(), ByteBuffer.wrap(fs.bytes(sidecar(1))).getInt(64), "on disk");
  }

  @Test
  void isEqualOnReplicasWhoseFilesDiffer() {
    var one = TestLogs.open(fs);
    one.append(records(1, LAST, 1));
    var otherFs = new CrashFs();
    var other =
        SegmentedLog.open(TestLogs.options(TestLogs.FOLDER).withMarks(() -> 4_711), otherFs);
    appendEach(other, 1, LAST, 1);

    assertEquals(3, content(one).size());
    assertEquals(content(one), content(other));
    for (int i = 0; i < 3; i++) {
      assertNotEquals(
          one.sealedSegments().get(i).checksum(), other.sealedSegments().get(i).checksum());
    }
    assertDurableBefore(fs, 1, 0);
    assertDurableBefore(otherFs, 1, 1);
  }

  @Test
  void isEqualWithOneMarkButOtherBatches() {
    var one = TestLogs.open(fs);
    one.append(records(1, LAST, 1));
    var otherFs = new CrashFs();
    var other = TestLogs.open(otherFs);
    appendEach(other, 1, LAST, 1);

    assertFalse(Arrays.equals(fs.bytes(segment(1)), otherFs.bytes(segment(1))));
    assertEquals(content(one), content(other));
  }

  @Test
  void changesWithEveryFieldOfAnEntry() {
    byte[] data = {1, 2, 3};
    int plain = of(entry(7, 2, LogRecord.Type.DATA, data));

    assertEquals(plain, of(entry(7, 2, LogRecord.Type.DATA, data.clone())));
    assertNotEquals(plain, of(entry(8, 2, LogRecord.Type.DATA, data)));
    assertNotEquals(plain, of(entry(7, 3, LogRecord.Type.DATA, data)));
    assertNotEquals(plain, of(entry(7, 2, LogRecord.Type.NO_OP, data)));
    assertNotEquals(plain, of(entry(7, 2, LogRecord.Type.DATA, new byte[] {1, 2, 4})));
    assertNotEquals(plain, of(entry(7, 2, LogRecord.Type.DATA, new byte[] {1, 2, 3, 0})));
    assertNotEquals(plain, of());
  }

  @Test
  void leavesTheDataWhereItStands() {
    var data = ByteBuffer.wrap(new byte[] {9, 1, 2, 3, 9}).position(1).limit(4);

    int part = of(new LogRecord(7, 2, LogRecord.Type.DATA, data));

    assertEquals(of(entry(7, 2, LogRecord.Type.DATA, new byte[] {1, 2, 3})), part);
    assertEquals(1, data.position());
    assertEquals(4, data.limit());
  }

  @Test
  void changesOnlyInTheSegmentWhoseEntryDiffers() {
    var one = TestLogs.open(fs);
    one.append(records(1, LAST, 1));
    var other = TestLogs.open(new CrashFs());
    var changed = records(1, LAST, 1).toArray(new LogRecord[0]);
    byte[] data = new byte[1_000];
    record(5, 1).data().get(data);
    data[999] ^= 1;
    changed[4] = entry(5, 1, LogRecord.Type.DATA, data);
    other.append(List.of(changed));

    assertEquals(content(one).get(0), content(other).get(0));
    assertNotEquals(content(one).get(1), content(other).get(1));
    assertEquals(content(one).get(2), content(other).get(2));
  }

  @Test
  void isEqualAgainAfterACutInEitherKindOfSegment() {
    var whole = TestLogs.open(new CrashFs());
    whole.append(records(1, LAST, 1));
    for (long lastKept = 0; lastKept < LAST; lastKept++) {
      var log = TestLogs.open(new CrashFs());
      log.append(records(1, LAST, 1));

      log.truncateSuffix(lastKept);
      log.append(records(lastKept + 1, LAST, 1));

      assertEquals(content(whole), content(log), "cut after " + lastKept);
      assertEveryoneVerifies(log);
    }
  }

  @Test
  void isOfWhatReplacedTheCutEntries() {
    var log = TestLogs.open(fs);
    log.append(records(1, LAST, 1));
    log.truncateSuffix(4);
    log.append(records(5, LAST, 2));
    var straight = TestLogs.open(new CrashFs());
    straight.append(records(1, 4, 1));
    straight.append(records(5, LAST, 2));

    assertEquals(content(straight), content(log));
  }

  @Test
  void goesOnAfterAReopenInTheMiddleOfASegment() {
    var whole = TestLogs.open(new CrashFs());
    whole.append(records(1, LAST, 1));
    var log = TestLogs.open(fs);
    log.append(records(1, 5, 1));

    var reopened = TestLogs.open(fs.kill());
    reopened.append(records(6, LAST, 1));

    assertEquals(content(whole), content(reopened));
    assertEveryoneVerifies(reopened);
  }

  @Test
  void comesBackIfTheSidecarIsLost() {
    var log = TestLogs.open(fs);
    log.append(records(1, LAST, 1));
    fs.remove(sidecar(1));
    byte[] damaged = fs.bytes(sidecar(4)).clone();
    damaged[65] ^= 1;
    fs.put(sidecar(4), damaged);

    var reopened = TestLogs.open(fs.kill());

    assertEquals(content(log), content(reopened));
  }

  @Test
  void isComparedWhenASegmentIsVerified() {
    TestLogs.open(fs).append(records(1, LAST, 1));
    var wrong = ByteBuffer.wrap(fs.bytes(sidecar(4)).clone());
    wrong.putInt(64, wrong.getInt(64) ^ 1);
    Preamble.INDEX.seal(wrong);
    fs.put(sidecar(4), wrong.array());

    var log = TestLogs.open(fs.kill());

    var found = scrub(log);
    assertEquals(1, found.size(), found::toString);
    assertTrue(found.get(0).contains("of the entries, found 0x"), found::toString);
  }

  private static void assertEveryoneVerifies(SegmentedLog log) {
    assertEquals(List.of(), scrub(log));
  }

  private static List<String> scrub(SegmentedLog log) {
    var found = new ArrayList<String>();
    var scrub = log.scrub(damage -> found.add(damage.getMessage()));
    try {
      Optional<Long> next = Optional.of(0L);
      while (next.isPresent()) {
        next = scrub.next(next.get(), bytes -> {});
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    return found;
  }

  /** Of the second record of the first segment. */
  private static void assertDurableBefore(CrashFs disk, long base, long expected) {
    int second = SegmentHeader.BYTES + RecordCodec.HEADER_BYTES + 1_000;
    var record = ByteBuffer.wrap(disk.bytes(segment(base))).position(second);
    assertEquals(expected, RecordCodec.durableBefore(record));
  }

  private static List<Content> content(SegmentedLog log) {
    return log.sealedSegments().stream()
        .map(s -> new Content(s.baseIndex(), s.lastIndex(), s.bytes(), s.contentChecksum()))
        .toList();
  }

  private static LogRecord entry(long index, long term, LogRecord.Type type, byte[] data) {
    return new LogRecord(index, term, type, ByteBuffer.wrap(data));
  }

  private static int of(LogRecord... records) {
    var checksum = new ContentChecksum();
    for (LogRecord record : records) {
      checksum.add(record);
    }
    return checksum.value();
  }
}
