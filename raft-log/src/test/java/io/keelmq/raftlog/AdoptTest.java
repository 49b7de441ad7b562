package io.keelmq.raftlog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Segments that leave a log for a snapshot, and come into another. */
class AdoptTest {

  @TempDir Path folder;

  private Path snapshot;

  @BeforeEach
  void name() {
    snapshot = folder.resolve("snapshot");
  }

  private SegmentedLog open(String name) {
    return SegmentedLog.open(TestLogs.options(folder.resolve(name)), new RealDisk());
  }

  private static void assertHolds(SegmentedLog log, long first, long last, long term) {
    assertEquals(first, log.physicalFirst());
    assertEquals(last, log.last());
    LongStream.rangeClosed(first, last)
        .forEach(i -> assertTrue(TestLogs.holds(log, i, term), "entry " + i));
  }

  @Test
  void linksWhatEndsInsideAndMeansAPrefixOfTheLast() throws Exception {
    try (var log = open("log")) {
      // Three records to a segment: 1-3, 4-6, 7-9, 10-12, 13-14.
      TestLogs.appendEach(log, 1, 14, 1);

      var linked = log.linkUpTo(8, snapshot);

      assertEquals(List.of(1L, 4L, 7L), linked.stream().map(LinkedSegment::baseIndex).toList());
      assertEquals(List.of(3L, 6L, 8L), linked.stream().map(LinkedSegment::lastIndex).toList());
      assertTrue(linked.get(1).sealed().isPresent());
      assertTrue(linked.get(2).sealed().isEmpty());
      assertTrue(linked.get(2).bytes() < Files.size(linked.get(2).file()));
      assertEquals(
          Files.getAttribute(linked.get(0).file(), "unix:ino"),
          Files.getAttribute(log.sealedSegments().get(0).file(), "unix:ino"));
      assertFalse(Files.exists(snapshot.resolve("%020d.idx".formatted(7))));
    }
  }

  @Test
  void bringsALogIntoAnEmptyOne() throws Exception {
    try (var log = open("log");
        var other = open("other")) {
      TestLogs.appendEach(log, 1, 10, 1);
      log.linkUpTo(10, snapshot);

      other.adopt(snapshot, 10);

      assertEquals(11, other.logicalFirst());
      assertEquals(10, other.durableLast());
      assertHolds(other, 1, 10, 1);
      // The file that goes on is the log's own, so the snapshot stays as it is.
      byte[] before = Files.readAllBytes(snapshot.resolve("%020d.seg".formatted(10)));
      TestLogs.appendEach(other, 11, 11, 1);
      assertEquals(
          before.length, Files.readAllBytes(snapshot.resolve("%020d.seg".formatted(10))).length);
      assertHolds(other, 1, 11, 1);
    }
    try (var reopened = open("other")) {
      assertEquals(11, reopened.logicalFirst());
      assertHolds(reopened, 1, 11, 1);
    }
  }

  @Test
  void replacesALogOfOtherEntriesAndCutsBehindTheEnd() throws Exception {
    try (var log = open("log");
        var other = open("other")) {
      TestLogs.appendEach(log, 1, 14, 3);
      TestLogs.appendEach(other, 1, 30, 2);
      // The snapshot ends inside a segment that was sealed with later entries.
      log.linkUpTo(5, snapshot);

      other.adopt(snapshot, 5);

      assertHolds(other, 1, 5, 3);
      assertEquals(Optional.empty(), other.reader().read(6));
      TestLogs.appendEach(other, 6, 20, 3);
      assertHolds(other, 1, 20, 3);
    }
  }

  @Test
  void endsInASealedSegment() throws Exception {
    try (var log = open("log");
        var other = open("other")) {
      TestLogs.appendEach(log, 1, 14, 1);
      var linked = log.linkUpTo(9, snapshot);

      other.adopt(snapshot, 9);

      assertTrue(linked.stream().allMatch(segment -> segment.sealed().isPresent()));
      assertHolds(other, 1, 9, 1);
      TestLogs.appendEach(other, 10, 10, 1);
      assertHolds(other, 1, 10, 1);
    }
  }

  private void adoptTen(SegmentedLog from, SegmentedLog to) throws Exception {
    TestLogs.appendEach(from, 1, 10, 1);
    from.linkUpTo(10, snapshot);
    to.adopt(snapshot, 10);
  }

  @Test
  void staysAsItIsWhenTheCallsOfJRaftFollow() throws Exception {
    try (var log = open("log");
        var other = open("other")) {
      adoptTen(log, other);

      other.truncatePrefix(11);
      other.reset(11);

      assertEquals(11, other.logicalFirst());
      assertHolds(other, 1, 10, 1);
    }
  }

  @Test
  void aResetCutsOnlyWhatWasAppendedBehindIt() throws Exception {
    try (var log = open("log");
        var other = open("other")) {
      adoptTen(log, other);
      TestLogs.appendEach(other, 11, 13, 2);

      other.reset(11);

      assertEquals(11, other.logicalFirst());
      assertEquals(10, other.last());
      assertHolds(other, 1, 10, 1);
      TestLogs.appendEach(other, 11, 11, 3);
      assertEquals(3, other.term(11).orElseThrow());
    }
  }

  @Test
  void aResetToAnotherIndexWipesItAll() throws Exception {
    try (var log = open("log");
        var other = open("other")) {
      adoptTen(log, other);
      TestLogs.appendEach(other, 11, 13, 2);
      other.truncateSuffix(11);

      other.reset(20);

      assertEquals(20, other.physicalFirst());
    }
  }

  @Test
  void keepsOldEntriesReadableBelowTheLogicalFirst() throws Exception {
    try (var log = open("log")) {
      TestLogs.appendEach(log, 1, 10, 1);

      log.truncatePrefix(9);

      assertEquals(9, log.logicalFirst());
      assertHolds(log, 1, 10, 1);
    }
  }

  @Test
  void refusesGapsAndShortEndsAndChangesNothing() throws Exception {
    try (var log = open("log");
        var other = open("other")) {
      TestLogs.appendEach(log, 1, 14, 1);
      TestLogs.appendEach(other, 1, 3, 9);

      log.linkUpTo(14, snapshot);
      assertThrows(CorruptLogException.class, () -> other.adopt(snapshot, 15));
      assertThrows(CorruptLogException.class, () -> other.adopt(snapshot, 12));
      Files.delete(snapshot.resolve("%020d.seg".formatted(4)));
      assertThrows(CorruptLogException.class, () -> other.adopt(snapshot, 14));
      Path empty = Files.createDirectory(folder.resolve("empty"));
      assertThrows(CorruptLogException.class, () -> other.adopt(empty, 14));

      assertEquals(Optional.empty(), other.poison());
      assertHolds(other, 1, 3, 9);
    }
  }

  @Test
  void refusesADamagedEndAndChangesNothing() throws Exception {
    try (var log = open("log");
        var other = open("other")) {
      TestLogs.appendEach(log, 1, 14, 1);
      log.linkUpTo(14, snapshot);
      Path last = snapshot.resolve("%020d.seg".formatted(13));
      byte[] bytes = Files.readAllBytes(last);
      bytes[200] ^= 1;
      Files.delete(last);
      Files.write(last, bytes);

      assertThrows(CorruptLogException.class, () -> other.adopt(snapshot, 14));

      assertEquals(0, other.last());
      assertEquals(Optional.empty(), other.poison());
    }
  }

  @Test
  void refusesAFileSystemWithoutHardLinksBeforeItGivesAnythingUp() throws Exception {
    var fs = new CrashFs();
    var source = TestLogs.open(fs);
    TestLogs.appendEach(source, 1, 10, 1);
    source.linkUpTo(10, Path.of("/snapshot"));
    source.close();
    var log = TestLogs.open(fs);
    fs.failAfter(0, "Operation not supported");

    var refused = assertThrows(IOException.class, () -> log.adopt(Path.of("/snapshot"), 10));
    fs.heal();

    assertTrue(refused.getMessage().contains("hard-linked"), refused.getMessage());
    assertEquals(1, log.logicalFirst());
    TestLogs.appendEach(log, 11, 12, 1);
    assertEquals(12, log.last());
  }

  @Test
  void countsTheBytesBehindAnIndex() {
    try (var log = open("log")) {
      TestLogs.appendEach(log, 1, 14, 1);

      assertEquals(14 * 1_044, log.bytesAfter(0));
      assertEquals(4 * 1_044, log.bytesAfter(10));
      assertEquals(2 * 1_044, log.bytesAfter(12));
      assertEquals(0, log.bytesAfter(14));
      assertEquals(0, log.bytesAfter(99));
    }
  }
}
