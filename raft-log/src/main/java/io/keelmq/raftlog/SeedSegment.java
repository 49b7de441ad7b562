package io.keelmq.raftlog;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * A segment file that somebody laid beside the log, to spare a new replica the copying: of another
 * replica's log, or of a backup. Nothing of it is believed but what is read; a sidecar that may lie
 * beside it is not looked at. Stateless.
 */
public final class SeedSegment {

  private SeedSegment() {}

  /**
   * Reads a file as the segment with this base index, every byte of it, makes it durable, and
   * writes the sidecar of what was read.
   *
   * @param file under its final name; it changes no more
   * @param sidecar where its sidecar is to be; replaced if it is there
   * @return empty if it is no whole segment of whole records, and then there is no sidecar
   * @throws IOException if a file cannot be read or written
   */
  public static Optional<SegmentSummary> take(Path file, Path sidecar, long baseIndex)
      throws IOException {
    var disk = new RealDisk();
    Sidecar found;
    try (DiskFile segment = disk.open(file)) {
      SegmentScan scan = SegmentScan.of(segment, file, baseIndex).orRefuse();
      if (scan.index().count() == 0) {
        return Optional.empty();
      }
      found = scan.sidecar();
      // It may have been copied a moment ago, by a program that forces nothing.
      segment.force(true);
    } catch (CorruptLogException e) {
      return Optional.empty();
    }
    Path aside = sidecar.resolveSibling(sidecar.getFileName() + ".tmp");
    try (var channel =
        FileChannel.open(
            aside,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      var bytes = found.encode();
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    Files.move(aside, sidecar, StandardCopyOption.ATOMIC_MOVE);
    return Optional.of(
        new SegmentSummary(
            baseIndex,
            found.index().lastIndex(),
            file,
            sidecar,
            found.index().bytes(),
            found.checksum(),
            found.contentChecksum()));
  }
}
