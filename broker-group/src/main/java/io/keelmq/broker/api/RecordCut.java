package io.keelmq.broker.api;

import java.nio.ByteBuffer;

/**
 * A part of a run's records, cut at message borders. Immutable.
 *
 * @param from of the first record, in bytes of the entry
 * @param to behind the last record
 * @param count messages in between
 */
record RecordCut(int from, int to, int count) {

  /**
   * Cuts stored records without looking into the messages.
   *
   * @param entry holds the records at {@code from} to {@code to}
   * @param skip messages to leave out at the beginning
   * @param maxCount messages to take at most, from 1
   * @param maxBytes to take at most, but for one message, which is taken whatever its size
   * @throws IllegalStateException if the bytes are not as many messages
   */
  static RecordCut of(ByteBuffer entry, int from, int to, long skip, long maxCount, int maxBytes) {
    int start = skip(entry, from, to, skip);
    int end = start;
    int count = 0;
    while (end < to && count < maxCount) {
      int behind = behindRecord(entry, end, to);
      if (count > 0 && behind - start > maxBytes) {
        break;
      }
      end = behind;
      count++;
    }
    if (count == 0) {
      throw new IllegalStateException(
          "expected a record at byte " + start + " of the entry, found the end of the run");
    }
    return new RecordCut(start, end, count);
  }

  /** Behind so many records. */
  static int skip(ByteBuffer entry, int from, int to, long records) {
    int at = from;
    for (long i = 0; i < records; i++) {
      at = behindRecord(entry, at, to);
    }
    return at;
  }

  private static int behindRecord(ByteBuffer entry, int at, int to) {
    long length = 0;
    int i = at;
    for (int shift = 0; shift < 35; shift += 7) {
      if (i >= to) {
        break;
      }
      byte b = entry.get(i++);
      length |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        if (length > to - i) {
          break;
        }
        return i + (int) length;
      }
    }
    throw new IllegalStateException(
        "expected a record at byte " + at + " of the entry that ends before " + to);
  }
}
