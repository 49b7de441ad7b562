package io.keelmq.raftlog;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * A running checksum of a segment's entries: of what all replicas have in common. The files of two
 * replicas differ, in the mark and in what was durable when; this does not, so that a replica can
 * tell which segments it need not be sent.
 *
 * <p>Owned by whoever feeds it. Nothing of it survives a crash but the sidecar's copy; the active
 * segment's comes back by the scan.
 */
final class ContentChecksum {

  private final CRC32C crc = new CRC32C();
  private final ByteBuffer head = ByteBuffer.allocate(1 + 8 + 8 + 4);

  /**
   * Adds the entry that follows.
   *
   * @param data from position to limit, which stay where they are
   */
  void add(long index, long term, LogRecord.Type type, ByteBuffer data) {
    head.clear().put(type.code()).putLong(index).putLong(term).putInt(data.remaining());
    crc.update(head.flip());
    crc.update(data.duplicate());
  }

  void add(LogRecord record) {
    add(record.index(), record.term(), record.type(), record.data());
  }

  int value() {
    return (int) crc.getValue();
  }
}
