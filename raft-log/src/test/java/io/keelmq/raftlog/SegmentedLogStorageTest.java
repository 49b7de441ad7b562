package io.keelmq.raftlog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.conf.ConfigurationManager;
import com.alipay.sofa.jraft.entity.EnumOutter.EntryType;
import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.LogId;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.option.LogStorageOptions;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** JRaft's contract with a log storage, one line at a time. */
class SegmentedLogStorageTest {

  private final CrashFs fs = new CrashFs();
  private final List<CorruptLogException> corruptions = new ArrayList<>();

  @Test
  void anEmptyLogIsFromOneToZero() {
    var storage = storage(fs);

    assertEquals(1, storage.getFirstLogIndex());
    assertEquals(0, storage.getLastLogIndex());
  }

  @Test
  void entriesBeforeTheFirstAndBehindTheLastAreNullAndDoNotThrow() {
    var storage = storage(fs);
    assertNull(storage.getEntry(0));

    storage.appendEntries(dataEntries(1, 9, 1));
    storage.truncatePrefix(5);

    assertNull(storage.getEntry(4));
    assertNotNull(storage.getEntry(5));
    assertNull(storage.getEntry(10));
  }

  @Test
  void initAddsEveryConfigurationInIndexOrder() {
    var storage = storage(fs);
    storage.appendEntries(dataEntries(1, 4, 1));
    storage.appendEntry(configuration(5, 1, "a:1,b:1", null));
    storage.appendEntries(dataEntries(6, 12, 2));
    storage.appendEntry(configuration(13, 2, "a:1,b:1,c:1", "a:1,b:1"));

    var found = configurations(storage(fs.kill()));

    assertEquals("a:1,b:1", found.get(5).getConf().toString());
    assertTrue(found.get(5).getOldConf().isEmpty());
    assertEquals(new LogId(5, 1), found.get(12).getId());
    assertEquals("a:1,b:1,c:1", found.getLastConfiguration().getConf().toString());
    assertEquals("a:1,b:1", found.getLastConfiguration().getOldConf().toString());
    assertEquals(new LogId(13, 2), found.getLastConfiguration().getId());
  }

  @Test
  void initLeavesOutConfigurationsThatWereCut() {
    var storage = storage(fs);
    storage.appendEntry(configuration(1, 1, "a:1", null));
    storage.appendEntry(configuration(2, 1, "b:1", null));
    storage.appendEntry(configuration(3, 1, "c:1", null));
    storage.truncatePrefix(2);
    storage.truncateSuffix(2);

    var found = configurations(storage(fs.kill()));

    assertEquals(new LogId(2, 1), found.getLastConfiguration().getId());
    assertEquals(new LogId(0, 0), found.get(1).getId());
  }

  @Test
  void initFailsIfAConfigurationIsDamaged() {
    var storage = storage(fs);
    storage.appendEntry(configuration(1, 1, "a:1,b:1", null));
    storage.appendEntries(dataEntries(2, 6, 1));
    flipFirstRecord();

    assertFalse(storage(fs.kill()).init(options(new ConfigurationManager())));
    assertEquals(1, corruptions.size());
  }

  @Test
  void entriesComeBackWithIdTypeAndBytes() {
    var storage = storage(fs);
    var noOp = new LogEntry(EntryType.ENTRY_TYPE_NO_OP);
    noOp.setId(new LogId(1, 3));

    assertEquals(1, storage.appendEntries(List.of(noOp)));
    assertEquals(4, storage.appendEntries(dataEntries(2, 5, 3)));
    assertTrue(storage.appendEntry(configuration(6, 4, "a:1,b:1", null)));

    assertEquals(EntryType.ENTRY_TYPE_NO_OP, storage.getEntry(1).getType());
    assertEquals(new LogId(1, 3), storage.getEntry(1).getId());
    var data = storage.getEntry(2);
    assertEquals(EntryType.ENTRY_TYPE_DATA, data.getType());
    assertEquals(new LogId(2, 3), data.getId());
    assertEquals(dataEntry(2, 3).getData(), data.getData());
    assertEquals(dataEntry(2, 3).getData(), data.sliceData());
    assertEquals(dataEntry(2, 3).getData(), data.getReadOnlyData());
    assertTrue(data.getReadOnlyData().isReadOnly());
    var members = storage.getEntry(6).getPeers();
    assertEquals(List.of(PeerId.parsePeer("a:1"), PeerId.parsePeer("b:1")), members);
  }

  @Test
  void theLastEntrysTermIsThereAfterAReset() {
    var storage = storage(fs);
    storage.appendEntries(dataEntries(1, 9, 3));

    storage.truncatePrefix(20);

    assertEquals(20, storage.getFirstLogIndex());
    assertEquals(19, storage.getLastLogIndex());
    assertNull(storage.getEntry(storage.getLastLogIndex()));
  }

  @Test
  void resetBeginsAtTheNextIndex() {
    var storage = storage(fs);
    storage.appendEntries(dataEntries(1, 9, 3));

    assertTrue(storage.reset(4));

    assertEquals(4, storage.getFirstLogIndex());
    assertEquals(3, storage.getLastLogIndex());
    assertEquals(2, storage.appendEntries(dataEntries(4, 5, 4)));
  }

  @Test
  void appendedEntriesAreDurableOnReturn() {
    var storage = storage(fs);

    assertEquals(9, storage.appendEntries(dataEntries(1, 9, 1)));

    assertEquals(9, storage(fs.crashLosingAll(new java.util.Random(1))).getLastLogIndex());
  }

  @Test
  void aFailedAppendCountsNothingAndEveryLaterChangeFails() {
    var storage = storage(fs);
    storage.appendEntries(dataEntries(1, 2, 1));
    fs.failAfter(1, "No space left on device");

    assertEquals(0, storage.appendEntries(dataEntries(3, 4, 1)));
    fs.heal();

    assertEquals(2, storage.getLastLogIndex());
    assertEquals(0, storage.appendEntries(dataEntries(3, 4, 1)));
    assertFalse(storage.appendEntry(dataEntry(3, 1)));
    assertFalse(storage.truncatePrefix(2));
    assertFalse(storage.truncateSuffix(1));
    assertFalse(storage.reset(7));
    assertNotNull(storage.getEntry(2).getData());
  }

  @Test
  void refusesAGapAndAllBehindItWithoutThrowing() {
    var storage = storage(fs);

    assertEquals(0, storage.appendEntries(dataEntries(2, 3, 1)));
    assertEquals(0, storage.appendEntries(dataEntries(1, 2, 1)));
  }

  @Test
  void truncateSuffixKeepsItsArgument() {
    var storage = storage(fs);
    storage.appendEntries(dataEntries(1, 9, 1));

    assertTrue(storage.truncateSuffix(5));

    assertEquals(5, storage.getLastLogIndex());
    assertNull(storage.getEntry(6));
    assertEquals(1, storage.appendEntries(dataEntries(6, 6, 2)));
    assertEquals(2, storage.getEntry(6).getId().getTerm());
  }

  @Test
  void skippingAnEntryDoesNotReadItButUsingItVerifiesIt() {
    var storage = storage(fs);
    storage.appendEntries(dataEntries(1, 6, 1));
    flipFirstRecord();
    var reopened = storage(fs.kill());

    var damaged = reopened.getEntry(1);

    assertEquals(new LogId(1, 1), damaged.getId());
    assertEquals(List.of(), corruptions);
    assertThrows(CorruptLogException.class, damaged::getData);
    assertThrows(CorruptLogException.class, damaged::sliceData);
    assertThrows(CorruptLogException.class, damaged::getReadOnlyData);
    assertThrows(CorruptLogException.class, damaged::checksum);
    assertEquals(4, corruptions.size());
  }

  @Test
  void passingOverAnEntryReadsNothingAndOffersNoOtherWayToItsBytes() {
    storage(fs).appendEntries(dataEntries(1, 6, 1));
    flipFirstRecord();
    var passing = new AtomicBoolean(true);
    var damaged = storage(fs.kill(), passing::get).getEntry(1);

    assertNull(damaged.getData());
    assertEquals(List.of(), corruptions);
    assertThrows(CorruptLogException.class, damaged::sliceData);
    assertThrows(CorruptLogException.class, damaged::getReadOnlyData);
    assertThrows(CorruptLogException.class, damaged::checksum);
    assertThrows(CorruptLogException.class, damaged::estimatedSize);
    passing.set(false);
    assertThrows(CorruptLogException.class, damaged::getData);
  }

  @Test
  void anEntryThatWasPassedOverGivesItsBytesAfterwards() {
    storage(fs).appendEntries(dataEntries(1, 6, 1));
    var passing = new AtomicBoolean(true);
    var entry = storage(fs.kill(), passing::get).getEntry(1);
    assertNull(entry.getData());

    passing.set(false);
    assertEquals(dataEntry(1, 1).getData(), entry.getData());

    passing.set(true);
    assertEquals(dataEntry(1, 1).getData(), entry.getData(), "read already");
  }

  /** A new leader's replicators send old entries while its apply thread still walks past them. */
  @Test
  void replicationGetsVerifiedBytesWhileTheApplyThreadPassesOver() throws Exception {
    storage(fs).appendEntries(dataEntries(1, 6, 1));
    flipFirstRecord();
    var applyThread = Thread.currentThread();
    var storage = storage(fs.kill(), () -> Thread.currentThread() == applyThread);

    assertNull(storage.getEntry(1).getData());
    assertNull(storage.getEntry(2).getData());
    onAnotherThread(
        () -> {
          assertThrows(CorruptLogException.class, storage.getEntry(1)::getData);
          assertEquals(dataEntry(2, 1).getData(), storage.getEntry(2).getData());
        });
    assertEquals(1, corruptions.size());
  }

  @Test
  void onlyTheThreadThatTookAnEntryMayPassItOver() throws Exception {
    storage(fs).appendEntries(dataEntries(1, 6, 1));
    var entry = storage(fs.kill(), () -> true).getEntry(2);

    assertNull(entry.getData());
    onAnotherThread(() -> assertEquals(dataEntry(2, 1).getData(), entry.getData()));
  }

  @Test
  void anEntryCutBeforeItsBytesWereReadIsNotTakenForCorruption() {
    var storage = storage(fs);
    storage.appendEntries(dataEntries(1, 2, 1));
    var entry = storage.getEntry(2);

    storage.truncateSuffix(1);
    storage.appendEntries(dataEntries(2, 2, 2));

    assertThrows(IllegalStateException.class, entry::getData);
    assertEquals(List.of(), corruptions);
  }

  @Test
  void tellsTheLastDataEntryOfABatchThatArrives() {
    var arrived = new ArrayList<ByteBuffer>();
    var storage =
        new SegmentedLogStorage(open(fs), () -> false, data -> arrived.add(data.duplicate()));
    var batch = new ArrayList<>(dataEntries(1, 4, 1));
    batch.add(configuration(5, 1, "a:1", null));

    storage.appendEntries(batch);
    storage.appendEntry(configuration(6, 1, "b:1", null));

    assertEquals(List.of(batch.get(3).getData()), arrived);
  }

  @Test
  void anEntryWithoutDataIsStored() {
    var storage = storage(fs);
    var empty = new LogEntry(EntryType.ENTRY_TYPE_DATA);
    empty.setId(new LogId(1, 1));
    empty.setData(null);

    assertTrue(storage.appendEntry(empty));

    assertEquals(0, storage.getEntry(1).getData().remaining());
  }

  private SegmentedLogStorage storage(CrashFs disk) {
    return new SegmentedLogStorage(open(disk));
  }

  private SegmentedLogStorage storage(CrashFs disk, BooleanSupplier passingOver) {
    return new SegmentedLogStorage(open(disk), passingOver, data -> {});
  }

  private SegmentedLog open(CrashFs disk) {
    var options = TestLogs.options(TestLogs.FOLDER).withCorruptionListener(corruptions::add);
    return SegmentedLog.open(options, disk);
  }

  private static void onAnotherThread(Runnable action) throws Exception {
    var outcome = new FutureTask<Void>(action, null);
    var thread = new Thread(outcome, "another");
    thread.start();
    outcome.get();
    thread.join();
  }

  private static ConfigurationManager configurations(SegmentedLogStorage storage) {
    var found = new ConfigurationManager();
    assertTrue(storage.init(options(found)));
    return found;
  }

  private static LogStorageOptions options(ConfigurationManager configurations) {
    var options = new LogStorageOptions();
    options.setConfigurationManager(configurations);
    return options;
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

  private static LogEntry configuration(long index, long term, String peers, String oldPeers) {
    var entry = new LogEntry(EntryType.ENTRY_TYPE_CONFIGURATION);
    entry.setId(new LogId(index, term));
    entry.setPeers(peers(peers));
    if (oldPeers != null) {
      entry.setOldPeers(peers(oldPeers));
    }
    entry.setData(ByteBuffer.allocate(0));
    return entry;
  }

  private static List<PeerId> peers(String list) {
    return java.util.Arrays.stream(list.split(",")).map(PeerId::parsePeer).toList();
  }

  private void flipFirstRecord() {
    byte[] bytes = fs.bytes(TestLogs.segment(1)).clone();
    bytes[SegmentHeader.BYTES + RecordCodec.HEADER_BYTES + 5] ^= 4;
    fs.put(TestLogs.segment(1), bytes);
  }
}
