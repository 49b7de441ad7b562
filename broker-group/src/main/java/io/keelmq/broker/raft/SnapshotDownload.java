package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.option.SnapshotCopierOptions;
import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotCopier;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotMetaTable;
import com.alipay.sofa.jraft.storage.snapshot.remote.RemoteFileCopier;
import com.alipay.sofa.jraft.storage.snapshot.remote.Session;
import com.alipay.sofa.jraft.util.ByteBufferCollector;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.raftlog.SegmentedLog;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a snapshot in from the leader, and publishes it only when every file of it has been
 * compared with its checksum and is durable. JRaft's own copier checks nothing.
 *
 * <p>Runs on a thread of its own; {@link #cancel} and {@link #join} may come from any. Segments
 * with entries that this replica has are not copied; see {@link SnapshotStaging}. A try that fails
 * changes nothing but the unpublished folder, in which the next one finds what was good. It never
 * ends with JRaft's EIO, upon which JRaft would put the whole node into its error state.
 */
final class SnapshotDownload extends SnapshotCopier {

  private static final Logger LOG = LoggerFactory.getLogger(SnapshotDownload.class);

  /**
   * The leader asks again at once when a try has failed; the same fault need not be met so often.
   */
  static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(2);

  private final GroupSnapshotStorage storage;
  private final SegmentedLog log;
  private final SnapshotCounters counters;
  private final SeedFolder seeds;
  private final RemoteFileCopier leader = new RemoteFileCopier();
  private final CountDownLatch cancelled = new CountDownLatch(1);
  private final Thread thread;

  /** Written before the thread starts. */
  private RaftOptions raftOptions;

  private long waitNanos;

  /** Guarded by this. Null while nothing is being copied. */
  private Session session;

  private volatile SnapshotReader reader;

  SnapshotDownload(
      GroupSnapshotStorage storage,
      SegmentedLog log,
      SeedFolder seeds,
      SnapshotCounters counters,
      String node) {
    this.storage = storage;
    this.log = log;
    this.seeds = seeds;
    this.counters = counters;
    this.thread = new Thread(this::run, "snapshot-download-" + node);
    thread.setDaemon(true);
  }

  /** False if the leader cannot be reached. */
  boolean connect(String uri, SnapshotCopierOptions options) {
    raftOptions = options.getRaftOptions();
    return leader.init(uri, null, options);
  }

  @Override
  public void start() {
    thread.start();
  }

  /**
   * @param nanos to wait before anything is asked for
   */
  void start(long nanos) {
    waitNanos = nanos;
    start();
  }

  boolean isRunning() {
    return thread.isAlive();
  }

  private void run() {
    boolean ok = false;
    try {
      if (cancelled.await(waitNanos, TimeUnit.NANOSECONDS)) {
        throw new IOException("cancelled");
      }
      reader = download();
      ok = true;
    } catch (IOException | RuntimeException e) {
      if (isCancelled()) {
        setError(RaftError.ECANCELED, "the download of a snapshot was cancelled");
        LOG.info("the download of a snapshot was cancelled: {}", e.getMessage());
      } else {
        setError(RaftError.EINTERNAL, "%s", String.valueOf(e.getMessage()));
        LOG.warn("no snapshot was brought in, this replica stays as it is: {}", e.toString());
        LOG.debug("it failed here", e);
      }
    } catch (InterruptedException e) {
      setError(RaftError.ECANCELED, "interrupted");
      Thread.currentThread().interrupt();
    } finally {
      storage.downloadEnded(ok);
    }
  }

  private SnapshotReader download() throws IOException, InterruptedException {
    LocalSnapshotMetaTable table = fetchListing();
    var remote = SnapshotListing.of(table.listFiles(), table::getFileMeta).requireWhole();
    long index = table.getMeta().getLastIncludedIndex();
    LOG.info(
        "bringing in a snapshot, index={} files={} bytes={}",
        index,
        remote.files().size(),
        remote.bytes());
    var staging = SnapshotStaging.open(storage, log, counters, this::isCancelled);
    boolean published = false;
    try {
      Failpoint.DOWNLOAD_BEGUN.hit();
      staging.keepWhatFits(remote);
      staging.linkSegmentsOf(log);
      staging.takeSeeds(seeds);
      staging.requireRoom();
      for (SnapshotFile file : staging.missing()) {
        copy(file, staging.path(file));
        staging.add(file);
        Failpoint.DOWNLOAD_FILE_HERE.hit();
      }
      Failpoint.DOWNLOAD_COMPLETE.hit();
      staging.publish(table.getMeta());
      published = true;
    } finally {
      if (!published) {
        staging.leave();
      }
    }
    Failpoint.DOWNLOAD_PUBLISHED.hit();
    storage.verified(index);
    storage.seal(index);
    SnapshotReader opened = storage.open();
    if (opened == null || opened.load().getLastIncludedIndex() != index) {
      throw new IOException("the snapshot at " + index + " could not be published");
    }
    LOG.info(
        "a snapshot is here, index={} segments_copied={} segments_skipped={} bytes_copied={}"
            + " bytes_of_seeds={}",
        index,
        staging.segmentsCopied(),
        staging.segmentsSkipped(),
        staging.bytesCopied(),
        staging.bytesOfSeeds());
    seeds.empty();
    return opened;
  }

  private LocalSnapshotMetaTable fetchListing() throws IOException, InterruptedException {
    var bytes = ByteBufferCollector.allocate(0);
    await(leader.startCopy2IoBuffer(Snapshot.JRAFT_SNAPSHOT_META_FILE, bytes, null), "listing");
    var table = new LocalSnapshotMetaTable(raftOptions);
    if (!table.loadFromIoBufferAsRemote(bytes.getBuffer()) || !table.hasMeta()) {
      throw new BadSnapshotException("the leader's listing of its snapshot cannot be read");
    }
    return table;
  }

  private void copy(SnapshotFile file, Path target) throws IOException, InterruptedException {
    Session copying = leader.startCopyToFile(file.name(), target.toString(), null);
    if (copying == null) {
      throw new IOException("cannot write " + target);
    }
    await(copying, file.name());
  }

  private void await(Session begun, String what) throws IOException, InterruptedException {
    try {
      synchronized (this) {
        session = begun;
      }
      if (isCancelled()) {
        begun.cancel();
      }
      begun.join();
      Status status = begun.status();
      if (!status.isOk()) {
        throw new IOException(
            "copying %s failed: %s (%d)".formatted(what, status.getErrorMsg(), status.getCode()));
      }
    } finally {
      synchronized (this) {
        session = null;
      }
      begun.close();
    }
  }

  private boolean isCancelled() {
    return cancelled.getCount() == 0;
  }

  /** Returns at once; {@link #join} tells when the thread has ended. */
  @Override
  public void cancel() {
    Session copying;
    cancelled.countDown();
    synchronized (this) {
      copying = session;
    }
    if (copying != null) {
      copying.cancel();
    }
  }

  @Override
  public void join() throws InterruptedException {
    thread.join();
  }

  @Override
  public SnapshotReader getReader() {
    return reader;
  }

  @Override
  public void close() {
    cancel();
    try {
      join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
