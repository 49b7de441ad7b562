package io.keelmq.raftlog;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The commit log of one group: consecutive entries in segment files, appended behind, cut in front
 * and behind.
 *
 * <p>JRaft's log thread owns all changes of entries; retention, barriers and closing may come from
 * other threads. One lock guards all that changes, and readers never take it: they see what was
 * published in a {@link LogView}. What survives a crash is in FORMAT.md: with {@code FSYNC}
 * everything whose append returned.
 *
 * <p>If a change fails, the log is poisoned: it throws {@link PoisonedLogException}, and so does
 * every later one. Reading goes on with what had been published. An interrupt makes a change fail.
 */
public final class SegmentedLog implements Closeable {

  private static final Logger LOG = LoggerFactory.getLogger(SegmentedLog.class);

  private final SegmentedLogOptions options;
  private final SegmentFiles files;
  private final Disk disk;
  private final Closeable folderLock;
  private final LogStats stats;
  private final LogWriter writer;
  private final LogReader reader;
  private final LogLock lock;

  /** The entry of another term that stood where an adopted snapshot ends. */
  private volatile Optional<LogReader.EntryHead> replaced = Optional.empty();

  private SegmentedLog(
      SegmentedLogOptions options,
      SegmentFiles files,
      Disk disk,
      Closeable folderLock,
      LogRecovery.Recovered found) {
    this.options = options;
    this.files = files;
    this.disk = disk;
    this.lock = new LogLock(options.folder(), options.nanos());
    this.folderLock = folderLock;
    this.stats = new LogStats(options.nanos());
    this.writer = new LogWriter(options, files, stats, found);
    this.reader = new LogReader(writer::view, options.corruptionListener());
  }

  /**
   * Opens the log in {@code options.folder()}, or begins an empty one there. Scans at most one
   * segment, unless a sidecar is missing. Everything that is found is durable on return.
   *
   * @throws CorruptLogException if an entry that was acknowledged is damaged or missing; nothing
   *     has been repaired
   * @throws UnsupportedFormatException if a newer build wrote it
   * @throws LogInUseException if somebody has it open
   * @throws DiskException if the disk fails
   */
  public static SegmentedLog open(SegmentedLogOptions options, Disk disk) {
    var files = new SegmentFiles(options.folder(), disk, options.marks());
    try {
      Closeable folderLock = files.lockFolder();
      try {
        var recovery = new LogRecovery(files, disk, options.durableAppliedFloor());
        var opened = new SegmentedLog(options, files, disk, folderLock, recovery.run());
        opened.stats.rebuiltSidecars(recovery.damagedSidecars());
        return opened;
      } catch (IOException | RuntimeException e) {
        folderLock.close();
        throw e;
      }
    } catch (IOException e) {
      throw new DiskException("opening the log in " + options.folder(), e);
    }
  }

  /**
   * Whether the log in a folder, which is there and nobody has open, lost its entries in the middle
   * of {@link #adopt}. Then they are in the snapshot, and not missing.
   */
  public static boolean awaitsAdoption(Path folder, Disk disk) throws IOException {
    return new SegmentFiles(folder, disk, () -> 0)
        .readBounds()
        .filter(bounds -> bounds.state() == LogBounds.State.ADOPTING)
        .isPresent();
  }

  /**
   * Whether a crash has interrupted {@link #adopt}: the log holds nothing and takes nothing before
   * that has been done.
   */
  public boolean awaitsAdoption() {
    return writer.awaitsAdoption();
  }

  public LogReader reader() {
    return reader;
  }

  public LogStats stats() {
    return stats;
  }

  /**
   * The first index that JRaft sees; 1 in a new log. What is below may still be read, down to
   * physical first.
   */
  public long logicalFirst() {
    return writer.view().logicalFirst();
  }

  public long physicalFirst() {
    return writer.view().physicalFirst();
  }

  /** The last appended index; one less than {@link #logicalFirst} in an empty log. */
  public long last() {
    return writer.view().last();
  }

  /** The last index that a power loss cannot take. */
  public long durableLast() {
    return writer.durableLast();
  }

  /** See {@link LogReader#term}. */
  public OptionalLong term(long index) {
    return reader.term(index);
  }

  /**
   * The indexes of all configuration entries from the logical first on, ascending; no record is
   * read.
   */
  public LongStream configurations() {
    LogView now = writer.view();
    return now.segments().stream()
        .flatMapToLong(segment -> segment.index().configurations())
        .filter(index -> index >= now.logicalFirst() && index <= now.last());
  }

  /**
   * Appends entries behind the last one. On return they are readable, and with {@code FSYNC}
   * durable.
   *
   * @param batch consecutive from {@link #last()} + 1 on, terms not falling
   * @throws IllegalArgumentException if it is not; nothing has changed
   * @throws PoisonedLogException if a write failed, now or earlier; none of the batch counts
   */
  public void append(List<LogRecord> batch) {
    if (batch.isEmpty()) {
      return;
    }
    lock.locked(
        () -> {
          requireAdopted();
          requireFollowing(batch);
          lock.change(
              "append to " + batch.get(batch.size() - 1).index(), () -> writer.append(batch));
        });
  }

  /**
   * Drops every entry behind {@code lastKept}, durably. A crash in the middle leaves a longer
   * prefix.
   *
   * @throws IllegalArgumentException if this reaches below the logical first index; nothing has
   *     changed
   * @throws PoisonedLogException if it failed, now or earlier
   */
  public void truncateSuffix(long lastKept) {
    lock.locked(
        () -> {
          requireAdopted();
          if (lastKept < logicalFirst() - 1) {
            throw new IllegalArgumentException(
                "cut after %d, but the log begins at %d".formatted(lastKept, logicalFirst()));
          }
          if (lastKept < last()) {
            lock.change("cut after " + lastKept, () -> writer.cutAfter(lastKept));
          }
        });
  }

  /**
   * Moves the logical first index up, durably; files stay until {@link #retain}. Beyond the end of
   * the log everything is deleted, and the log is empty before {@code newFirst}. Does nothing if
   * the log begins there or later.
   *
   * @throws PoisonedLogException if it failed, now or earlier
   */
  public void truncatePrefix(long newFirst) {
    lock.locked(
        () -> {
          requireAdopted();
          replaced = Optional.empty();
          if (newFirst > last() + 1) {
            lock.change("wipe before " + newFirst, () -> writer.wipe(newFirst));
          } else if (newFirst > logicalFirst()) {
            lock.change("cut before " + newFirst, () -> writer.moveLogicalFirst(newFirst));
          }
        });
  }

  /**
   * Makes the log logically empty, so that {@code next} is appended next. All entries are deleted,
   * unless a snapshot has just brought in those up to {@code next} - 1: they stay below the logical
   * first index.
   *
   * @throws PoisonedLogException if it failed, now or earlier
   */
  public void reset(long next) {
    if (next < 1) {
      throw new IllegalArgumentException("reset to " + next);
    }
    lock.locked(
        () -> {
          requireAdopted();
          replaced = Optional.empty();
          lock.change("reset to " + next, () -> writer.reset(next));
        });
  }

  /**
   * Hard-links everything up to {@code last} into a folder of a snapshot, on the same file system.
   * The names are durable when the caller has forced that folder.
   *
   * @param last durable; see {@link #awaitDurable}
   * @return what belongs to the snapshot, oldest first
   * @throws IOException if it cannot be linked; the log goes on
   */
  public List<LinkedSegment> linkUpTo(long last, Path folder) throws IOException {
    List<LinkedSegment> linked = new ArrayList<>();
    // The lock keeps segments from being deleted or cut under us.
    lock.<IOException>locked(
        () -> {
          requireAdopted();
          linked.addAll(SnapshotSegments.link(writer.view(), files, disk, folder, last));
        });
    return linked;
  }

  /**
   * Replaces the whole log by the segments of a snapshot, durably. Afterwards the log is logically
   * empty behind {@code last}, and what the snapshot brought can be read. Everything is checked
   * before the first step; a crash later on leaves a log that {@link #awaitsAdoption}.
   *
   * @param folder made by {@link #linkUpTo} here or on another replica; it stays as it is
   * @throws CorruptLogException if it does not hold every entry from its first to {@code last};
   *     nothing has changed
   * @throws IOException if it cannot be read, or not be linked; nothing has changed
   * @throws PoisonedLogException if it failed in the middle, or the log had failed before
   */
  public void adopt(Path folder, long last) throws IOException {
    lock.<IOException>locked(
        () -> {
          var snapshot =
              SnapshotSegments.check(new SegmentFiles(folder, disk, () -> 0), disk, last);
          files.requireLinkable(snapshot.oneFile());
          Optional<LogReader.EntryHead> before = reader.head(last);
          lock.change(
              "adopt to " + last,
              () -> writer.adopt(snapshot, new LogRecovery(files, disk, 0), last));
          long term = reader.term(last).orElseThrow();
          replaced = before.filter(head -> head.term() != term);
        });
  }

  /** See {@link SegmentedLogStorage#getEntry}; empty once the log was reset or cut in front. */
  Optional<LogReader.EntryHead> replaced() {
    return replaced;
  }

  /** The bytes of all records behind {@code index}. */
  public long bytesAfter(long index) {
    return writer.view().bytesAfter(index);
  }

  /**
   * Frees disk: deletes sealed segments that lie wholly below both {@code beforeIndex} and the
   * entry before the logical first index, oldest first. That entry stays, because a snapshot may
   * end there, and so does the last segment with a record: both must keep their terms.
   *
   * @return the physical first index afterwards
   * @throws PoisonedLogException if it failed, now or earlier
   */
  public long retain(long beforeIndex) {
    lock.locked(
        () -> {
          long limit = Math.min(beforeIndex, logicalFirst() - 1);
          lock.change("retention before " + limit, () -> writer.dropBelow(limit));
        });
    return physicalFirst();
  }

  /** How many segments end before {@code index} and are not the last. */
  public int segmentsBefore(long index) {
    return writer.view().segmentsBefore(index);
  }

  /**
   * Waits until {@code index} is durable here. An entry may be committed by others before it is on
   * this disk; call this before anything derived from it becomes durable. Forces by itself with
   * {@code OS}.
   *
   * @return false if it is not within {@code limit}
   * @throws PoisonedLogException if it never will be
   */
  public boolean awaitDurable(long index, Duration limit) throws InterruptedException {
    if (durableLast() >= index) {
      return true;
    }
    return lock.await(
        () -> durableLast() >= index,
        () -> {
          if (durableLast() < index && last() >= index) {
            lock.change("force to " + last(), writer::force);
          }
        },
        limit);
  }

  /** The sealed segments, oldest first. They may be linked elsewhere, and never change. */
  public List<SegmentSummary> sealedSegments() {
    return writer.view().segments().stream()
        .filter(SealedSegment.class::isInstance)
        .map(segment -> ((SealedSegment) segment).summary(files.sidecar(segment.baseIndex())))
        .toList();
  }

  /**
   * A way to read all sealed segments again, at leisure.
   *
   * @param damaged told of each damage that it finds, on its thread
   */
  public Scrub scrub(Consumer<CorruptLogException> damaged) {
    return new Scrub(writer::view, files, disk, damaged);
  }

  /** Ends all changes: whoever stores here has failed, and does not know what is stored. */
  void poison(String action, Throwable failure) {
    lock.poison(action, failure);
  }

  /** Why the log takes no more changes; empty while it does. */
  public Optional<PoisonedLogException> poison() {
    return lock.poison();
  }

  /**
   * Forces what is left and ends all use, reading too. A poisoned log is left as it is. Idempotent.
   */
  @Override
  public void close() {
    lock.close(writer::settle, this::release);
  }

  private void requireAdopted() {
    if (awaitsAdoption()) {
      throw new IllegalStateException(
          "the log in %s waits for the snapshot that ends at entry %d"
              .formatted(options.folder(), last()));
    }
  }

  private void requireFollowing(List<LogRecord> batch) {
    long index = last();
    long term = reader.term(index).orElse(0);
    for (LogRecord record : batch) {
      if (record.index() != index + 1 || record.term() < term) {
        throw new IllegalArgumentException(
            "entry %d of term %d cannot follow entry %d of term %d"
                .formatted(record.index(), record.term(), index, term));
      }
      index = record.index();
      term = record.term();
    }
  }

  private void release() {
    for (Closeable resource : List.of((Closeable) writer::closeActive, folderLock)) {
      try {
        resource.close();
      } catch (IOException e) {
        LOG.warn("closing failed, folder={}", options.folder(), e);
      }
    }
  }
}
