package io.keelmq.broker.api;

import java.nio.ByteBuffer;

/**
 * What a message group is called in the log: FNV-1a of its UTF-8 bytes, 64 bits, its bits mixed by
 * the last step of MurmurHash3, and 1 instead of 0. It stands in rows and entries, so it never
 * changes. Two groups with the same hash only wait for each other. Stateless.
 */
final class MessageGroupHash {

  /** Of messages without a message group. */
  static final long NONE = 0;

  private static final long OFFSET_BASIS = 0xcbf29ce484222325L;
  private static final long PRIME = 0x100000001b3L;

  private MessageGroupHash() {}

  /** {@link #NONE} if there are no bytes. */
  static long of(ByteBuffer bytes, int from, int length) {
    if (length == 0) {
      return NONE;
    }
    long hash = OFFSET_BASIS;
    for (int i = from; i < from + length; i++) {
      hash = (hash ^ (bytes.get(i) & 0xff)) * PRIME;
    }
    hash = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccdL;
    hash = (hash ^ (hash >>> 33)) * 0xc4ceb9fe1a85ec53L;
    hash ^= hash >>> 33;
    return hash == NONE ? 1 : hash;
  }
}
