package io.keelmq.broker.state;

import java.util.List;
import java.util.Optional;

/**
 * Passes changes on to the tables and hashes them in the order they are made. Replicas that applied
 * the same entries have the same value, whatever their stores make of the changes afterwards.
 *
 * <p>Owned by the apply thread. Not against an enemy: it finds defects and flipped bits.
 */
final class Digest implements Tables {

  private static final long PUT = 0x9e3779b97f4a7c15L;
  private static final long DELETE = 0xc2b2ae3d27d4eb4fL;
  private static final long MULTIPLIER = 0xff51afd7ed558ccdL;

  private final Tables tables;
  private long value;
  private long changes;

  Digest(Tables tables, long value) {
    this.tables = tables;
    this.value = value;
  }

  long value() {
    return value;
  }

  /** Rows put or deleted so far. */
  long changes() {
    return changes;
  }

  @Override
  public void put(Table table, byte[] key, byte[] row) {
    changes++;
    mix(PUT + table.code());
    mix(key);
    mix(row);
    tables.put(table, key, row);
  }

  @Override
  public void delete(Table table, byte[] key) {
    changes++;
    mix(DELETE + table.code());
    mix(key);
    tables.delete(table, key);
  }

  @Override
  public Optional<byte[]> get(Table table, byte[] key) {
    return tables.get(table, key);
  }

  @Override
  public Optional<Row> floor(Table table, byte[] key) {
    return tables.floor(table, key);
  }

  @Override
  public List<Row> range(Table table, byte[] fromKey, byte[] toKey, int limit) {
    return tables.range(table, fromKey, toKey, limit);
  }

  private void mix(byte[] bytes) {
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

  private void mix(long word) {
    long mixed = (value ^ word) * MULTIPLIER;
    value = Long.rotateLeft(mixed ^ (mixed >>> 32), 27) * 5 + PUT;
  }
}
