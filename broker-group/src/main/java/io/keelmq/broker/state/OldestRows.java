package io.keelmq.broker.state;

import java.util.Arrays;
import java.util.List;

/**
 * The lowest rows of a part of a table from which the lowest go first. Remembers below which key
 * nothing stands: a store walks over what was deleted at the front, row by row, until a compaction
 * has dropped it.
 *
 * <p>Owned by the apply thread. Only spares work: it is made anew after a restart and finds the
 * same rows.
 */
final class OldestRows {

  private final TableReads tables;
  private final Table table;
  private final byte[] end;

  /** No row of the part stands below. */
  private byte[] from;

  /**
   * @param from the part's least key, inclusive
   * @param end exclusive
   */
  OldestRows(TableReads tables, Table table, byte[] from, byte[] end) {
    this.tables = tables;
    this.table = table;
    this.from = from;
    this.end = end;
  }

  OldestRows(TableReads tables, Table table, byte[] prefix) {
    this(tables, table, prefix, Keys.after(prefix));
  }

  List<TableReads.Row> first(int limit) {
    return below(end, limit);
  }

  /**
   * @param toKey exclusive
   */
  List<TableReads.Row> below(byte[] toKey, int limit) {
    if (Arrays.compareUnsigned(from, toKey) >= 0) {
      return List.of();
    }
    var rows = tables.range(table, from, toKey, limit);
    from = rows.isEmpty() ? toKey : rows.get(0).key();
    return rows;
  }

  /** To be told each key that is put into the part. */
  void added(byte[] key) {
    if (Arrays.compareUnsigned(key, from) < 0) {
      from = key;
    }
  }
}
