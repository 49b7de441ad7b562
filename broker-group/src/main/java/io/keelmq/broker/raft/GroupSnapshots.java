package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.entity.RaftOutter.SnapshotMeta;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotWriter;
import io.keelmq.broker.ReplicaVersion;
import io.keelmq.failpoint.Failpoint;
import io.keelmq.raftlog.LinkedSegment;
import io.keelmq.raftlog.SegmentedLog;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes snapshots of a replica, and makes a replica of a snapshot.
 *
 * <p>A snapshot is a checkpoint of the rows and hard links to the segments. The apply thread makes
 * these; checksums are added by the snapshot thread. {@link #load} runs on the apply thread, at
 * each start and after a download, and may be repeated: after a crash in the middle of it the next
 * start comes here again with the same snapshot.
 */
final class GroupSnapshots {

  private static final Logger LOG = LoggerFactory.getLogger(GroupSnapshots.class);

  private static final Duration DURABLE_LIMIT = Duration.ofSeconds(10);

  /**
   * The snapshot that a restart and other replicas begin with.
   *
   * @param index the last entry that it covers
   * @param term of that entry
   * @param applied the last entry that its rows hold
   */
  record Published(long index, long term, long applied, long bytes) {
    static final Published NONE = new Published(0, 0, 0, 0);
  }

  private final ReplicaIdentity identity;
  private final ReplicaVersion version;
  private final SegmentedLog log;
  private final ApplyLoop applyLoop;
  private final InheritedRows inherited;
  private final GroupSnapshotStorage storage;
  private final SnapshotCounters counters;
  private final Executor background;

  private volatile boolean stopped;
  private volatile boolean loading;

  /** Guarded by this; rises when log and rows begin to be replaced. */
  private long loads;

  private volatile Published published = Published.NONE;

  /** Made and not yet published; one at a time. */
  private volatile Published saved = Published.NONE;

  /** Why the last {@link #load} failed; JRaft keeps it to itself. */
  private volatile Optional<Exception> loadFailure = Optional.empty();

  GroupSnapshots(
      ReplicaIdentity identity,
      ReplicaVersion version,
      SegmentedLog log,
      ApplyLoop applyLoop,
      InheritedRows inherited,
      GroupSnapshotStorage storage,
      SnapshotCounters counters,
      Executor background) {
    this.identity = identity;
    this.version = version;
    this.log = log;
    this.applyLoop = applyLoop;
    this.inherited = inherited;
    this.storage = storage;
    this.counters = counters;
    this.background = background;
  }

  /** The published snapshot. */
  Published published() {
    return published;
  }

  boolean isInstalling() {
    return loading || storage.isDownloading();
  }

  /** How often log and rows have been replaced; empty while they are. */
  synchronized OptionalLong loads() {
    return loading ? OptionalLong.empty() : OptionalLong.of(loads);
  }

  /**
   * Does it only if log and rows have not begun to be replaced since {@code loads} was asked for;
   * they do not begin to be meanwhile. For what is short, and was decided by what the rows said of
   * the log.
   *
   * @return whether it was done
   */
  synchronized boolean unlessLoadedSince(long before, Runnable action) {
    if (loads != before) {
      return false;
    }
    action.run();
    return true;
  }

  Optional<Exception> loadFailure() {
    return loadFailure;
  }

  boolean isStopped() {
    return stopped;
  }

  /** Ends the work on a snapshot that is being made; it fails. */
  void stop() {
    stopped = true;
  }

  /**
   * Makes the content of a snapshot that ends where this replica has applied. {@code done} is
   * called in any case: JRaft would take no other snapshot, and install none, for ever.
   */
  void save(SnapshotWriter writer, Closure done) {
    Path folder = Path.of(writer.getPath());
    try {
      long index = writer.getCurrentMeta().getLastIncludedIndex();
      if (applyLoop.committedIndex() > index) {
        // After a start without a snapshot Raft hands out again what the rows hold already. Nobody
        // could use a snapshot that is called after an entry before those that it holds.
        throw new IOException(
            "this replica started with entry %d applied, and is at %d in reading its log again"
                .formatted(applyLoop.committedIndex(), index));
      }
      // The rows must not outlive their entries, and these are about to become durable.
      if (!log.awaitDurable(index, DURABLE_LIMIT)) {
        throw new IOException(
            "the log is durable up to entry %d only, expected %d within %s"
                .formatted(log.durableLast(), index, DURABLE_LIMIT));
      }
      requireTerm(writer.getCurrentMeta(), index);
      long applied = applyLoop.checkpoint(folder.resolve(SnapshotFile.ROWS));
      Failpoint.SNAPSHOT_ROWS_SAVED.hit();
      List<LinkedSegment> segments = log.linkUpTo(index, folder.resolve(SnapshotFile.LOG));
      Failpoint.SNAPSHOT_LOG_LINKED.hit();
      var about =
          new SnapshotAbout(
              identity.plan().clusterId(),
              identity.plan().brokerGroup(),
              index,
              applied,
              applyLoop.features());
      background.execute(() -> finish(writer, about, segments, done));
    } catch (IOException | RuntimeException e) {
      failed(done, e);
    } catch (InterruptedException e) {
      failed(done, e);
      Thread.currentThread().interrupt();
    }
  }

  /**
   * What is durable at that index may be of an older leader, and still to be cut off by a disk that
   * is behind: its bytes must not stand in a snapshot of what was applied.
   */
  private void requireTerm(SnapshotMeta meta, long index) throws IOException {
    OptionalLong term = log.term(index);
    if (term.isPresent() && term.getAsLong() != meta.getLastIncludedTerm()) {
      throw new IOException(
          "the log still holds entry %d of term %d, expected the one of term %d that was applied"
              .formatted(index, term.getAsLong(), meta.getLastIncludedTerm()));
    }
  }

  private void finish(
      SnapshotWriter writer, SnapshotAbout about, List<LinkedSegment> segments, Closure done) {
    try {
      Path folder = Path.of(writer.getPath());
      about.write(storage.disk(), folder.resolve(SnapshotFile.ABOUT));
      var files = new ArrayList<SnapshotFile>();
      files.add(whole(folder, folder.resolve(SnapshotFile.ABOUT)));
      for (LinkedSegment segment : segments) {
        list(folder, segment, files);
      }
      try (DirectoryStream<Path> rows =
          Files.newDirectoryStream(folder.resolve(SnapshotFile.ROWS))) {
        for (Path file : rows) {
          SnapshotFiles.force(storage.disk(), file);
          files.add(whole(folder, file));
        }
      }
      Failpoint.SNAPSHOT_FILES_WRITTEN.hit();
      SnapshotFiles.forceFolders(storage.disk(), folder);
      for (SnapshotFile file : files) {
        // As every receiver will.
        SnapshotFile.of(file.name(), file.listed());
        writer.addFile(file.name(), file.listed());
      }
      saved =
          new Published(
              about.index(),
              writer.getCurrentMeta().getLastIncludedTerm(),
              about.applied(),
              files.stream().mapToLong(SnapshotFile::bytes).sum());
      Failpoint.SNAPSHOT_SAVED.hit();
      done.run(new Status());
    } catch (IOException | RuntimeException e) {
      failed(done, e);
    }
  }

  private void list(Path folder, LinkedSegment segment, List<SnapshotFile> files)
      throws IOException {
    String name = SnapshotFile.LOG + "/" + segment.file().getFileName();
    if (segment.sealed().isEmpty()) {
      int checksum = SnapshotFiles.checksum(segment.file(), segment.bytes(), () -> stopped);
      files.add(new SnapshotFile(name, segment.bytes(), checksum, Optional.empty()));
      return;
    }
    // Its checksums are those from when it was sealed: damage since then is found by the receiver,
    // and a snapshot does not read the whole log.
    var sealed = segment.sealed().get();
    files.add(
        new SnapshotFile(
            name, sealed.bytes(), sealed.checksum(), Optional.of(SnapshotFile.Content.of(sealed))));
    files.add(whole(folder, folder.resolve(SnapshotFile.sidecarOf(name))));
  }

  private SnapshotFile whole(Path folder, Path file) throws IOException {
    long bytes = Files.size(file);
    return new SnapshotFile(
        folder.relativize(file).toString(),
        bytes,
        SnapshotFiles.checksum(file, bytes, () -> stopped),
        Optional.empty());
  }

  private static void failed(Closure done, Exception e) {
    LOG.warn("no snapshot was taken, the one before stays: {}", e.toString());
    LOG.debug("it failed here", e);
    // Not EIO: JRaft would put the node into its error state, and nothing is lost here.
    done.run(new Status(RaftError.EINTERNAL, "%s", String.valueOf(e.getMessage())));
  }

  /** To be called when JRaft has published what {@link #save} made. */
  Published publishedSaved() {
    published = saved;
    Failpoint.SNAPSHOT_PUBLISHED.hit();
    storage.seal(published.index());
    return published;
  }

  /**
   * Brings log and rows to where a published snapshot ends, unless they are there or beyond: then a
   * restart goes on with what it has, without reading any of the snapshot.
   *
   * @return false if it failed; JRaft's node then ends in its error state
   */
  boolean load(SnapshotReader reader) {
    synchronized (this) {
      loads++;
      loading = true;
    }
    try {
      install(reader);
      loadFailure = Optional.empty();
      return true;
    } catch (NoSuchFileException e) {
      loadFailure = Optional.of(new BadSnapshotException(e.getFile() + " is missing"));
      LOG.error("the snapshot in {} lacks a file", reader.getPath(), e);
      return false;
    } catch (IOException | RuntimeException e) {
      loadFailure = Optional.of(e);
      LOG.error("the snapshot in {} cannot be used", reader.getPath(), e);
      return false;
    } finally {
      loading = false;
    }
  }

  private void install(SnapshotReader reader) throws IOException {
    SnapshotMeta meta = reader.load();
    long index = meta.getLastIncludedIndex();
    Path folder = Path.of(reader.getPath());
    Failpoint.LOAD_BEGUN.hit();
    var listing = SnapshotListing.of(reader).requireWhole();
    SnapshotAbout about = readAbout(folder, listing, index);
    // Before log or rows are touched.
    UnsupportedLevelException.require(version, about.features(), "the snapshot in " + folder);
    boolean logHolds = logHolds(index, meta.getLastIncludedTerm());
    boolean rowsHold = logHolds && applyLoop.appliedIndex() >= about.applied();
    if (!rowsHold && !storage.isVerified(index)) {
      // A download has been checked; one that is taken up after a crash has not.
      for (SnapshotFile file : listing.files()) {
        if (!logHolds || !file.name().startsWith(SnapshotFile.LOG)) {
          SnapshotFiles.requireAsListed(folder.resolve(file.name()), file, () -> stopped);
        }
      }
    }
    Failpoint.LOAD_CHECKED.hit();
    // The log first: rows that are ahead of their log would be refused at the next start.
    if (!logHolds) {
      log.adopt(folder.resolve(SnapshotFile.LOG), index);
      Failpoint.LOAD_LOG_ADOPTED.hit();
    }
    if (rowsHold) {
      applyLoop.loaded(index);
      LOG.info(
          "going on from entry {}, beyond the snapshot at {}", applyLoop.appliedIndex(), index);
    } else {
      inherited.begin(index);
      applyLoop.restore(folder.resolve(SnapshotFile.ROWS), index);
      Failpoint.LOAD_ROWS_RESTORED.hit();
      counters.installs.increment();
      LOG.info(
          "restored from the snapshot at {}, log_adopted={} applied={}",
          index,
          !logHolds,
          applyLoop.appliedIndex());
    }
    published = new Published(index, meta.getLastIncludedTerm(), about.applied(), listing.bytes());
  }

  private SnapshotAbout readAbout(Path folder, SnapshotListing listing, long index)
      throws IOException {
    Path file = folder.resolve(SnapshotFile.ABOUT);
    SnapshotFiles.requireAsListed(
        file, listing.file(SnapshotFile.ABOUT).orElseThrow(), () -> stopped);
    SnapshotAbout about = SnapshotAbout.read(file);
    String cluster = identity.plan().clusterId();
    String group = identity.plan().brokerGroup();
    if (!about.cluster().equals(cluster) || !about.group().equals(group)) {
      throw new IOException(
          "%s is of group %s of cluster %s, this replica is in group %s of cluster %s"
              .formatted(folder, about.group(), about.cluster(), group, cluster));
    }
    if (about.index() != index || about.applied() > index) {
      throw new BadSnapshotException(
          "%s says that the snapshot ends at %d with entry %d applied, its listing says %d"
              .formatted(file, about.index(), about.applied(), index));
    }
    return about;
  }

  /**
   * @throws BadSnapshotException if the log can neither go on from the snapshot nor be replaced by
   *     it without losing entries
   */
  private boolean logHolds(long index, long term) throws BadSnapshotException {
    if (log.awaitsAdoption()) {
      return false;
    }
    OptionalLong found = log.term(index);
    if (found.isPresent()) {
      return found.getAsLong() == term;
    }
    if (index <= log.last()) {
      throw new BadSnapshotException(
          "the snapshot ends at entry %d, the log holds entries %d to %d: entries are missing"
              .formatted(index, log.physicalFirst(), log.last()));
    }
    return false;
  }
}
