package io.keelmq.raftlog;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * What a segment says about itself. Immutable.
 *
 * @param baseIndex the index of its first record, which is also its name
 * @param mark the random number, not 0, that opens each of its records
 */
record SegmentHeader(long baseIndex, long mark) {

  static final int BYTES = 32;

  ByteBuffer encode() {
    var bytes = ByteBuffer.allocate(BYTES).putLong(16, baseIndex).putLong(24, mark);
    Preamble.SEGMENT.seal(bytes);
    return bytes;
  }

  /** Reads and checks the header of the file that is named after {@code baseIndex}. */
  static SegmentHeader read(DiskFile file, Path path, long baseIndex) throws IOException {
    var bytes = ByteBuffer.allocate(BYTES);
    int read = file.read(bytes, 0);
    if (read < BYTES) {
      // A segment is renamed to its name only after its header was forced, so no crash leaves this.
      throw new CorruptLogException(
          path, read, "a segment header of " + BYTES + " bytes", "the end of the file");
    }
    Preamble.SEGMENT.check(bytes.flip(), path);
    if (bytes.getLong(16) != baseIndex) {
      throw new CorruptLogException(
          path, 16, "base index " + baseIndex + " as in its name", "" + bytes.getLong(16));
    }
    return new SegmentHeader(baseIndex, bytes.getLong(24));
  }
}
