package io.keelmq.raftlog;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** A file of consecutive records. Any thread may read records that the log has published. */
abstract class Segment {

  private final Path path;
  private final SegmentHeader header;
  private final SegmentIndex index;

  Segment(Path path, SegmentHeader header, SegmentIndex index) {
    this.path = path;
    this.header = header;
    this.index = index;
  }

  final Path path() {
    return path;
  }

  final SegmentHeader header() {
    return header;
  }

  final SegmentIndex index() {
    return index;
  }

  final long baseIndex() {
    return header.baseIndex();
  }

  /** Less than {@link #baseIndex} if the segment has no record. */
  final long lastIndex() {
    return index.lastIndex();
  }

  /** Where the record ends, in bytes from the start of the file. */
  final int endOf(long recordIndex) {
    return index.position(recordIndex) + index.recordBytes(recordIndex);
  }

  /**
   * Reads a record and checks every byte of it.
   *
   * @throws CorruptLogException if the file does not hold it any more
   */
  final LogRecord read(long recordIndex) throws IOException {
    int position = index.position(recordIndex);
    ByteBuffer bytes = bytes(position, index.recordBytes(recordIndex));
    var flaw = RecordCodec.recordFlaw(bytes, header.mark());
    if (flaw.isPresent()) {
      throw new CorruptLogException(
          path,
          position,
          "record " + recordIndex + " with " + flaw.get().expected(),
          flaw.get().found());
    }
    if (RecordCodec.index(bytes) != recordIndex) {
      throw new CorruptLogException(
          path, position, "record " + recordIndex, "record " + RecordCodec.index(bytes));
    }
    return RecordCodec.decode(bytes);
  }

  /** The bytes of the file from {@code position}; fewer than {@code length} if it ends before. */
  abstract ByteBuffer bytes(int position, int length) throws IOException;
}
