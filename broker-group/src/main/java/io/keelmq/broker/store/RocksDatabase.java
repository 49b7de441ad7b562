package io.keelmq.broker.store;

import io.keelmq.broker.state.Table;
import java.util.List;
import java.util.Map;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.FlushOptions;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteOptions;

/**
 * An open database and all that hangs on it. Whoever uses it after {@link #close} takes the process
 * down, so it is lent out by {@link CommittedRows} alone.
 */
final class RocksDatabase implements AutoCloseable {

  private final RocksOptions options;
  private final RocksDB db;
  private final Map<Table, ColumnFamilyHandle> families;
  private final List<ColumnFamilyHandle> allFamilies;
  private final ReadOptions readOptions;
  private final WriteOptions writeOptions;
  private final FlushOptions background;
  private final FlushOptions waiting;

  /**
   * @param options that it was opened with; closed with it
   */
  RocksDatabase(RocksOptions options, RocksFolder.Opened opened) {
    this.options = options;
    this.db = opened.db();
    this.families = opened.families();
    this.allFamilies = opened.allFamilies();
    this.readOptions = options.read();
    this.writeOptions = options.write();
    this.background = options.flush(false);
    this.waiting = options.flush(true);
  }

  RocksDB db() {
    return db;
  }

  ColumnFamilyHandle family(Table table) {
    return families.get(table);
  }

  ReadOptions readOptions() {
    return readOptions;
  }

  WriteOptions writeOptions() {
    return writeOptions;
  }

  RocksIterator iterator(Table table) {
    return db.newIterator(families.get(table), readOptions);
  }

  void flush(boolean wait) throws RocksDBException {
    db.flush(wait ? waiting : background, allFamilies);
  }

  long sum(String property) throws RocksDBException {
    long sum = 0;
    for (ColumnFamilyHandle family : allFamilies) {
      sum += db.getLongProperty(family, property);
    }
    return sum;
  }

  long blockCacheBytes() {
    return options.cache().getUsage();
  }

  @Override
  public void close() {
    allFamilies.forEach(ColumnFamilyHandle::close);
    db.close();
    options.close();
  }
}
