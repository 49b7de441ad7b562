package io.keelmq.broker.store;

import io.keelmq.broker.state.Table;
import io.keelmq.broker.state.TableReads;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Predicate;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * The rows of all committed batches. Thread-safe; each answer is from one moment, and a batch is
 * seen whole or not at all by one answer.
 */
final class CommittedRows implements TableReads {

  private final Path folder;
  private final RocksDB db;
  private final Map<Table, ColumnFamilyHandle> families;
  private final ReadOptions readOptions;

  /** Held shared by every read: a read of a closed database would take the process down. */
  private final ReadWriteLock open = new ReentrantReadWriteLock();

  /** Guarded by {@link #open}. */
  private boolean closed;

  CommittedRows(
      Path folder, RocksDB db, Map<Table, ColumnFamilyHandle> families, ReadOptions readOptions) {
    this.folder = folder;
    this.db = db;
    this.families = families;
    this.readOptions = readOptions;
  }

  @Override
  public Optional<byte[]> get(Table table, byte[] key) {
    return reading(() -> Optional.ofNullable(db.get(families.get(table), readOptions, key)));
  }

  @Override
  public Optional<Row> floor(Table table, byte[] key) {
    return floor(table, key, below -> true);
  }

  /** The greatest row not above {@code key} whose key is wanted. */
  Optional<Row> floor(Table table, byte[] key, Predicate<byte[]> wanted) {
    return reading(
        () -> {
          try (RocksIterator rows = db.newIterator(families.get(table), readOptions)) {
            for (rows.seekForPrev(key); rows.isValid(); rows.prev()) {
              byte[] found = rows.key();
              if (wanted.test(found)) {
                return Optional.of(new Row(found, rows.value()));
              }
            }
            rows.status();
            return Optional.empty();
          }
        });
  }

  @Override
  public List<Row> range(Table table, byte[] fromKey, byte[] toKey, int limit) {
    checkLimit(limit);
    return reading(
        () -> {
          var found = new ArrayList<Row>();
          try (RocksIterator rows = db.newIterator(families.get(table), readOptions)) {
            for (rows.seek(fromKey); rows.isValid() && found.size() < limit; rows.next()) {
              byte[] key = rows.key();
              if (Arrays.compareUnsigned(key, toKey) >= 0) {
                break;
              }
              found.add(new Row(key, rows.value()));
            }
            rows.status();
            return found;
          }
        });
  }

  static void checkLimit(int limit) {
    if (limit < 1) {
      throw new IllegalArgumentException("limit " + limit + ": expected 1 or more");
    }
  }

  /** Something that touches the database. */
  interface Access<T> {
    T run() throws RocksDBException;
  }

  /** Runs an access while the database is held open. */
  <T> T reading(Access<T> access) {
    open.readLock().lock();
    try {
      if (closed) {
        throw new StoreException("store " + folder + " is closed");
      }
      return access.run();
    } catch (RocksDBException e) {
      throw new StoreException(folder, "reading or writing", e);
    } finally {
      open.readLock().unlock();
    }
  }

  /** Waits for running accesses; later ones fail. False if that had been done before. */
  boolean closeForReads() {
    open.writeLock().lock();
    try {
      boolean first = !closed;
      closed = true;
      return first;
    } finally {
      open.writeLock().unlock();
    }
  }
}
