package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.local.Seed;
import io.keelmq.raftlog.LogRecord;
import io.keelmq.raftlog.RealDisk;
import io.keelmq.raftlog.SegmentedLog;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the disks of a power cut show behind what was forced. Repeat with {@code -Dseed=}. */
class TornTailTest {

  private static final int TEARS = 25;
  private static final long TERM = 7;
  private static final long LAST = 36;

  private final Seed seed = ChaosPlan.givenOrNewSeed();

  @TempDir Path folder;

  /** As a process leaves it that has just died: its last batches are above every floor. */
  private Path crashed;

  @BeforeEach
  void makeALogThatNobodyCloses() throws IOException {
    Path running = folder.resolve("running");
    try (SegmentedLog log = open(running)) {
      for (long first = 1; first <= LAST; first += 3) {
        log.append(LongStream.range(first, first + 3).mapToObj(TornTailTest::record).toList());
      }
      crashed = copy(running, "crashed");
    }
    System.out.println("seed " + seed.value());
  }

  @Test
  void changesNothingThatWasForcedAndTheLogOpensWithAllOfIt() throws IOException {
    for (int i = 0; i < TEARS; i++) {
      Path log = copy(crashed, "torn-" + i);
      Path active = SegmentTail.segments(log).last();
      byte[] before = Files.readAllBytes(active);
      TornTail tail = TornTail.of(log).orElseThrow();

      String how = tail.tear(seed.random(i));

      byte[] after = Files.readAllBytes(active);
      assertTrue(after.length > before.length, how);
      assertArrayEquals(before, Arrays.copyOf(after, before.length), how);
      assertEquals("", tail.flaw(), how);
      try (SegmentedLog opened = open(log)) {
        assertEquals(LAST, opened.last(), how);
      }
      assertArrayEquals(before, Files.readAllBytes(active), how);
    }
  }

  @Test
  void findsTheEndThatTheLogFinds() {
    SegmentTail tail = SegmentTail.of(crashed).orElseThrow();

    assertEquals(LAST, tail.lastIndex());
    assertEquals(TERM, tail.lastTerm());
    assertTrue(tail.cleanBehind());
  }

  @Test
  void noticesATearThatBeginsTooEarly() throws IOException {
    TornTail tail = TornTail.of(crashed).orElseThrow();
    tail.tear(seed.random());
    int last = SegmentTail.of(crashed).orElseThrow().end() - 1;

    flip(SegmentTail.segments(crashed).last(), last);

    assertTrue(tail.flaw().startsWith("tearing changed byte " + last), tail.flaw());
  }

  @Test
  void noticesATornRecordThatIsSound() throws IOException {
    TornTail tail = TornTail.of(crashed).orElseThrow();

    try (SegmentedLog log = open(crashed)) {
      log.append(List.of(record(LAST + 1)));
    }

    assertTrue(tail.flaw().startsWith("tearing moved the end"), tail.flaw());
  }

  @Test
  void noticesAFileThatWasCut() throws IOException {
    TornTail tail = TornTail.of(crashed).orElseThrow();
    Path active = SegmentTail.segments(crashed).last();

    try (var file = new RandomAccessFile(active.toFile(), "rw")) {
      file.setLength(file.length() - 1);
    }

    assertNotEquals("", tail.flaw());
  }

  @Test
  void leavesAloneWhatACutItselfTore() throws IOException {
    // The last record does not verify any more, but its mark stands there.
    flip(SegmentTail.segments(crashed).last(), SegmentTail.of(crashed).orElseThrow().end() - 1);

    assertFalse(SegmentTail.of(crashed).orElseThrow().cleanBehind());
    assertEquals(Optional.empty(), TornTail.of(crashed).map(tail -> "torn"));
  }

  @Test
  void leavesALogAloneThatHasNoActiveSegmentForCertain() throws IOException {
    Path adopting = copy(crashed, "adopting");
    flip(adopting.resolve("first.meta"), 32);
    Path sealed = copy(crashed, "sealed");
    String name = SegmentTail.segments(sealed).last().getFileName().toString();
    Files.createFile(sealed.resolve(name.replace(".seg", ".idx")));

    assertEquals(Optional.empty(), SegmentTail.of(adopting));
    assertEquals(Optional.empty(), SegmentTail.of(sealed));
  }

  private static LogRecord record(long index) {
    var data = ByteBuffer.allocate((int) (index * 97 % 400));
    return new LogRecord(index, TERM, LogRecord.Type.DATA, data);
  }

  private static SegmentedLog open(Path log) {
    return SegmentedLog.open(
        SegmentedLogOptions.in(log).withSegmentBytes(SegmentedLogOptions.LEAST_SEGMENT_BYTES),
        new RealDisk());
  }

  private Path copy(Path log, String name) throws IOException {
    Path copy = Files.createDirectory(folder.resolve(name));
    try (var files = Files.list(log)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    return copy;
  }

  private static void flip(Path file, int at) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[at] ^= 1;
    Files.write(file, bytes);
  }
}
