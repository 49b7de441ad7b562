package io.keelmq.raftlog;

import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * One entry of the commit log.
 *
 * @param index the log index, from 1
 * @param term the term of the leader that appended it
 * @param data the entry's bytes, from position to limit; read-only if the record was read from the
 *     log
 */
public record LogRecord(long index, long term, Type type, ByteBuffer data) {

  /** What the data is; the codes are part of the format. */
  public enum Type {
    /** Bytes of the state machine. */
    DATA(1),
    /** A new leader's first entry; the data is JRaft's encoding of it. */
    NO_OP(2),
    /** A change of the group's members; the data is JRaft's encoding of it. */
    CONFIGURATION(3);

    private final byte code;

    Type(int code) {
      this.code = (byte) code;
    }

    byte code() {
      return code;
    }

    static Optional<Type> ofCode(int code) {
      return switch (code) {
        case 1 -> Optional.of(DATA);
        case 2 -> Optional.of(NO_OP);
        case 3 -> Optional.of(CONFIGURATION);
        default -> Optional.empty();
      };
    }
  }

  public LogRecord {
    if (index < 1 || term < 0) {
      throw new IllegalArgumentException("index " + index + " and term " + term + " of a record");
    }
    if (data.remaining() > RecordCodec.MAX_DATA_BYTES) {
      throw new IllegalArgumentException(
          "record %d has %d bytes, the log takes up to %d"
              .formatted(index, data.remaining(), RecordCodec.MAX_DATA_BYTES));
    }
  }
}
