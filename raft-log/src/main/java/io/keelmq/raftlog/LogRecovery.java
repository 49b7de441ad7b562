package io.keelmq.raftlog;

import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens the files that an earlier process left, by the rules of FORMAT.md, "Recovery". Used once,
 * before anybody reads.
 *
 * <p>Nothing is deleted or cut on doubt: what is not certainly a crash's leftover ends in a {@link
 * CorruptLogException}. Dying inside a recovery is no different from dying before it.
 */
final class LogRecovery {

  private static final Logger LOG = LoggerFactory.getLogger(LogRecovery.class);

  private static final int REWRITE_BYTES = 1 << 20;

  private final SegmentFiles files;
  private final Disk disk;
  private final long appliedFloor;
  private int damagedSidecars;

  LogRecovery(SegmentFiles files, Disk disk, long appliedFloor) {
    this.files = files;
    this.disk = disk;
    this.appliedFloor = appliedFloor;
  }

  /**
   * The log as it was found; all of it is durable.
   *
   * @param active the last of {@code segments}, unless that one is sealed or there is none
   */
  record Recovered(LogBounds bounds, List<Segment> segments, Optional<ActiveSegment> active) {

    long physicalFirst() {
      return segments.isEmpty() ? bounds.logicalFirst() : segments.get(0).baseIndex();
    }

    long last() {
      return segments.isEmpty()
          ? bounds.logicalFirst() - 1
          : segments.get(segments.size() - 1).lastIndex();
    }
  }

  Recovered run() throws IOException {
    // If just the process died, the names we see may be in the page cache only. What follows acts
    // on them, so they must not change under it with the next power loss.
    files.forceFolder();
    files.removeLeftovers();
    LogBounds bounds = dropWhatIsGivenUp(readBounds());
    var recovered = openSegments(bounds);
    try {
      checkBounds(recovered);
      return raiseFloor(recovered);
    } catch (IOException | RuntimeException e) {
      if (recovered.active().isPresent()) {
        recovered.active().get().close();
      }
      throw e;
    }
  }

  private LogBounds readBounds() throws IOException {
    Optional<LogBounds> found = files.readBounds();
    if (found.isPresent()) {
      return found.get();
    }
    NavigableSet<Long> segments = files.segments();
    if (!segments.isEmpty()) {
      throw new CorruptLogException(
          files.bounds(), 0, "the bounds of a log of " + segments.size() + " segments", "no file");
    }
    files.writeBounds(LogBounds.OF_NEW_LOG);
    return LogBounds.OF_NEW_LOG;
  }

  private LogBounds dropWhatIsGivenUp(LogBounds bounds) throws IOException {
    if (bounds.state() == LogBounds.State.STEADY) {
      return bounds;
    }
    files.deleteSegments(files.segments());
    Failpoint.RECOVERY_GIVEN_UP_GONE.hit();
    if (bounds.state() == LogBounds.State.ADOPTING) {
      // Not steady before the snapshot has been brought in: an empty log of a member looks lost.
      LOG.warn(
          "dropped a half-adopted snapshot, which must be adopted anew, logicalFirst={}",
          bounds.logicalFirst());
      return bounds;
    }
    LOG.warn("finished an interrupted reset, logicalFirst={}", bounds.logicalFirst());
    var steady = LogBounds.steady(bounds.logicalFirst(), bounds.logicalFirst() - 1);
    files.writeBounds(steady);
    return steady;
  }

  /** Opens the segments that are there; scans the last one, unless it is sealed. */
  Recovered openSegments(LogBounds bounds) throws IOException {
    List<Segment> segments = new ArrayList<>();
    NavigableSet<Long> bases = files.segments();
    NavigableSet<Long> sidecars = files.sidecars();
    for (long base : bases) {
      checkFollows(segments, base);
      if (base != bases.last() || sidecars.contains(base)) {
        segments.add(openSealed(base, sidecars.contains(base)));
      } else {
        ActiveSegment active = openActive(base, leastLast(bounds));
        segments.add(active);
        return new Recovered(bounds, segments, Optional.of(active));
      }
    }
    return new Recovered(bounds, segments, Optional.empty());
  }

  private void checkFollows(List<Segment> before, long base) {
    if (before.isEmpty()) {
      return;
    }
    var previous = before.get(before.size() - 1);
    if (previous.lastIndex() + 1 != base) {
      throw new CorruptLogException(
          previous.path(),
          previous.index().bytes(),
          "entries to " + (base - 1) + ", since the next segment is " + files.segment(base),
          "entries to " + previous.lastIndex());
    }
  }

  private SealedSegment openSealed(long base, boolean hasSidecar) throws IOException {
    Path path = files.segment(base);
    try (DiskFile file = files.open(path)) {
      var header = SegmentHeader.read(file, path, base);
      Sidecar sidecar = hasSidecar ? readOrRebuild(file, path, base) : rebuild(file, path, base);
      if (file.size() != sidecar.index().bytes()) {
        throw new CorruptLogException(
            path,
            Math.min(file.size(), sidecar.index().bytes()),
            "a sealed segment of " + sidecar.index().bytes() + " bytes",
            file.size() + " bytes");
      }
      return new SealedSegment(path, header, sidecar, disk);
    }
  }

  private Sidecar readOrRebuild(DiskFile file, Path path, long base) throws IOException {
    try {
      return files.readSidecar(base);
    } catch (CorruptLogException e) {
      LOG.warn("a damaged sidecar is written anew: {}", e.getMessage());
      damagedSidecars++;
      return rebuild(file, path, base);
    }
  }

  /** How many there were; each was written anew from its segment, which was sound. */
  int damagedSidecars() {
    return damagedSidecars;
  }

  private Sidecar rebuild(DiskFile file, Path path, long base) throws IOException {
    LOG.warn("scanning a sealed segment without a sound sidecar, segment={}", path);
    // A successor or a sidecar says that all of it was forced, so any flaw is corruption.
    SegmentScan scan = SegmentScan.of(file, path, base).orRefuse();
    if (scan.index().count() == 0) {
      throw new CorruptLogException(
          path, SegmentHeader.BYTES, "at least one record in a sealed segment", "none");
    }
    return files.writeSidecar(scan.sidecar());
  }

  private ActiveSegment openActive(long base, long floor) throws IOException {
    Path path = files.segment(base);
    DiskFile file = files.open(path);
    try {
      SegmentScan scan = SegmentScan.of(file, path, base);
      if (scan.flaw().isPresent()) {
        cutTornTail(file, scan, floor);
        Failpoint.RECOVERY_TAIL_CUT.hit();
      }
      writeAgain(file, scan, floor);
      Failpoint.RECOVERY_REWRITTEN.hit();
      // Forced even if nothing was cut: what a killed process left may be in the page cache only.
      file.force(true);
      Failpoint.RECOVERY_FORCED.hit();
      return new ActiveSegment(file, scan);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /**
   * Writes what nothing proves to be durable once more, as it was read. A force that failed leaves
   * pages which readers see and no later force writes, because the kernel takes them for clean.
   */
  private static void writeAgain(DiskFile file, SegmentScan scan, long floor) throws IOException {
    long position = scan.unprovenFrom(file, floor);
    long end = scan.index().bytes();
    var bytes = ByteBuffer.allocate((int) Math.min(REWRITE_BYTES, end - position));
    while (position < end) {
      bytes.clear().limit((int) Math.min(bytes.capacity(), end - position));
      file.read(bytes, position);
      int read = bytes.flip().remaining();
      file.write(bytes, position);
      position += read;
    }
  }

  private void cutTornTail(DiskFile file, SegmentScan scan, long floor) throws IOException {
    Flaw flaw = scan.flaw().orElseThrow();
    long damaged = scan.index().lastIndex() + 1;
    if (damaged <= floor) {
      throw scan.corruption(
          new Flaw(flaw.expected() + " (entries to " + floor + " are durable)", flaw.found()));
    }
    Optional<Long> proof = scan.proofOfDurability(file);
    if (proof.isPresent()) {
      throw scan.corruption(
          new Flaw(
              flaw.expected() + " (record " + proof.get() + " was written when it was durable)",
              flaw.found()));
    }
    LOG.warn(
        "cutting a torn tail, segment={} position={} index={} bytes={} expected={} found={}",
        scan.path(),
        scan.index().bytes(),
        damaged,
        file.size() - scan.index().bytes(),
        flaw.expected(),
        flaw.found());
    file.truncate(scan.index().bytes());
  }

  private void checkBounds(Recovered log) {
    long logicalFirst = log.bounds().logicalFirst();
    if (log.physicalFirst() > logicalFirst) {
      throw new CorruptLogException(
          log.segments().get(0).path(),
          0,
          "the logical first index " + logicalFirst + " here or in a segment before",
          "no earlier segment");
    }
    long leastLast = leastLast(log.bounds());
    if (log.last() < leastLast) {
      Path lastFile =
          log.segments().isEmpty()
              ? files.bounds()
              : log.segments().get(log.segments().size() - 1).path();
      throw new LostEntriesException(lastFile, leastLast, log.last());
    }
  }

  /**
   * Where the log must reach at least: each of the three is written only after the entries were
   * forced.
   */
  private long leastLast(LogBounds bounds) {
    return Math.max(appliedFloor, Math.max(bounds.durableFloor(), bounds.logicalFirst() - 1));
  }

  private Recovered raiseFloor(Recovered log) throws IOException {
    if (log.bounds().durableFloor() == log.last()) {
      return log;
    }
    LogBounds raised = log.bounds().withFloor(log.last());
    files.writeBounds(raised);
    return new Recovered(raised, log.segments(), log.active());
  }
}
