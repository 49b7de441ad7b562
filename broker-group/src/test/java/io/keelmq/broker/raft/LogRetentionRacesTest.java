package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.entity.RaftOutter.SnapshotMeta;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import com.google.protobuf.Message;
import io.keelmq.broker.state.BrokerState;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.LogEntryInfo;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.raftlog.LinkedSegment;
import io.keelmq.raftlog.LogRecord;
import io.keelmq.raftlog.SegmentSummary;
import io.keelmq.raftlog.SegmentedLog;
import io.keelmq.raftlog.SegmentedLogOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What happens beside retention of the log, at the moment at which it would do harm. */
class LogRetentionRacesTest {

  private static final int ENTRIES = 20;
  private static final int RAFTS_FIRST = 15;

  @TempDir Path folder;

  private final FailingDisk disk = new FailingDisk();
  private final SnapshotCounters counters = new SnapshotCounters();
  private SegmentedLog log;
  private RocksTables store;
  private BrokerState state;
  private GroupSnapshots snapshots;
  private LogRetention retention;
  private long nowNanos;

  /** A log in which nothing is named by a row, with its last entries not forced. */
  @BeforeEach
  void open() throws IOException {
    log =
        SegmentedLog.open(
            SegmentedLogOptions.in(folder.resolve("log"))
                .withSegmentBytes(SegmentedLogOptions.LEAST_SEGMENT_BYTES)
                .withSync(SegmentedLogOptions.Sync.OS),
            disk);
    store = RocksTables.open(folder.resolve("store"));
    state = new BrokerState(store);
    snapshots = new GroupSnapshots(null, null, log, null, null, null, counters, Runnable::run);
    retention =
        new LogRetention(
            log,
            store,
            new StateView(store.committed()),
            snapshots,
            Runnable::run,
            () -> nowNanos,
            () -> Duration.ZERO,
            counters);
    for (int index = 1; index <= ENTRIES; index++) {
      apply(index);
    }
    log.truncatePrefix(RAFTS_FIRST);
    apply(ENTRIES + 1);
    assertEquals(1, log.physicalFirst());
    assertEquals(ENTRIES, log.durableLast());
  }

  @AfterEach
  void close() {
    store.close();
    log.close();
  }

  private void apply(int index) {
    log.append(List.of(new LogRecord(index, 1, LogRecord.Type.DATA, ByteBuffer.allocate(1_000))));
    var entry = new LogEntryInfo(index, 1, index);
    state.apply(entry, Optional.empty(), new Command.AdvanceTime());
    state.finish(entry);
    store.commit();
  }

  @Test
  void forcesWhatMadeEntriesNeedlessBeforeTheyGo() {
    retention.check();

    assertEquals(ENTRIES + 1, log.durableLast());
    assertTrue(log.physicalFirst() > 1);
  }

  @Test
  void freesNothingIfThatCannotBeForced() {
    List<SegmentSummary> before = log.sealedSegments();
    disk.failForces();

    retention.check();

    assertEquals(1, log.physicalFirst());
    assertTrue(before.stream().allMatch(segment -> Files.exists(segment.file())));
  }

  /** The rows that said what is needed are of the old log, whatever became of the snapshot. */
  @Test
  void freesNothingIfASnapshotWasBroughtInSinceTheRowsWereRead() {
    disk.beforeNextForce(() -> assertFalse(snapshots.load(new UnreadableSnapshot(folder))));

    retention.check();
    assertEquals(1, log.physicalFirst());

    apply(ENTRIES + 2);
    nowNanos += TimeUnit.HOURS.toNanos(1);
    retention.check();
    assertTrue(log.physicalFirst() > 1);
  }

  @Test
  void aSnapshotKeepsWhatIsFreedWhileItIsSent() throws IOException {
    List<LinkedSegment> linked = log.linkUpTo(ENTRIES, folder.resolve("sent"));

    retention.check();

    assertTrue(log.physicalFirst() > 1);
    for (LinkedSegment segment : linked) {
      if (segment.sealed().isPresent()) {
        assertEquals(
            segment.sealed().get().checksum(),
            SnapshotFiles.checksum(segment.file(), segment.bytes(), () -> false));
      }
    }
  }

  /** The receiver of a snapshot frees a segment that it was about to take from its own log. */
  @Test
  void aSegmentThatIsFreedWhileADownloadLinksItIsCopiedInstead() throws IOException {
    var storage =
        new GroupSnapshotStorage(
            folder.resolve("snapshot"),
            RaftOptionsFactory.node(ReplicaCluster.ELECTION_TIMEOUT).getRaftOptions(),
            log,
            disk,
            counters,
            () -> 0,
            "n1");
    assertTrue(storage.init(null));
    Map<String, SnapshotFile> wanted = filesOf(log.sealedSegments());
    var staging = SnapshotStaging.open(storage, log, counters, () -> false);
    staging.keepWhatFits(SnapshotListing.of(wanted.keySet(), name -> wanted.get(name).listed()));
    SegmentSummary first = log.sealedSegments().get(0);
    Files.delete(first.sidecar());

    staging.linkSegmentsOf(log);

    SnapshotFile segment = wanted.get(SnapshotFile.LOG + "/" + first.file().getFileName());
    SnapshotFile sidecar = wanted.get(SnapshotFile.sidecarOf(segment.name()));
    assertEquals(List.of(sidecar, segment), staging.missing());
    assertFalse(Files.exists(staging.path(segment)));
    assertTrue(Files.exists(first.file()));
  }

  private static Map<String, SnapshotFile> filesOf(List<SegmentSummary> segments)
      throws IOException {
    var files = new HashMap<String, SnapshotFile>();
    for (SegmentSummary each : segments) {
      String name = SnapshotFile.LOG + "/" + each.file().getFileName();
      files.put(
          name,
          new SnapshotFile(
              name, each.bytes(), each.checksum(), Optional.of(SnapshotFile.Content.of(each))));
      String index = SnapshotFile.sidecarOf(name);
      long bytes = Files.size(each.sidecar());
      int checksum = SnapshotFiles.checksum(each.sidecar(), bytes, () -> false);
      files.put(index, new SnapshotFile(index, bytes, checksum, Optional.empty()));
    }
    return files;
  }

  /** One whose listing is lost. */
  private static final class UnreadableSnapshot extends SnapshotReader {

    private final Path path;

    UnreadableSnapshot(Path path) {
      this.path = path;
    }

    @Override
    public SnapshotMeta load() {
      throw new IllegalStateException("no listing");
    }

    @Override
    public String generateURIForCopy() {
      return null;
    }

    @Override
    public String getPath() {
      return path.toString();
    }

    @Override
    public Set<String> listFiles() {
      return Set.of();
    }

    @Override
    public Message getFileMeta(String name) {
      return null;
    }

    @Override
    public boolean init(Void nothing) {
      return true;
    }

    @Override
    public void shutdown() {}

    @Override
    public void close() {}
  }
}
