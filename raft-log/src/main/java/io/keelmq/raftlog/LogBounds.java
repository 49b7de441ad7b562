package io.keelmq.raftlog;

import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Where the log begins and how far it is known to reach; kept in {@code first.meta}. Immutable.
 *
 * @param logicalFirst the first index that JRaft sees; segments below it may still be there
 * @param durableFloor entries up to here were forced when this was written; less is corruption
 * @param resetting whether all segments are to be dropped, so that the log is empty before {@code
 *     logicalFirst}
 */
record LogBounds(long logicalFirst, long durableFloor, boolean resetting) {

  static final LogBounds OF_NEW_LOG = new LogBounds(1, 0, false);

  private static final int BYTES = 40;

  LogBounds {
    if (logicalFirst < 1 || durableFloor < 0) {
      throw new IllegalArgumentException(
          "logical first index " + logicalFirst + ", durable floor " + durableFloor);
    }
  }

  LogBounds withFloor(long floor) {
    return new LogBounds(logicalFirst, floor, resetting);
  }

  ByteBuffer encode() {
    var bytes = ByteBuffer.allocate(BYTES).putLong(16, logicalFirst).putLong(24, durableFloor);
    bytes.put(32, (byte) (resetting ? 1 : 0));
    Preamble.FIRST.seal(bytes);
    return bytes;
  }

  static LogBounds decode(ByteBuffer bytes, Path file) {
    Preamble.FIRST.check(bytes, file);
    if (bytes.limit() != BYTES) {
      throw new CorruptLogException(file, 0, BYTES + " bytes", bytes.limit() + " bytes");
    }
    return new LogBounds(bytes.getLong(16), bytes.getLong(24), bytes.get(32) == 1);
  }
}
