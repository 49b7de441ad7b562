package io.keelmq.broker.state;

import java.util.List;
import java.util.Optional;

/**
 * Passes changes on to the tables and hashes them in the order they are made. Replicas that applied
 * the same entries have the same value, whatever their stores make of the changes afterwards.
 *
 * <p>Owned by the apply thread.
 */
final class Digest implements Tables {

  private static final long PUT = 0x9e3779b97f4a7c15L;
  private static final long DELETE = 0xc2b2ae3d27d4eb4fL;

  private final Tables tables;
  private final RowHash hash;
  private long changes;

  Digest(Tables tables, long value) {
    this.tables = tables;
    this.hash = new RowHash(value);
  }

  long value() {
    return hash.value();
  }

  /** Rows put or deleted so far. */
  long changes() {
    return changes;
  }

  @Override
  public void put(Table table, byte[] key, byte[] row) {
    changes++;
    hash.mix(PUT + table.code());
    hash.mix(key);
    hash.mix(row);
    tables.put(table, key, row);
  }

  @Override
  public void delete(Table table, byte[] key) {
    changes++;
    hash.mix(DELETE + table.code());
    hash.mix(key);
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
}
