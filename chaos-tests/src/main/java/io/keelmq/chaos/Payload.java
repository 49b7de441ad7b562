package io.keelmq.chaos;

import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * The body of a workload's message: who sent it, under which key, its number, and a filler that
 * follows from these; a checksum over all of it. Immutable.
 *
 * <pre>
 *   magic (4) · producer (4) · key (4) · seq (8) · filler (0 or more) · crc32c of the rest (4)
 * </pre>
 */
record Payload(int producer, int key, long seq) {

  static final int MIN_BYTES = 24;
  static final int MAGIC = 0x4b514d31;

  /**
   * @param bytes at least {@link #MIN_BYTES}
   */
  byte[] encode(int bytes) {
    var buffer = ByteBuffer.allocate(bytes);
    buffer.putInt(MAGIC).putInt(producer).putInt(key).putLong(seq);
    byte filler = (byte) (producer * 31L + seq);
    while (buffer.remaining() > 4) {
      buffer.put(filler++);
    }
    return buffer.putInt(crc(buffer.array(), bytes - 4)).array();
  }

  /** Empty if the bytes are not what {@link #encode} made. */
  static Optional<Payload> decode(byte[] body) {
    if (body.length < MIN_BYTES) {
      return Optional.empty();
    }
    var buffer = ByteBuffer.wrap(body);
    if (buffer.getInt() != MAGIC || buffer.getInt(body.length - 4) != crc(body, body.length - 4)) {
      return Optional.empty();
    }
    return Optional.of(new Payload(buffer.getInt(), buffer.getInt(), buffer.getLong()));
  }

  private static int crc(byte[] bytes, int length) {
    var crc = new CRC32C();
    crc.update(bytes, 0, length);
    return (int) crc.getValue();
  }
}
