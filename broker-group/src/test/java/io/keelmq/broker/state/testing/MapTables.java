package io.keelmq.broker.state.testing;

import io.keelmq.broker.state.Table;
import io.keelmq.broker.state.Tables;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ConcurrentSkipListSet;

/** Tables in memory, ordered as a store orders them. One thread writes, any may read. */
public final class MapTables implements Tables {

  private final Map<Table, ConcurrentSkipListMap<byte[], byte[]>> tables =
      new EnumMap<>(Table.class);

  private final Map<Table, ConcurrentSkipListSet<byte[]>> deleted = new EnumMap<>(Table.class);
  private int changes;
  private int deletedRowsWalked;

  public MapTables() {
    for (Table table : Table.values()) {
      tables.put(table, new ConcurrentSkipListMap<>(Arrays::compareUnsigned));
      deleted.put(table, new ConcurrentSkipListSet<>(Arrays::compareUnsigned));
    }
  }

  /** The same rows, as a snapshot has them: without what was deleted. */
  public MapTables copy() {
    var copy = new MapTables();
    tables.forEach((table, rows) -> copy.tables.get(table).putAll(rows));
    return copy;
  }

  /** Puts and deletes so far. */
  public int changes() {
    return changes;
  }

  /** Deleted rows that ranges came by so far: a store has to step over each before it compacts. */
  public int deletedRowsWalked() {
    return deletedRowsWalked;
  }

  public int rows(Table table) {
    return tables.get(table).size();
  }

  /** Every row of every table, in order, readable in a failed assertion. */
  public List<String> dump() {
    var lines = new ArrayList<String>();
    tables.forEach(
        (table, rows) ->
            rows.forEach(
                (key, value) ->
                    lines.add(table + " " + Arrays.toString(key) + " " + Arrays.toString(value))));
    return lines;
  }

  @Override
  public void put(Table table, byte[] key, byte[] value) {
    changes++;
    tables.get(table).put(key.clone(), value.clone());
    deleted.get(table).remove(key);
  }

  @Override
  public void delete(Table table, byte[] key) {
    changes++;
    tables.get(table).remove(key);
    deleted.get(table).add(key.clone());
  }

  @Override
  public Optional<byte[]> get(Table table, byte[] key) {
    return Optional.ofNullable(tables.get(table).get(key));
  }

  @Override
  public Optional<Row> floor(Table table, byte[] key) {
    return Optional.ofNullable(tables.get(table).floorEntry(key))
        .map(entry -> new Row(entry.getKey(), entry.getValue()));
  }

  @Override
  public List<Row> range(Table table, byte[] fromKey, byte[] toKey, int limit) {
    List<Row> rows =
        tables.get(table).subMap(fromKey, toKey).entrySet().stream()
            .limit(limit)
            .map(entry -> new Row(entry.getKey(), entry.getValue()))
            .toList();
    byte[] end = rows.size() == limit ? rows.get(limit - 1).key() : toKey;
    deletedRowsWalked += deleted.get(table).subSet(fromKey, end).size();
    return rows;
  }
}
