package io.keelmq.broker.state;

/**
 * A hash over rows, one after the other; the order counts. Not against an enemy: it finds defects
 * and flipped bits. For one thread.
 */
public final class RowHash {

  private static final long ADDEND = 0x9e3779b97f4a7c15L;
  private static final long MULTIPLIER = 0xff51afd7ed558ccdL;

  private long value;

  public RowHash() {
    this(0);
  }

  RowHash(long value) {
    this.value = value;
  }

  public long value() {
    return value;
  }

  /** Takes in a row as it is stored, if all replicas have it that have applied the same entries. */
  public void add(Table table, byte[] key, byte[] row) {
    if (Keys.isDigest(table, key)) {
      // How many of them are kept is no part of what the entries say.
      return;
    }
    mix(table.code());
    mix(key);
    mix(row);
  }

  void mix(byte[] bytes) {
    mix(bytes.length);
    long word = 0;
    for (int i = 0; i < bytes.length; i++) {
      word = (word << 8) | (bytes[i] & 0xff);
      if ((i & 7) == 7) {
        mix(word);
        word = 0;
      }
    }
    mix(word);
  }

  void mix(long word) {
    long mixed = (value ^ word) * MULTIPLIER;
    value = Long.rotateLeft(mixed ^ (mixed >>> 32), 27) * 5 + ADDEND;
  }
}
