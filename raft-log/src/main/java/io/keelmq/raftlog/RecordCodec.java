package io.keelmq.raftlog;

import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.zip.CRC32C;

/** The bytes of a record: a header of 44 bytes, then the data. See FORMAT.md. */
final class RecordCodec {

  static final int HEADER_BYTES = 44;
  static final int MAX_DATA_BYTES = 64 << 20;

  private static final int CHECKSUM = 8;
  private static final int LENGTH = 12;
  private static final int TYPE = 16;
  private static final int INDEX = 20;
  private static final int TERM = 28;
  private static final int DURABLE_BEFORE = 36;

  private RecordCodec() {}

  static int recordBytes(LogRecord record) {
    return HEADER_BYTES + record.data().remaining();
  }

  /** Writes the header of {@code record}, checksum included, at {@code target}'s position. */
  static void putHeader(ByteBuffer target, long mark, LogRecord record, long durableBefore) {
    int at = target.position();
    target
        .putLong(mark)
        .putInt(0)
        .putInt(record.data().remaining())
        .put(record.type().code())
        .put((byte) 0)
        .putShort((short) 0)
        .putLong(record.index())
        .putLong(record.term())
        .putLong(durableBefore);
    var crc = new CRC32C();
    crc.update(target.duplicate().flip().position(at + LENGTH));
    crc.update(record.data().duplicate());
    target.putInt(at + CHECKSUM, (int) crc.getValue());
  }

  static long mark(ByteBuffer header) {
    return header.getLong(header.position());
  }

  static int dataBytes(ByteBuffer header) {
    return header.getInt(header.position() + LENGTH);
  }

  static long index(ByteBuffer header) {
    return header.getLong(header.position() + INDEX);
  }

  static long term(ByteBuffer header) {
    return header.getLong(header.position() + TERM);
  }

  static long durableBefore(ByteBuffer header) {
    return header.getLong(header.position() + DURABLE_BEFORE);
  }

  /** What keeps these 44 bytes from being the header of a record of the segment with this mark. */
  static Optional<Flaw> headerFlaw(ByteBuffer header, long mark) {
    if (mark(header) != mark) {
      return flaw("mark 0x%016x".formatted(mark), "0x%016x".formatted(mark(header)));
    }
    int length = dataBytes(header);
    if (length < 0 || length > MAX_DATA_BYTES) {
      return flaw("a data length of 0 to " + MAX_DATA_BYTES, "" + length);
    }
    return Optional.empty();
  }

  /** What is wrong with a record, from {@code record}'s position to its limit. */
  static Optional<Flaw> recordFlaw(ByteBuffer record, long mark) {
    var inHeader = headerFlaw(record, mark);
    if (inHeader.isPresent()) {
      return inHeader;
    }
    int at = record.position();
    if (record.remaining() != HEADER_BYTES + dataBytes(record)) {
      return flaw(
          "a record of " + (HEADER_BYTES + dataBytes(record)) + " bytes",
          record.remaining() + " bytes");
    }
    int computed = Crc.of(record, at + LENGTH, record.limit());
    if (computed != record.getInt(at + CHECKSUM)) {
      return Optional.of(Flaw.checksum(record.getInt(at + CHECKSUM), computed));
    }
    return impossibleField(record);
  }

  /** The record in {@code record}, which has no flaw; its data is a read-only slice. */
  static LogRecord decode(ByteBuffer record) {
    var data = record.duplicate().position(record.position() + HEADER_BYTES).slice();
    return new LogRecord(index(record), term(record), type(record), data.asReadOnlyBuffer());
  }

  static LogRecord.Type type(ByteBuffer header) {
    return LogRecord.Type.ofCode(header.get(header.position() + TYPE)).orElseThrow();
  }

  /** Values that no writer of this format puts under a right checksum. */
  private static Optional<Flaw> impossibleField(ByteBuffer record) {
    int at = record.position();
    if (LogRecord.Type.ofCode(record.get(at + TYPE)).isEmpty()) {
      return flaw("a type of 1 to 3", "" + record.get(at + TYPE));
    }
    int rest = record.getInt(at + TYPE) & 0xff_ffff;
    if (rest != 0) {
      return flaw("flags and reserved bytes 0", "0x%06x".formatted(rest));
    }
    if (index(record) < 1 || term(record) < 0 || durableBefore(record) >= index(record)) {
      return flaw(
          "index >= 1, term >= 0 and durableBefore < index",
          "%d, %d and %d".formatted(index(record), term(record), durableBefore(record)));
    }
    return Optional.empty();
  }

  private static Optional<Flaw> flaw(String expected, String found) {
    return Optional.of(new Flaw(expected, found));
  }
}
