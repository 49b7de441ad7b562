package io.keelmq.broker.state;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Reads what {@link RowWriter} wrote. Rows come from our own hand: one that ends early is a defect.
 */
final class RowReader {

  private final ByteBuffer row;

  RowReader(byte[] row) {
    this.row = ByteBuffer.wrap(row);
  }

  RowReader skip(int bytes) {
    row.position(row.position() + bytes);
    return this;
  }

  int int8() {
    return row.get() & 0xff;
  }

  int int16() {
    return row.getShort() & 0xffff;
  }

  int int32() {
    return row.getInt();
  }

  long int64() {
    return row.getLong();
  }

  long varint() {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      int next = int8();
      value |= (long) (next & 0x7f) << shift;
      if (next < 0x80) {
        return value;
      }
    }
  }

  String text() {
    byte[] utf8 = new byte[int16()];
    row.get(utf8);
    return new String(utf8, StandardCharsets.UTF_8);
  }

  /** False at the end of a row that an older version may have written. */
  boolean hasMore() {
    return row.hasRemaining();
  }

  byte[] rest() {
    byte[] rest = new byte[row.remaining()];
    row.get(rest);
    return rest;
  }
}
