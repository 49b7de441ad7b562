package io.keelmq.broker.store;

import io.keelmq.broker.state.Table;
import io.keelmq.broker.state.TableReads;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * The rows of all committed batches. Thread-safe; each answer is from one moment, and a batch is
 * seen whole or not at all by one answer.
 */
final class CommittedRows implements TableReads {

  private final Path folder;

  /**
   * Held shared by every read: a read of a closed database would take the process down. Held alone
   * while the database is replaced, so that it waits for the last reader, and the next one for it.
   */
  private final ReadWriteLock open = new ReentrantReadWriteLock();

  private volatile Consumer<StoreException> onDamage = damage -> {};

  /** Null when closed. Guarded by {@link #open}. */
  private RocksDatabase database;

  CommittedRows(Path folder, RocksDatabase database) {
    this.folder = folder;
    this.database = database;
  }

  @Override
  public Optional<byte[]> get(Table table, byte[] key) {
    return reading(
        rocks ->
            Optional.ofNullable(rocks.db().get(rocks.family(table), rocks.readOptions(), key)));
  }

  @Override
  public Optional<Row> floor(Table table, byte[] key) {
    return floor(table, key, below -> true);
  }

  /** The greatest row not above {@code key} whose key is wanted. */
  Optional<Row> floor(Table table, byte[] key, Predicate<byte[]> wanted) {
    return reading(
        rocks -> {
          try (RocksIterator rows = rocks.iterator(table)) {
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
        rocks -> {
          var found = new ArrayList<Row>();
          try (RocksIterator rows = rocks.iterator(table)) {
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

  /** All rows of a table, as they stand at one moment. */
  void scan(Table table, RowVisitor visitor) {
    reading(
        rocks -> {
          try (RocksIterator rows = rocks.iterator(table)) {
            rows.seekToFirst();
            while (rows.isValid() && visitor.visit(rows.key(), rows.value())) {
              rows.next();
            }
            rows.status();
            return null;
          }
        });
  }

  static void checkLimit(int limit) {
    if (limit < 1) {
      throw new IllegalArgumentException("limit " + limit + ": expected 1 or more");
    }
  }

  void onDamage(Consumer<StoreException> listener) {
    onDamage = listener;
  }

  /** Something that touches the database. */
  interface Access<T> {
    T to(RocksDatabase rocks) throws RocksDBException;
  }

  /** Runs an access while the database is held open. */
  <T> T reading(Access<T> access) {
    open.readLock().lock();
    try {
      if (database == null) {
        throw new StoreException("store " + folder + " is closed");
      }
      return access.to(database);
    } catch (RocksDBException e) {
      var failure = new StoreException(folder, "reading or writing", e);
      if (failure.isDamage()) {
        onDamage.accept(failure);
      }
      throw failure;
    } finally {
      open.readLock().unlock();
    }
  }

  /** Does something to the database, unless it is closed. */
  void ifOpen(Consumer<RocksDatabase> action) {
    open.readLock().lock();
    try {
      if (database != null) {
        action.accept(database);
      }
    } finally {
      open.readLock().unlock();
    }
  }

  /** Makes one database of another, and closes the old one in between. */
  interface Replacement {
    RocksDatabase of(RocksDatabase old);
  }

  /**
   * Waits for running accesses; later ones wait for the new database. If the replacement fails they
   * fail too, as after {@link #close}.
   */
  void replace(Replacement replacement) {
    open.writeLock().lock();
    try {
      RocksDatabase old = database;
      if (old == null) {
        throw new StoreException("store " + folder + " is closed");
      }
      database = null;
      database = replacement.of(old);
    } finally {
      open.writeLock().unlock();
    }
  }

  /** Waits for running accesses; later ones fail. Idempotent. */
  void close() {
    open.writeLock().lock();
    try {
      if (database != null) {
        database.close();
        database = null;
      }
    } finally {
      open.writeLock().unlock();
    }
  }
}
