package io.keelmq.raftlog;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** CRC32C over parts of a buffer, whose position stays where it is. */
final class Crc {

  private Crc() {}

  static int of(ByteBuffer bytes, int from, int to) {
    var crc = new CRC32C();
    crc.update(bytes.duplicate().limit(to).position(from));
    return (int) crc.getValue();
  }

  /**
   * The checksum of a small file whose bytes 12 to 15 hold that checksum: magic, version, checksum,
   * the rest. All files and headers of this format but the record look like this.
   */
  static int aroundItself(ByteBuffer bytes) {
    var crc = new CRC32C();
    crc.update(bytes.duplicate().limit(12).position(0));
    crc.update(bytes.duplicate().position(16));
    return (int) crc.getValue();
  }
}
