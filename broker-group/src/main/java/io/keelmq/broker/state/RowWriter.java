package io.keelmq.broker.state;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Builds keys and values. Numbers are big endian, so that keys of numbers that are not negative
 * sort as the numbers do; a text has its length in bytes in front (2 bytes), so that no key is the
 * beginning of another by accident.
 */
final class RowWriter {

  private byte[] bytes;
  private int length;

  RowWriter(int expectedBytes) {
    bytes = new byte[expectedBytes];
  }

  RowWriter int8(int value) {
    reserve(1);
    bytes[length++] = (byte) value;
    return this;
  }

  RowWriter int16(int value) {
    return int8(value >>> 8).int8(value);
  }

  RowWriter int32(int value) {
    reserve(4);
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes[length++] = (byte) (value >>> shift);
    }
    return this;
  }

  RowWriter int64(long value) {
    reserve(8);
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes[length++] = (byte) (value >>> shift);
    }
    return this;
  }

  /** Seven bits a byte, the lowest first. Not for keys, which it would not sort. */
  RowWriter varint(long value) {
    long rest = value;
    while ((rest & ~0x7fL) != 0) {
      int8((int) (rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return int8((int) rest);
  }

  RowWriter text(String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    if (utf8.length > 0xffff) {
      throw new IllegalArgumentException("text of " + utf8.length + " bytes, at most 65535 fit");
    }
    return int16(utf8.length).raw(utf8);
  }

  RowWriter raw(byte[] value) {
    reserve(value.length);
    System.arraycopy(value, 0, bytes, length, value.length);
    length += value.length;
    return this;
  }

  byte[] done() {
    return length == bytes.length ? bytes : Arrays.copyOf(bytes, length);
  }

  private void reserve(int more) {
    if (length + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + more));
    }
  }
}
