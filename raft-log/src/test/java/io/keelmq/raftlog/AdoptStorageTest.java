package io.keelmq.raftlog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.entity.EnumOutter.EntryType;
import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.LogId;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** What JRaft is told by a log that a snapshot has replaced under it. */
class AdoptStorageTest {

  private final CrashFs fs = new CrashFs();

  @Test
  void tellsTheTermThatASnapshotReplacedUntilTheLogIsReset() throws Exception {
    var folder = Path.of("/snapshot");
    var log = TestLogs.open(fs);
    var storage = new SegmentedLogStorage(log);
    storage.appendEntries(dataEntries(1, 5, 3));
    log.linkUpTo(5, folder);
    storage.truncateSuffix(2);
    storage.appendEntries(dataEntries(3, 9, 2 + 2));

    log.adopt(folder, 5);

    // JRaft takes a conflict for a reason to reset, and nothing for a log that goes on.
    assertEquals(new LogId(5, 4), storage.getEntry(5).getId());
    assertNull(storage.getEntry(4));
    assertNull(storage.getEntry(6));
    assertTrue(storage.reset(6));
    assertNull(storage.getEntry(5));
    assertEquals(3, log.term(5).orElseThrow());
  }

  @Test
  void tellsNothingOfAnEntryThatASnapshotConfirmed() throws Exception {
    var folder = Path.of("/snapshot");
    var log = TestLogs.open(fs);
    var storage = new SegmentedLogStorage(log);
    storage.appendEntries(dataEntries(1, 9, 3));
    log.linkUpTo(5, folder);

    log.adopt(folder, 5);

    assertNull(storage.getEntry(5));
  }

  @Test
  void passesOverAppendsThatASnapshotHasOvertaken() throws Exception {
    var folder = Path.of("/snapshot");
    var log = TestLogs.open(fs);
    var storage = new SegmentedLogStorage(log);
    storage.appendEntries(dataEntries(1, 9, 3));
    log.linkUpTo(9, folder);
    storage.truncateSuffix(5);
    log.adopt(folder, 9);

    assertEquals(3, storage.appendEntries(dataEntries(6, 8, 3)));
    assertEquals(9, log.last());
    assertEquals(4, storage.appendEntries(dataEntries(8, 11, 3)));
    assertEquals(11, log.last());
    assertEquals(0, storage.appendEntries(dataEntries(20, 21, 3)));
  }

  @Test
  void whatCannotBeStoredEndsTheLog() {
    var log = TestLogs.open(fs);
    var storage = new SegmentedLogStorage(log);
    storage.appendEntries(dataEntries(1, 9, 3));
    assertTrue(log.poison().isEmpty());

    assertEquals(0, storage.appendEntries(dataEntries(20, 21, 3)));

    assertTrue(log.poison().isPresent());
    assertEquals(0, storage.appendEntries(dataEntries(10, 11, 3)));
  }

  private static List<LogEntry> dataEntries(long first, long last, long term) {
    return LongStream.rangeClosed(first, last).mapToObj(i -> dataEntry(i, term)).toList();
  }

  private static LogEntry dataEntry(long index, long term) {
    var entry = new LogEntry(EntryType.ENTRY_TYPE_DATA);
    entry.setId(new LogId(index, term));
    entry.setData(TestLogs.record(index, term).data());
    return entry;
  }
}
