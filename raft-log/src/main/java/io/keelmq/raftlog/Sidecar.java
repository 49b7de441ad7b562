package io.keelmq.raftlog;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.nio.file.Path;

/**
 * A sealed segment's {@code .idx} file: its index, and what the segment's bytes and entries add up
 * to. Immutable.
 *
 * @param checksum of every byte of the segment
 * @param contentChecksum of its entries, see {@link ContentChecksum}
 */
record Sidecar(SegmentIndex index, int checksum, int contentChecksum) {

  private static final int FIXED_BYTES = 72;
  private static final int BASE_INDEX = 16;
  private static final int RECORDS = 24;
  private static final int TERM_RUNS = 28;
  private static final int SPECIALS = 32;
  private static final int CHECKSUM = 36;
  private static final int SEGMENT_BYTES = 40;
  private static final int CONTENT_CHECKSUM = 64;

  ByteBuffer encode() {
    long[] runs = index.termRuns();
    long[] specials = index.specials();
    var bytes = ByteBuffer.allocate(bytes(index.count(), runs.length / 2, specials.length / 2));
    bytes
        .putLong(BASE_INDEX, index.baseIndex())
        .putInt(RECORDS, index.count())
        .putInt(TERM_RUNS, runs.length / 2)
        .putInt(SPECIALS, specials.length / 2)
        .putInt(CHECKSUM, checksum)
        .putLong(SEGMENT_BYTES, index.bytes())
        .putInt(CONTENT_CHECKSUM, contentChecksum)
        .position(FIXED_BYTES);
    for (long value : runs) {
      bytes.putLong(value);
    }
    for (long value : specials) {
      bytes.putLong(value);
    }
    for (long i = index.baseIndex(); i <= index.lastIndex(); i++) {
      bytes.putInt(index.position(i));
    }
    bytes.putInt(index.bytes()).flip();
    Preamble.INDEX.seal(bytes);
    return bytes;
  }

  /**
   * Checks all bytes; the positions stay where they are, so that a mapped file costs no heap.
   *
   * @throws CorruptLogException if this is not a whole sidecar of the segment with this base index
   */
  static Sidecar decode(ByteBuffer bytes, Path file, long baseIndex) {
    Preamble.INDEX.check(bytes, file);
    if (bytes.limit() < FIXED_BYTES) {
      throw new CorruptLogException(
          file, bytes.limit(), FIXED_BYTES + " bytes", bytes.limit() + " bytes");
    }
    int records = bytes.getInt(RECORDS);
    int runs = bytes.getInt(TERM_RUNS);
    int specials = bytes.getInt(SPECIALS);
    if (records < 1
        || runs < 1
        || specials < 0
        || bytes(records, runs, specials) != bytes.limit()) {
      throw new CorruptLogException(
          file,
          RECORDS,
          "counts that fill " + bytes.limit() + " bytes",
          records + " records, " + runs + " term runs, " + specials + " that are not data");
    }
    if (bytes.getLong(BASE_INDEX) != baseIndex) {
      throw new CorruptLogException(
          file,
          BASE_INDEX,
          "base index " + baseIndex + " as in its name",
          "" + bytes.getLong(BASE_INDEX));
    }
    var rest = bytes.duplicate().position(FIXED_BYTES);
    long[] termRuns = longs(rest, 2 * runs);
    long[] specialPairs = longs(rest, 2 * specials);
    IntBuffer positions = rest.slice().asIntBuffer();
    return new Sidecar(
        new SegmentIndex(baseIndex, records, positions, termRuns, specialPairs),
        bytes.getInt(CHECKSUM),
        bytes.getInt(CONTENT_CHECKSUM));
  }

  private static int bytes(int records, int runs, int specials) {
    return Math.toIntExact(FIXED_BYTES + 16L * runs + 16L * specials + 4L * (records + 1L));
  }

  private static long[] longs(ByteBuffer source, int count) {
    long[] values = new long[count];
    for (int i = 0; i < count; i++) {
      values[i] = source.getLong();
    }
    return values;
  }
}
