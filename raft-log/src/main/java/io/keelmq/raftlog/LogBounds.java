package io.keelmq.raftlog;

import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Where the log begins and how far it is known to reach; kept in {@code first.meta}. Immutable.
 *
 * @param logicalFirst the first index that JRaft sees; segments below it may still be there
 * @param durableFloor entries up to here were forced when this was written; less is corruption
 * @param state whether the segments are to be taken as they are
 */
record LogBounds(long logicalFirst, long durableFloor, State state) {

  /** What a crash has interrupted. The codes are stored and never change. */
  enum State {
    /** Nothing. */
    STEADY(0),
    /** All segments are to be dropped, so that the log is empty before {@code logicalFirst}. */
    RESETTING(1),
    /** The segments of a snapshot that ends before {@code logicalFirst} were being brought in. */
    ADOPTING(2);

    private final byte code;

    State(int code) {
      this.code = (byte) code;
    }

    private static State ofCode(byte code, Path file) {
      for (State state : values()) {
        if (state.code == code) {
          return state;
        }
      }
      throw new CorruptLogException(file, 32, "state 0, 1 or 2", "state " + code);
    }
  }

  static final LogBounds OF_NEW_LOG = steady(1, 0);

  private static final int BYTES = 40;

  LogBounds {
    if (logicalFirst < 1 || durableFloor < 0) {
      throw new IllegalArgumentException(
          "logical first index " + logicalFirst + ", durable floor " + durableFloor);
    }
  }

  static LogBounds steady(long logicalFirst, long durableFloor) {
    return new LogBounds(logicalFirst, durableFloor, State.STEADY);
  }

  LogBounds withFloor(long floor) {
    return new LogBounds(logicalFirst, floor, state);
  }

  ByteBuffer encode() {
    var bytes = ByteBuffer.allocate(BYTES).putLong(16, logicalFirst).putLong(24, durableFloor);
    bytes.put(32, state.code);
    Preamble.FIRST.seal(bytes);
    return bytes;
  }

  static LogBounds decode(ByteBuffer bytes, Path file) {
    Preamble.FIRST.check(bytes, file);
    if (bytes.limit() != BYTES) {
      throw new CorruptLogException(file, 0, BYTES + " bytes", bytes.limit() + " bytes");
    }
    return new LogBounds(bytes.getLong(16), bytes.getLong(24), State.ofCode(bytes.get(32), file));
  }
}
