package io.keelmq.broker.store;

import io.keelmq.broker.state.Table;
import java.util.Optional;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksIterator;

/**
 * All rows as they stood at one moment, to be read piece by piece while others write. What is read
 * stays out of the cache. For one thread at a time; whoever has it closes it.
 */
public final class PinnedRows implements AutoCloseable {

  private final CommittedRows rows;

  /** Closed with its database, if that is sooner. */
  private final RocksDatabase.Pin pin;

  PinnedRows(CommittedRows rows) {
    this.rows = rows;
    this.pin = rows.reading(RocksDatabase::pin);
  }

  /**
   * Shows rows of a table in the order of their keys.
   *
   * @param from the first key to be shown, if there is a row of it; empty: from the beginning
   * @return where to go on, if the visitor has had enough; empty at the end of the table
   * @throws StoreException if the rows were replaced, or the store was closed, since they were
   *     pinned
   */
  public Optional<byte[]> read(Table table, byte[] from, RowVisitor visitor) {
    return rows.reading(
        rocks -> {
          ReadOptions options = rocks.readOptions(pin);
          try (RocksIterator found = rocks.db().newIterator(rocks.family(table), options)) {
            for (found.seek(from); found.isValid(); found.next()) {
              byte[] key = found.key();
              if (!visitor.visit(key, found.value())) {
                return Optional.of(key);
              }
            }
            found.status();
            return Optional.empty();
          }
        });
  }

  @Override
  public void close() {
    rows.ifOpen(rocks -> rocks.unpin(pin));
  }
}
