package io.keelmq.raftlog;

import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The steps of every change of the log, in the order that FORMAT.md promises. Owned by whoever
 * holds the log's lock; only {@link #view} and {@link #durableLast} may be read by others.
 *
 * <p>After an exception the state here and on disk is unknown, and no further change may be tried.
 */
final class LogWriter {

  /** What is handed to the file system at once; a batch may be longer. */
  private static final int STAGING_BYTES = 4 << 20;

  private static final long NONE = -1;

  private final SegmentedLogOptions options;
  private final SegmentFiles files;
  private final LogStats stats;
  private final ByteBuffer staging;

  private volatile LogBounds bounds;

  /** Null if the last segment is sealed or there is none: the next append begins one. */
  private ActiveSegment active;

  private volatile LogView view;
  private volatile long durableLast;

  /**
   * Where the snapshot ended that was adopted last; {@link #NONE} before, and once all was wiped.
   */
  private long adoptedLast = NONE;

  LogWriter(
      SegmentedLogOptions options,
      SegmentFiles files,
      LogStats stats,
      LogRecovery.Recovered found) {
    this.options = options;
    this.files = files;
    this.stats = stats;
    this.staging = ByteBuffer.allocateDirect((int) Math.min(STAGING_BYTES, options.segmentBytes()));
    this.bounds = found.bounds();
    this.active = found.active().orElse(null);
    this.view = new LogView(List.copyOf(found.segments()), bounds.logicalFirst(), found.last(), 0);
    this.durableLast = found.last();
  }

  LogView view() {
    return view;
  }

  long durableLast() {
    return durableLast;
  }

  /**
   * Writes a batch that follows the last entry, forces it unless told otherwise, and publishes it.
   */
  void append(List<LogRecord> batch) throws IOException {
    long bytes = 0;
    long forced = durableLast;
    Failpoint.APPEND_BEGUN.hit();
    for (LogRecord record : batch) {
      if (active == null || !active.fits(record, options.segmentBytes())) {
        forced = roll(record.index());
      }
      active.append(record, forced, staging);
      bytes += RecordCodec.recordBytes(record);
    }
    active.flush(staging);
    Failpoint.APPEND_WRITTEN.hit();
    if (options.sync() == SegmentedLogOptions.Sync.FSYNC) {
      force(active);
      forced = active.lastIndex();
      Failpoint.APPEND_FORCED.hit();
    }
    stats.appended(batch.size(), bytes);
    view = view.withLast(active.lastIndex());
    durableLast = forced;
  }

  /** Forces everything that has been appended. */
  void force() throws IOException {
    if (durableLast < view.last()) {
      force(active);
      durableLast = view.last();
    }
  }

  void cutAfter(long lastKept) throws IOException {
    if (bounds.durableFloor() > lastKept) {
      // First: a floor above the end of the log would be taken for a loss.
      writeBounds(bounds.withFloor(lastKept));
      Failpoint.TRUNCATE_FLOOR_LOWERED.hit();
    }
    durableLast = Math.min(durableLast, lastKept);
    // Readers stop looking there before the bytes go.
    view = view.cutAfter(lastKept);
    List<Segment> segments = new ArrayList<>(view.segments());
    while (!segments.isEmpty() && tail(segments).baseIndex() > lastKept) {
      closeActive();
      files.deleteSegment(segments.remove(segments.size() - 1).baseIndex());
      Failpoint.TRUNCATE_SEGMENT_GONE.hit();
    }
    if (!segments.isEmpty() && tail(segments).lastIndex() > lastKept) {
      active =
          active == null
              ? files.reopenShortened((SealedSegment) tail(segments), lastKept)
              : active.cutAfter(lastKept);
      segments.set(segments.size() - 1, active);
    }
    view = view.withSegments(segments);
  }

  /**
   * @param first at most one beyond the last index
   */
  void moveLogicalFirst(long first) throws IOException {
    // Recovery takes a log that ends before its logical first index for damaged.
    force();
    Failpoint.PREFIX_FORCED.hit();
    writeBounds(LogBounds.steady(first, durableLast));
    Failpoint.PREFIX_MOVED.hit();
    view = view.withLogicalFirst(first);
  }

  /**
   * Makes the log logically empty before {@code next}. What a snapshot has just brought stays, and
   * only what was on its way to the disk meanwhile goes: rows name what the snapshot brought.
   */
  void reset(long next) throws IOException {
    if (next - 1 != adoptedLast && next != view.last() + 1) {
      wipe(next);
      return;
    }
    if (next <= view.last()) {
      cutAfter(next - 1);
    }
    if (next > view.logicalFirst()) {
      moveLogicalFirst(next);
    }
  }

  /** Deletes everything; the log is empty and begins at {@code first}. */
  void wipe(long first) throws IOException {
    adoptedLast = NONE;
    Failpoint.RESET_BEGUN.hit();
    // From here on a crash ends in the same empty log: the next open goes on where this stops.
    writeBounds(new LogBounds(first, first - 1, LogBounds.State.RESETTING));
    Failpoint.RESET_ANNOUNCED.hit();
    List<Segment> doomed = view.segments();
    view = view.emptyAt(first);
    durableLast = first - 1;
    closeActive();
    for (int i = doomed.size() - 1; i >= 0; i--) {
      files.deleteSegment(doomed.get(i).baseIndex());
      Failpoint.RESET_SEGMENT_GONE.hit();
    }
    Failpoint.RESET_SEGMENTS_GONE.hit();
    writeBounds(LogBounds.steady(first, first - 1));
    Failpoint.RESET_DONE.hit();
  }

  /**
   * Replaces everything by the segments of a snapshot, which have been checked and end at {@code
   * last}.
   */
  void adopt(SnapshotSegments snapshot, LogRecovery opener, long last) throws IOException {
    // From here on the old entries are given up: a crash leaves a log that waits for the snapshot.
    writeBounds(new LogBounds(last + 1, last, LogBounds.State.ADOPTING));
    Failpoint.ADOPT_ANNOUNCED.hit();
    List<Long> doomed = view.segments().stream().map(Segment::baseIndex).toList();
    view = view.emptyAt(last + 1);
    durableLast = last;
    closeActive();
    files.deleteSegments(doomed);
    Failpoint.ADOPT_SEGMENTS_GONE.hit();
    snapshot.bringInto(files);
    Failpoint.ADOPT_FILES_IN.hit();
    LogRecovery.Recovered adopted = opener.openSegments(bounds);
    active = adopted.active().orElse(null);
    if (adopted.last() != last) {
      throw new IOException("adopted entries up to " + adopted.last() + ", expected " + last);
    }
    writeBounds(LogBounds.steady(last + 1, last));
    Failpoint.ADOPT_DONE.hit();
    // Readers see none of it before all of it is there for good.
    view = view.withSegments(adopted.segments());
    adoptedLast = last;
  }

  /** Whether a crash has interrupted an adoption, so that the log has to be given the snapshot. */
  boolean awaitsAdoption() {
    return bounds.state() == LogBounds.State.ADOPTING;
  }

  /** Deletes segments wholly below {@code limit}, but never the last one that has a record. */
  void dropBelow(long limit) throws IOException {
    while (view.segments().size() > 1
        && view.segments().get(1).baseIndex() <= limit
        && view.segments().get(1).index().count() > 0) {
      Segment oldest = view.segments().get(0);
      view = view.withSegments(view.segments().subList(1, view.segments().size()));
      Failpoint.TRIM_BEGUN.hit();
      files.deleteSegment(oldest.baseIndex());
      Failpoint.TRIM_SEGMENT_GONE.hit();
    }
  }

  /** Makes the next open know how far the log reaches. */
  void settle() throws IOException {
    force();
    Failpoint.CLOSE_FORCED.hit();
    if (bounds.durableFloor() != durableLast) {
      writeBounds(bounds.withFloor(durableLast));
    }
  }

  void closeActive() throws IOException {
    if (active != null) {
      active.close();
      active = null;
    }
  }

  /**
   * Seals the active segment, if there is one, and begins the next. Readers see the same entries as
   * before.
   *
   * @return the last forced index: everything before {@code nextIndex}
   */
  private long roll(long nextIndex) throws IOException {
    List<Segment> segments = new ArrayList<>(view.segments());
    ActiveSegment full = active;
    if (full != null) {
      full.flush(staging);
      Failpoint.ROLL_FLUSHED.hit();
      force(full);
      Failpoint.ROLL_FORCED.hit();
      segments.set(segments.size() - 1, files.seal(full));
      stats.rolled();
    }
    active = files.createSegment(nextIndex);
    segments.add(active);
    view = view.withSegments(segments);
    if (full != null) {
      // Readers that still use it see the new generation, and look again.
      full.close();
    }
    return nextIndex - 1;
  }

  private void force(ActiveSegment segment) throws IOException {
    stats.forceBegins();
    segment.force();
    stats.forceEnded();
  }

  private void writeBounds(LogBounds newBounds) throws IOException {
    files.writeBounds(newBounds);
    bounds = newBounds;
  }

  private static Segment tail(List<Segment> segments) {
    return segments.get(segments.size() - 1);
  }
}
