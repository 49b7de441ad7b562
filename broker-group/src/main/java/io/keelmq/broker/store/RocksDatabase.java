package io.keelmq.broker.store;

import io.keelmq.broker.state.Table;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.FlushOptions;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Snapshot;
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

  /** Guarded by itself. */
  private final Map<Pin, Pinned> pins = new HashMap<>();

  /** Names the rows of one moment. */
  static final class Pin {}

  private record Pinned(Snapshot snapshot, ReadOptions options) {}

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

  /** Keeps the rows of this moment readable. */
  Pin pin() {
    var pin = new Pin();
    Snapshot snapshot = db.getSnapshot();
    var pinned = new Pinned(snapshot, options.readOnce().setSnapshot(snapshot));
    synchronized (pins) {
      pins.put(pin, pinned);
    }
    return pin;
  }

  /**
   * @throws StoreException if the pin is of another database, or was given back
   */
  ReadOptions readOptions(Pin pin) {
    synchronized (pins) {
      Pinned pinned = pins.get(pin);
      if (pinned == null) {
        throw new StoreException("the rows were replaced while they were read");
      }
      return pinned.options();
    }
  }

  /** Lets the rows go, which nobody may be reading. Does nothing for a pin of another database. */
  void unpin(Pin pin) {
    synchronized (pins) {
      Pinned pinned = pins.remove(pin);
      if (pinned != null) {
        release(pinned);
      }
    }
  }

  private void release(Pinned pinned) {
    pinned.options().close();
    db.releaseSnapshot(pinned.snapshot());
    pinned.snapshot().close();
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
    synchronized (pins) {
      pins.values().forEach(this::release);
      pins.clear();
    }
    allFamilies.forEach(ColumnFamilyHandle::close);
    db.close();
    options.close();
  }
}
