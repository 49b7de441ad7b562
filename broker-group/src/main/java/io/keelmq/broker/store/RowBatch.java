package io.keelmq.broker.store;

import io.keelmq.broker.state.Table;
import io.keelmq.broker.state.TableReads.Row;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What has been written and not yet committed, so that reads see it. Owned by the apply thread;
 * lost at a crash, as the log entries that made it are applied again.
 */
final class RowBatch {

  /** An absent value is a deletion. */
  private final Map<Table, NavigableMap<byte[], Optional<byte[]>>> tables =
      new EnumMap<>(Table.class);

  private long bytes;

  RowBatch() {
    for (Table table : Table.values()) {
      tables.put(table, new TreeMap<>(Arrays::compareUnsigned));
    }
  }

  void put(Table table, byte[] key, byte[] value) {
    bytes += key.length + value.length;
    tables.get(table).put(key, Optional.of(value));
  }

  void delete(Table table, byte[] key) {
    bytes += key.length;
    tables.get(table).put(key, Optional.empty());
  }

  NavigableMap<byte[], Optional<byte[]>> changes(Table table) {
    return tables.get(table);
  }

  /** Bytes of all keys and values ever written into the batch, overwritten ones included. */
  long bytes() {
    return bytes;
  }

  void clear() {
    tables.values().forEach(Map::clear);
    bytes = 0;
  }

  /** Lays the changes of one table over rows that were read from below it, both in key order. */
  static List<Row> merge(
      List<Row> below, NavigableMap<byte[], Optional<byte[]>> changes, int limit) {
    var merged = new ArrayList<Row>(Math.min(limit, below.size() + changes.size()));
    var rows = below.iterator();
    Row row = rows.hasNext() ? rows.next() : null;
    for (var change : changes.entrySet()) {
      while (row != null && Arrays.compareUnsigned(row.key(), change.getKey()) < 0) {
        merged.add(row);
        row = rows.hasNext() ? rows.next() : null;
      }
      if (row != null && Arrays.equals(row.key(), change.getKey())) {
        row = rows.hasNext() ? rows.next() : null;
      }
      change.getValue().ifPresent(value -> merged.add(new Row(change.getKey(), value)));
    }
    while (row != null) {
      merged.add(row);
      row = rows.hasNext() ? rows.next() : null;
    }
    return merged.size() > limit ? merged.subList(0, limit) : merged;
  }
}
