package io.keelmq.raftlog;

import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The segments in a snapshot's folder: put there by hard links, and checked before a log takes them
 * over. FORMAT.md, "Segments in a snapshot", tells the rules. Immutable.
 *
 * @param sealed base indexes of the segments that are linked into the log
 * @param tail base index of the last one, if it has to be copied; -1: there is none
 * @param tailBytes how much of it
 */
record SnapshotSegments(Path folder, List<Long> sealed, long tail, int tailBytes) {

  static final long NO_TAIL = -1;

  /**
   * Links what a log holds up to {@code last} into {@code folder}. The names are durable when the
   * caller has forced the folder.
   *
   * @param view shows {@code last}, durably stored; nothing is deleted meanwhile
   */
  static List<LinkedSegment> link(
      LogView view, SegmentFiles files, Disk disk, Path folder, long last) throws IOException {
    if (view.segmentOf(last).isEmpty()) {
      throw new IllegalArgumentException(
          "a snapshot up to entry %d of a log with entries %d to %d"
              .formatted(last, view.physicalFirst(), view.last()));
    }
    disk.createFolder(folder);
    List<LinkedSegment> linked = new ArrayList<>();
    for (Segment segment : view.segments()) {
      long base = segment.baseIndex();
      if (base > last) {
        break;
      }
      Path file = folder.resolve(SegmentFiles.segmentName(base));
      linkOrTellWhy(disk, segment.path(), file);
      Failpoint.SNAPSHOT_SEGMENT_LINKED.hit();
      if (segment instanceof SealedSegment whole && whole.lastIndex() <= last) {
        disk.link(files.sidecar(base), folder.resolve(SegmentFiles.sidecarName(base)));
        var summary = whole.summary(files.sidecar(base));
        linked.add(
            new LinkedSegment(
                base, whole.lastIndex(), file, summary.bytes(), Optional.of(summary)));
      } else {
        linked.add(new LinkedSegment(base, last, file, segment.endOf(last), Optional.empty()));
      }
    }
    return linked;
  }

  private static void linkOrTellWhy(Disk disk, Path existing, Path name) throws IOException {
    try {
      disk.link(existing, name);
    } catch (IOException e) {
      throw new IOException(
          "%s cannot be hard-linked to %s (%s): log and snapshots must lie on one file system that has hard links"
              .formatted(existing, name, e),
          e);
    }
  }

  /**
   * Reads what is there, and the records of the segment that the snapshot ends in.
   *
   * @throws CorruptLogException if this is not a gapless log up to {@code last}
   */
  static SnapshotSegments check(SegmentFiles source, Disk disk, long last) throws IOException {
    Set<Long> bases = source.segments();
    Set<Long> sidecars = source.sidecars();
    List<Long> sealed = new ArrayList<>();
    long next = -1;
    for (long base : bases) {
      Path path = source.segment(base);
      if (next != -1 && base != next) {
        throw new CorruptLogException(
            path, 0, "a segment from entry " + next + " on", "from " + base);
      }
      if (base > last) {
        throw new CorruptLogException(path, 0, "entries up to " + last + " only", "entry " + base);
      }
      if (!sidecars.contains(base)) {
        return endingIn(source, disk, sealed, base, last);
      }
      Sidecar sidecar = source.readSidecar(base);
      requireWhole(disk, path, base, sidecar);
      next = sidecar.index().lastIndex() + 1;
      if (next > last + 1) {
        return endingIn(source, disk, sealed, base, last);
      }
      sealed.add(base);
    }
    if (next != last + 1) {
      throw new CorruptLogException(
          source.folder(), 0, "entries up to " + last, next == -1 ? "none" : "up to " + (next - 1));
    }
    return new SnapshotSegments(source.folder(), sealed, NO_TAIL, 0);
  }

  private static void requireWhole(Disk disk, Path path, long base, Sidecar sidecar)
      throws IOException {
    try (DiskFile file = disk.open(path)) {
      SegmentHeader.read(file, path, base);
      if (file.size() != sidecar.index().bytes()) {
        throw new CorruptLogException(
            path,
            Math.min(file.size(), sidecar.index().bytes()),
            "a sealed segment of " + sidecar.index().bytes() + " bytes",
            file.size() + " bytes");
      }
    }
  }

  private static SnapshotSegments endingIn(
      SegmentFiles source, Disk disk, List<Long> sealed, long base, long last) throws IOException {
    Path path = source.segment(base);
    Set<Long> later = new TreeSet<>(source.segments().tailSet(base, false));
    if (!later.isEmpty()) {
      throw new CorruptLogException(
          path, 0, "the last segment of the snapshot", "later ones: " + later);
    }
    try (DiskFile file = disk.open(path)) {
      // Behind the record of the last index there may be anything: the file may have grown.
      SegmentScan scan = SegmentScan.upTo(last, file, path, base).orRefuse();
      if (scan.index().lastIndex() != last) {
        throw new CorruptLogException(
            path,
            scan.index().bytes(),
            "entries up to " + last,
            "the end of the file after " + scan.index().lastIndex());
      }
      return new SnapshotSegments(source.folder(), sealed, base, scan.index().bytes());
    }
  }

  /** Any of its files, to find out whether it can be linked. */
  Path oneFile() {
    return folder.resolve(SegmentFiles.segmentName(sealed.isEmpty() ? tail : sealed.get(0)));
  }

  /** Brings the files into the log's folder, which holds no segment; durable on return. */
  void bringInto(SegmentFiles log) throws IOException {
    for (long base : sealed) {
      for (String name : List.of(SegmentFiles.segmentName(base), SegmentFiles.sidecarName(base))) {
        log.link(folder.resolve(name), name);
      }
    }
    if (tail != NO_TAIL) {
      log.copySegment(folder.resolve(SegmentFiles.segmentName(tail)), tail, tailBytes);
    }
    log.forceFolder();
  }
}
