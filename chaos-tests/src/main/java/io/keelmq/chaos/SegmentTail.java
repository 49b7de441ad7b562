package io.keelmq.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.zip.CRC32C;

/**
 * Where the last sound record of a log's active segment ends, by raft-log/FORMAT.md and without the
 * broker's code. Immutable.
 *
 * @param mark of the segment
 * @param lastIndex of the last sound record, or the one before the segment
 * @param lastTerm of that record; 1 if the segment has none
 * @param end the position behind it
 * @param cleanBehind whether no byte of a record stands behind it that somebody might count on
 */
record SegmentTail(
    Path segment, long mark, long lastIndex, long lastTerm, int end, boolean cleanBehind) {

  static final int HEADER_BYTES = 32;
  static final int RECORD_HEADER_BYTES = 44;

  private static final byte[] MAGIC = "KMQSEGMT".getBytes(StandardCharsets.US_ASCII);
  private static final String BOUNDS = "first.meta";
  private static final int STATE_AT = 32;

  /** The segments of a log, by name, which is by index. */
  static SortedSet<Path> segments(Path log) {
    try (var files = Files.list(log)) {
      var segments = new TreeSet<Path>();
      files.filter(file -> file.toString().endsWith(".seg")).forEach(segments::add);
      return segments;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + log, e);
    }
  }

  /** Of the first record that a segment holds, or will hold; its name says it. */
  static long firstIndex(Path segment) {
    return Long.parseLong(base(segment));
  }

  /**
   * Reads the log of a replica that does not run.
   *
   * @return empty if no segment is active for certain: the last one has a sidecar, or the log is
   *     being reset or adopted
   */
  static Optional<SegmentTail> of(Path log) {
    try {
      Path bounds = log.resolve(BOUNDS);
      if (!Files.exists(bounds) || Files.readAllBytes(bounds)[STATE_AT] != 0) {
        return Optional.empty();
      }
      SortedSet<Path> segments = segments(log);
      if (segments.isEmpty() || Files.exists(sidecar(segments.last()))) {
        return Optional.empty();
      }
      return read(segments.last(), Files.readAllBytes(segments.last()));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + log, e);
    }
  }

  /**
   * As the other one, of the bytes of a segment.
   *
   * @return empty if they do not begin as one
   */
  static Optional<SegmentTail> read(Path segment, byte[] bytes) {
    var file = ByteBuffer.wrap(bytes);
    if (bytes.length < HEADER_BYTES
        || file.slice(0, MAGIC.length).mismatch(ByteBuffer.wrap(MAGIC)) >= 0) {
      return Optional.empty();
    }
    long index = file.getLong(16) - 1;
    long mark = file.getLong(24);
    long term = 1;
    int at = HEADER_BYTES;
    while (isSound(file, at, mark, index + 1)) {
      index++;
      term = file.getLong(at + 28);
      at += RECORD_HEADER_BYTES + file.getInt(at + 12);
    }
    return Optional.of(new SegmentTail(segment, mark, index, term, at, !hasMark(file, at, mark)));
  }

  private static boolean isSound(ByteBuffer file, int at, long mark, long index) {
    if (at + RECORD_HEADER_BYTES > file.limit() || file.getLong(at) != mark) {
      return false;
    }
    int data = file.getInt(at + 12);
    if (data < 0 || data > file.limit() - at - RECORD_HEADER_BYTES) {
      return false;
    }
    return file.getInt(at + 8) == checksum(file, at, data) && file.getLong(at + 20) == index;
  }

  /** Of the record at a position with so much data. */
  static int checksum(ByteBuffer file, int at, int dataBytes) {
    var crc = new CRC32C();
    crc.update(file.slice(at + 12, RECORD_HEADER_BYTES - 12 + dataBytes));
    return (int) crc.getValue();
  }

  private static boolean hasMark(ByteBuffer file, int from, long mark) {
    for (int at = from; at + Long.BYTES <= file.limit(); at++) {
      if (file.getLong(at) == mark) {
        return true;
      }
    }
    return false;
  }

  private static Path sidecar(Path segment) {
    return segment.resolveSibling(base(segment) + ".idx");
  }

  /** What it shares with its sidecar. */
  private static String base(Path segment) {
    String name = segment.getFileName().toString();
    return name.substring(0, name.length() - 4);
  }
}
