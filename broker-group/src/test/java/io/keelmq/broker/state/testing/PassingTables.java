package io.keelmq.broker.state.testing;

import io.keelmq.broker.state.Table;
import io.keelmq.broker.state.Tables;
import java.util.List;
import java.util.Optional;

/** Tables before others, which pass on what they do not spoil. */
public interface PassingTables extends Tables {

  /** Those behind. */
  Tables tables();

  @Override
  default void put(Table table, byte[] key, byte[] value) {
    tables().put(table, key, value);
  }

  @Override
  default void delete(Table table, byte[] key) {
    tables().delete(table, key);
  }

  @Override
  default Optional<byte[]> get(Table table, byte[] key) {
    return tables().get(table, key);
  }

  @Override
  default Optional<Row> floor(Table table, byte[] key) {
    return tables().floor(table, key);
  }

  @Override
  default List<Row> range(Table table, byte[] fromKey, byte[] toKey, int limit) {
    return tables().range(table, fromKey, toKey, limit);
  }
}
