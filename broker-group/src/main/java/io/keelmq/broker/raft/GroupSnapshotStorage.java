package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.RaftOutter.SnapshotMeta;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.option.SnapshotCopierOptions;
import com.alipay.sofa.jraft.storage.FileService;
import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotCopier;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotWriter;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotStorage;
import com.google.protobuf.Message;
import io.keelmq.raftlog.Disk;
import io.keelmq.raftlog.SegmentedLog;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * JRaft's folder of snapshots, of which the newest is kept, with a download of our own (see {@link
 * SnapshotDownload}) and a count of the replicas that are being sent one. Thread-safe.
 *
 * <p>A snapshot appears by a rename when it is whole and durable; what a crash leaves unfinished is
 * removed at the next start.
 */
final class GroupSnapshotStorage extends LocalSnapshotStorage {

  private static final Logger LOG = LoggerFactory.getLogger(GroupSnapshotStorage.class);

  /**
   * A receiver that has asked for nothing for so long has gone, or is checking what it got; the
   * call that would tell stays open for hours.
   */
  private static final long SERVING_NANOS = TimeUnit.MINUTES.toNanos(30);

  private final Path folder;
  private final RaftOptions raftOptions;
  private final SegmentedLog log;
  private final Disk disk;
  private final SnapshotCounters counters;
  private final LongSupplier nanos;
  private final String node;
  private final AtomicInteger sending = new AtomicInteger();
  private volatile long lastSentNanos;
  private volatile SnapshotDownload download;
  private volatile long verifiedIndex;
  private volatile long failedNanos;
  private volatile boolean failed;

  GroupSnapshotStorage(
      Path folder,
      RaftOptions options,
      SegmentedLog log,
      Disk disk,
      SnapshotCounters counters,
      LongSupplier nanos,
      String node) {
    super(folder.toString(), null, options);
    this.folder = folder;
    this.raftOptions = options;
    this.log = log;
    this.disk = disk;
    this.counters = counters;
    this.nanos = nanos;
    this.node = node;
  }

  @Override
  public boolean init(Void nothing) {
    try {
      // It may be there since a moment ago, made by JRaft or to try a link, and its name be lost.
      disk.createFolder(folder);
      disk.forceDirectory(folder.toAbsolutePath().getParent());
      // Behind a killed process the newest snapshot's name may be in the page cache only, and JRaft
      // deletes all others.
      disk.forceDirectory(folder);
    } catch (IOException e) {
      LOG.error("the folder {} for snapshots cannot be made", folder, e);
      return false;
    }
    return super.init(null);
  }

  @Override
  public SnapshotWriter create(boolean fromEmpty) {
    SnapshotWriter made = super.create(fromEmpty);
    if (made == null) {
      return null;
    }
    var writer = new DurableSnapshotWriter(made.getPath(), this, raftOptions);
    return writer.init(null) ? writer : null;
  }

  /** What snapshots are made durable through. */
  Disk disk() {
    return disk;
  }

  /** Keeps the newest snapshot from being deleted until the result is closed. */
  Optional<SnapshotReader> hold() {
    return getLastSnapshotIndex() == 0 ? Optional.empty() : Optional.ofNullable(super.open());
  }

  @Override
  public SnapshotReader open() {
    // JRaft asks at each start, and would warn of what is normal.
    SnapshotReader reader = getLastSnapshotIndex() == 0 ? null : super.open();
    return reader == null ? null : new OpenSnapshot(reader);
  }

  @Override
  public SnapshotCopier startToCopyFrom(String uri, SnapshotCopierOptions options) {
    var begun =
        new SnapshotDownload(
            this, log, new SeedFolder(folder.getParent(), counters), counters, node);
    long sinceFailure = nanos.getAsLong() - failedNanos;
    if (!begun.connect(uri, options)) {
      LOG.warn("cannot connect to {} for a snapshot", uri);
      return null;
    }
    download = begun;
    begun.start(failed ? Math.max(0, SnapshotDownload.RETRY_NANOS - sinceFailure) : 0);
    return begun;
  }

  @Override
  public SnapshotReader copyFrom(String uri, SnapshotCopierOptions options) {
    throw new UnsupportedOperationException("JRaft downloads by startToCopyFrom");
  }

  void downloadEnded(boolean ok) {
    failedNanos = nanos.getAsLong();
    failed = !ok;
    if (!ok) {
      counters.failedDownloads.increment();
    }
  }

  /** A snapshot was published: what JRaft's listing of it says is sealed. */
  void seal(long index) {
    try {
      SnapshotSeal.write(disk, folder.resolve(Snapshot.JRAFT_SNAPSHOT_PREFIX + index));
    } catch (IOException e) {
      LOG.warn("the snapshot at {} has no seal", index, e);
    }
  }

  /** Every file of this snapshot has been compared with its listing in this process. */
  void verified(long index) {
    verifiedIndex = index;
  }

  boolean isVerified(long index) {
    return verifiedIndex == index;
  }

  /** Whether a snapshot is being downloaded from the leader. */
  boolean isDownloading() {
    SnapshotDownload last = download;
    return last != null && last.isRunning();
  }

  /** Whether another replica is being sent a snapshot from here; a newer one would cancel it. */
  boolean isSending() {
    return sending.get() > 0 && nanos.getAsLong() - lastSentNanos < SERVING_NANOS;
  }

  /** A reader that counts while it is sent from. Used by one thread at a time. */
  private final class OpenSnapshot extends SnapshotReader {

    private final SnapshotReader reader;

    /** What JRaft hands the receiver's requests to; 0 while nobody is sent anything. */
    private long sender;

    OpenSnapshot(SnapshotReader reader) {
      this.reader = reader;
    }

    @Override
    public SnapshotMeta load() {
      return reader.load();
    }

    /** The address of JRaft's reader, with our own in the place of its number. */
    @Override
    public String generateURIForCopy() {
      String uri = reader.generateURIForCopy();
      if (uri == null || sender != 0) {
        return uri == null ? null : addressed(uri);
      }
      try {
        sender =
            FileService.getInstance()
                .addReader(
                    new SnapshotSender(
                        Path.of(getPath()), raftOptions, () -> lastSentNanos = nanos.getAsLong()));
      } catch (IOException e) {
        LOG.error("the snapshot in {} cannot be sent", getPath(), e);
        return null;
      }
      lastSentNanos = nanos.getAsLong();
      sending.incrementAndGet();
      return addressed(uri);
    }

    private String addressed(String uri) {
      return uri.substring(0, uri.lastIndexOf('/') + 1) + sender;
    }

    @Override
    public String getPath() {
      return reader.getPath();
    }

    @Override
    public Set<String> listFiles() {
      return reader.listFiles();
    }

    @Override
    public Message getFileMeta(String name) {
      return reader.getFileMeta(name);
    }

    @Override
    public boolean init(Void nothing) {
      return true;
    }

    @Override
    public void shutdown() {
      reader.shutdown();
    }

    @Override
    public void close() throws IOException {
      if (sender != 0) {
        FileService.getInstance().removeReader(sender);
        sender = 0;
        sending.decrementAndGet();
      }
      reader.close();
    }
  }
}
