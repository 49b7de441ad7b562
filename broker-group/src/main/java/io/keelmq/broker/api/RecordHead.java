package io.keelmq.broker.api;

import java.nio.ByteBuffer;

/**
 * Reads of a stored record what decides about its delivery, its tag and message group, in place and
 * without looking at the body. The record was checked by {@link RecordScan} before it was stored.
 * Owned by one thread, used for one record after the other.
 */
public final class RecordHead {

  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH = 2;
  private static final int FIXED32 = 5;
  private static final int TAG = 3 << 3 | LENGTH;
  private static final int MESSAGE_GROUP = 6 << 3 | LENGTH;

  private ByteBuffer entry;
  private int from;
  private int at;
  private int end;
  private int tagFrom;
  private int tagLength;
  private int groupFrom;
  private int groupLength;

  /**
   * @param lengthAt where the record's length stands in the entry
   * @param to the record ends there or before
   * @return behind the record
   * @throws IllegalStateException if that is no record
   */
  int read(ByteBuffer inEntry, int lengthAt, int to) {
    entry = inEntry;
    at = lengthAt;
    end = to;
    tagLength = 0;
    groupLength = 0;
    int length = length();
    this.from = at;
    end = at + length;
    while (at < end) {
      int key = (int) varint();
      switch (key) {
        case TAG -> {
          tagLength = length();
          tagFrom = at;
          at += tagLength;
        }
        case MESSAGE_GROUP -> {
          groupLength = length();
          groupFrom = at;
          at += groupLength;
        }
        default -> skip(key & 7);
      }
    }
    return end;
  }

  boolean isTakenBy(MessageFilter filter) {
    return filter.takes(this);
  }

  /** What was read last lies in it. */
  ByteBuffer entry() {
    return entry;
  }

  int tagFrom() {
    return tagFrom;
  }

  /** 0 if there is no tag. */
  int tagLength() {
    return tagLength;
  }

  /** The whole message without its length, not copied; of use until the next one is read. */
  public ByteBuffer message() {
    return entry.slice(from, end - from);
  }

  long messageGroupHash() {
    return MessageGroupHash.of(entry, groupFrom, groupLength);
  }

  private void skip(int wireType) {
    switch (wireType) {
      case VARINT -> varint();
      case FIXED64 -> forward(8);
      case FIXED32 -> forward(4);
      case LENGTH -> {
        int length = length();
        at += length;
      }
      default -> throw noRecord("wire type " + wireType);
    }
  }

  private void forward(int count) {
    if (count > end - at) {
      throw noRecord("a field that is cut off");
    }
    at += count;
  }

  private int length() {
    long length = varint();
    if (length < 0 || length > end - at) {
      throw noRecord("length " + length);
    }
    return (int) length;
  }

  private long varint() {
    long value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at >= end) {
        break;
      }
      byte b = entry.get(at++);
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw noRecord("a number that is cut off");
  }

  private IllegalStateException noRecord(String found) {
    return new IllegalStateException(
        "byte " + at + " of the entry: expected a record, found " + found);
  }
}
