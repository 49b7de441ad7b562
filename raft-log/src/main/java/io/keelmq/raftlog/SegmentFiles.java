package io.keelmq.raftlog;

import io.keelmq.failpoint.Failpoint;
import io.keelmq.failpoint.Publication;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.LongSupplier;

/**
 * The files of one log by their names, and the one way in which they appear: written aside, forced,
 * renamed, folder forced. Owned by the log thread.
 */
final class SegmentFiles {

  private static final String SEGMENT = ".seg";
  private static final String SIDECAR = ".idx";
  private static final String UNPUBLISHED = ".tmp";
  private static final String BOUNDS = "first.meta";
  private static final String LOCK = "log.lock";
  private static final int COPY_BYTES = 1 << 20;

  private static final Publication OF_BOUNDS =
      new Publication(
          Failpoint.BOUNDS_WRITTEN,
          Failpoint.BOUNDS_FORCED,
          Failpoint.BOUNDS_RENAMED,
          Failpoint.BOUNDS_PUBLISHED);
  private static final Publication OF_SEGMENT =
      new Publication(
          Failpoint.SEGMENT_WRITTEN,
          Failpoint.SEGMENT_FORCED,
          Failpoint.SEGMENT_RENAMED,
          Failpoint.SEGMENT_PUBLISHED);
  private static final Publication OF_SIDECAR =
      new Publication(
          Failpoint.SEAL_WRITTEN,
          Failpoint.SEAL_FORCED,
          Failpoint.SEAL_RENAMED,
          Failpoint.SEAL_PUBLISHED);

  private final Path folder;
  private final Disk disk;
  private final LongSupplier marks;

  /**
   * @param marks random numbers for new segments
   */
  SegmentFiles(Path folder, Disk disk, LongSupplier marks) {
    this.folder = folder;
    this.disk = disk;
    this.marks = marks;
  }

  Path folder() {
    return folder;
  }

  Path segment(long baseIndex) {
    return folder.resolve(segmentName(baseIndex));
  }

  Path sidecar(long baseIndex) {
    return folder.resolve(sidecarName(baseIndex));
  }

  static String segmentName(long baseIndex) {
    return "%020d".formatted(baseIndex) + SEGMENT;
  }

  static String sidecarName(long baseIndex) {
    return "%020d".formatted(baseIndex) + SIDECAR;
  }

  Path bounds() {
    return folder.resolve(BOUNDS);
  }

  Closeable lockFolder() throws IOException {
    disk.createFolder(folder);
    return disk.lock(folder.resolve(LOCK));
  }

  void forceFolder() throws IOException {
    disk.forceDirectory(folder);
  }

  /** The base indexes of all segments, ascending. */
  NavigableSet<Long> segments() throws IOException {
    return baseIndexes(SEGMENT);
  }

  /** The base indexes of all segments that have a sidecar, ascending. */
  NavigableSet<Long> sidecars() throws IOException {
    return baseIndexes(SIDECAR);
  }

  /** Removes files that a crash left unpublished, and sidecars whose segment has gone. */
  void removeLeftovers() throws IOException {
    Set<Path> leftovers = new HashSet<>();
    for (Path file : disk.list(folder)) {
      if (file.getFileName().toString().endsWith(UNPUBLISHED)) {
        leftovers.add(file);
      }
    }
    NavigableSet<Long> orphans = sidecars();
    orphans.removeAll(segments());
    orphans.forEach(base -> leftovers.add(sidecar(base)));
    for (Path file : leftovers) {
      disk.delete(file);
    }
    if (!leftovers.isEmpty()) {
      forceFolder();
      Failpoint.RECOVERY_LEFTOVERS_GONE.hit();
    }
  }

  /** Gives a file of a snapshot a second name here; durable when the folder has been forced. */
  void link(Path existing, String name) throws IOException {
    disk.link(existing, folder.resolve(name));
    Failpoint.ADOPT_LINKED.hit();
  }

  /**
   * Copies the first bytes of a segment of a snapshot, which are durable on return; its name is
   * when the folder has been forced.
   */
  void copySegment(Path existing, long baseIndex, int bytes) throws IOException {
    Path aside = unpublished(segment(baseIndex));
    try (DiskFile source = disk.open(existing);
        DiskFile target = disk.create(aside)) {
      copy(source, target, bytes);
      Failpoint.ADOPT_TAIL_WRITTEN.hit();
      target.force(true);
      Failpoint.ADOPT_TAIL_FORCED.hit();
    }
    disk.rename(aside, segment(baseIndex));
    Failpoint.ADOPT_TAIL_RENAMED.hit();
  }

  /**
   * Finds out whether a file can be linked here, before anything depends on it.
   *
   * @throws IOException if it cannot; what to do is in the message
   */
  void requireLinkable(Path existing) throws IOException {
    Failpoint.ADOPT_CHECKED.hit();
    Path probe = unpublished(folder.resolve("link"));
    disk.delete(probe);
    try {
      disk.link(existing, probe);
      Failpoint.ADOPT_PROBED.hit();
    } catch (IOException e) {
      throw new IOException(
          "%s cannot be hard-linked to %s (%s): log and snapshots must lie on one file system that has hard links"
              .formatted(existing, folder, e),
          e);
    }
    disk.delete(probe);
  }

  Optional<LogBounds> readBounds() throws IOException {
    if (!disk.list(folder).contains(bounds())) {
      return Optional.empty();
    }
    try (DiskFile file = disk.open(bounds())) {
      return Optional.of(LogBounds.decode(readAll(file), bounds()));
    }
  }

  void writeBounds(LogBounds value) throws IOException {
    publish(bounds(), value.encode(), OF_BOUNDS);
  }

  DiskFile open(Path file) throws IOException {
    return disk.open(file);
  }

  /** Makes a segment without records and returns it open; it is durable, and so is its name. */
  ActiveSegment createSegment(long baseIndex) throws IOException {
    var header = new SegmentHeader(baseIndex, nextMark());
    publish(segment(baseIndex), header.encode(), OF_SEGMENT);
    return ActiveSegment.created(segment(baseIndex), disk.open(segment(baseIndex)), header);
  }

  /** Writes the sidecar of a segment whose bytes have been forced, and returns it mapped. */
  Sidecar writeSidecar(Sidecar sidecar) throws IOException {
    long baseIndex = sidecar.index().baseIndex();
    publish(sidecar(baseIndex), sidecar.encode(), OF_SIDECAR);
    return readSidecar(baseIndex);
  }

  Sidecar readSidecar(long baseIndex) throws IOException {
    Path path = sidecar(baseIndex);
    try (DiskFile file = disk.open(path)) {
      if (file.size() == 0) {
        throw new CorruptLogException(path, 0, "a sidecar", "an empty file");
      }
      return Sidecar.decode(file.map(), path, baseIndex);
    }
  }

  /** Makes a segment whose bytes have been forced a sealed one. */
  SealedSegment seal(ActiveSegment full) throws IOException {
    return new SealedSegment(full.path(), full.header(), writeSidecar(full.sidecar()), disk);
  }

  /**
   * Drops all records of a sealed segment behind {@code lastKept}, durably, and opens it for
   * appending. The kept part is copied, never cut in place: readers have the file mapped, and a
   * snapshot may share its inode.
   */
  ActiveSegment reopenShortened(SealedSegment sealed, long lastKept) throws IOException {
    sealed.pin();
    long base = sealed.baseIndex();
    Path aside = unpublished(sealed.path());
    try (DiskFile source = disk.open(sealed.path());
        DiskFile target = disk.create(aside)) {
      // Whatever is damaged must be found while the original is still there.
      var kept = SegmentScan.upTo(lastKept, source, sealed.path(), base).orRefuse();
      copy(source, target, kept.index().bytes());
      Failpoint.TRUNCATE_COPY_WRITTEN.hit();
      target.force(true);
      Failpoint.TRUNCATE_COPY_FORCED.hit();
    }
    disk.delete(sidecar(base));
    Failpoint.TRUNCATE_SIDECAR_DELETED.hit();
    // The sidecar must be gone for good before the segment no longer matches it.
    forceFolder();
    Failpoint.TRUNCATE_SIDECAR_GONE.hit();
    disk.rename(aside, sealed.path());
    Failpoint.TRUNCATE_COPY_RENAMED.hit();
    forceFolder();
    Failpoint.TRUNCATE_COPY_PUBLISHED.hit();
    DiskFile file = disk.open(sealed.path());
    return new ActiveSegment(file, SegmentScan.of(file, sealed.path(), base).orRefuse());
  }

  /** Deletes a segment and its sidecar, durably. */
  void deleteSegment(long baseIndex) throws IOException {
    disk.delete(segment(baseIndex));
    Failpoint.DELETE_SEGMENT.hit();
    disk.delete(sidecar(baseIndex));
    Failpoint.DELETE_SIDECAR.hit();
    // One segment at a time: if two deletions were under way, the wrong one could survive a crash.
    forceFolder();
  }

  /**
   * Deletes segments and their sidecars, durably in the end. For a log whose bounds say already
   * that they are given up: a crash may leave any of them.
   */
  void deleteSegments(Collection<Long> baseIndexes) throws IOException {
    for (long base : baseIndexes) {
      disk.delete(segment(base));
      disk.delete(sidecar(base));
      Failpoint.ADOPT_SEGMENT_DELETED.hit();
    }
    forceFolder();
  }

  private void publish(Path path, ByteBuffer content, Publication steps) throws IOException {
    Path aside = unpublished(path);
    try (DiskFile file = disk.create(aside)) {
      file.write(content, 0);
      steps.written().hit();
      file.force(true);
      steps.forced().hit();
    }
    disk.rename(aside, path);
    steps.renamed().hit();
    forceFolder();
    steps.published().hit();
  }

  private static void copy(DiskFile source, DiskFile target, int bytes) throws IOException {
    var chunk = ByteBuffer.allocate(Math.min(COPY_BYTES, bytes));
    for (int at = 0; at < bytes; at += chunk.limit()) {
      chunk.clear().limit(Math.min(chunk.capacity(), bytes - at));
      source.read(chunk, at);
      target.write(chunk.flip(), at);
    }
  }

  private static ByteBuffer readAll(DiskFile file) throws IOException {
    var bytes = ByteBuffer.allocate(Math.toIntExact(file.size()));
    file.read(bytes, 0);
    return bytes.flip();
  }

  private long nextMark() {
    long mark = marks.getAsLong();
    // A tail of zeros, which a crash may leave, must not look like the beginning of a record.
    return mark == 0 ? 1 : mark;
  }

  private NavigableSet<Long> baseIndexes(String suffix) throws IOException {
    List<Path> files = disk.list(folder);
    var found = new TreeSet<Long>();
    for (Path file : files) {
      String name = file.getFileName().toString();
      if (name.endsWith(suffix)) {
        found.add(baseIndex(file, name.substring(0, name.length() - suffix.length())));
      }
    }
    return found;
  }

  private static long baseIndex(Path file, String digits) {
    if (!digits.matches("[0-9]{20}")) {
      throw new CorruptLogException(file, 0, "a name of 20 digits", digits);
    }
    return Long.parseLong(digits);
  }

  private static Path unpublished(Path path) {
    return path.resolveSibling(path.getFileName() + UNPUBLISHED);
  }
}
