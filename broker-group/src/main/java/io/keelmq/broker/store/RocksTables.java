package io.keelmq.broker.store;

import io.keelmq.broker.state.Table;
import io.keelmq.broker.state.TableReads;
import io.keelmq.broker.state.Tables;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.FlushOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * The rows of one replica.
 *
 * <p>Owned by the apply thread, but for {@link #committed} and {@link #stats}. Writes gather in a
 * batch that only this object's reads see; {@link #commit} makes the batch visible to everybody at
 * once; {@link #flush} makes what was committed durable. A crash takes back everything since the
 * last flush, of all tables alike, and the log gives it again.
 */
public final class RocksTables implements Tables, AutoCloseable {

  private final Path folder;
  private final RocksOptions options;
  private final RocksDB db;
  private final Map<Table, ColumnFamilyHandle> families;
  private final List<ColumnFamilyHandle> allFamilies;
  private final WriteOptions writeOptions;
  private final FlushOptions background;
  private final FlushOptions waiting;
  private final CommittedRows committed;
  private final RowBatch batch = new RowBatch();
  private final LongAdder commits = new LongAdder();
  private final LongAdder flushes = new LongAdder();

  /** Written by the apply thread, read by whoever decides to flush. */
  private volatile long unflushedBytes;

  RocksTables(Path folder, RocksOptions options, RocksFolder.Opened opened) {
    this.folder = folder;
    this.options = options;
    this.db = opened.db();
    this.families = opened.families();
    this.allFamilies = opened.allFamilies();
    this.writeOptions = options.write();
    this.background = options.flush(false);
    this.waiting = options.flush(true);
    this.committed = new CommittedRows(folder, db, families, options.read());
  }

  /**
   * Opens the store in {@code folder}, or makes one if the folder is not there.
   *
   * @throws StoreException if it is damaged, was written by a newer version or is in use
   */
  public static RocksTables open(Path folder) {
    return RocksFolder.open(folder);
  }

  /**
   * Deletes a store that is not open. What is left after a crash in the middle of it is never taken
   * for a store.
   */
  public static void discard(Path folder) {
    RocksFolder.discard(folder);
  }

  @Override
  public Optional<byte[]> get(Table table, byte[] key) {
    Optional<byte[]> change = batch.changes(table).get(key);
    // No entry: not touched by the batch. An empty one: deleted by it.
    return change != null ? change : committed.get(table, key);
  }

  @Override
  public Optional<Row> floor(Table table, byte[] key) {
    var changes = batch.changes(table);
    Optional<Row> below = committed.floor(table, key, found -> !changes.containsKey(found));
    for (var change : changes.headMap(key, true).descendingMap().entrySet()) {
      if (change.getValue().isPresent()) {
        var row = new Row(change.getKey(), change.getValue().get());
        return below.isPresent() && Keys.above(below.get(), row) ? below : Optional.of(row);
      }
    }
    return below;
  }

  @Override
  public List<Row> range(Table table, byte[] fromKey, byte[] toKey, int limit) {
    CommittedRows.checkLimit(limit);
    if (Keys.compare(fromKey, toKey) >= 0) {
      return List.of();
    }
    var changes = batch.changes(table).subMap(fromKey, true, toKey, false);
    // Each deletion hides at most one row, so this many from below are enough.
    long hidden = changes.values().stream().filter(Optional::isEmpty).count();
    var below =
        committed.range(table, fromKey, toKey, (int) Math.min(Integer.MAX_VALUE, limit + hidden));
    return changes.isEmpty() ? below : RowBatch.merge(below, changes, limit);
  }

  @Override
  public void put(Table table, byte[] key, byte[] value) {
    batch.put(table, key, value);
  }

  @Override
  public void delete(Table table, byte[] key) {
    batch.delete(table, key);
  }

  /** Row bytes gathered since the last commit. */
  public long batchBytes() {
    return batch.bytes();
  }

  /**
   * Makes the batch visible, as a whole. Nothing becomes durable.
   *
   * @throws StoreException if RocksDB refuses; the replica has to stop
   */
  public void commit() {
    if (unflushedBytes + batch.bytes() > RocksOptions.FLUSH_LIMIT_BYTES) {
      throw new StoreException(
          "store %s holds %d unflushed bytes, at most %d are allowed: the log did not become durable in time"
              .formatted(folder, unflushedBytes + batch.bytes(), RocksOptions.FLUSH_LIMIT_BYTES));
    }
    try (var writes = new WriteBatch()) {
      committed.reading(
          () -> {
            for (Table table : Table.values()) {
              addChanges(writes, table);
            }
            db.write(writeOptions, writes);
            return null;
          });
    }
    unflushedBytes += batch.bytes();
    batch.clear();
    commits.increment();
  }

  private void addChanges(WriteBatch writes, Table table) throws RocksDBException {
    ColumnFamilyHandle family = families.get(table);
    for (var change : batch.changes(table).entrySet()) {
      if (change.getValue().isPresent()) {
        writes.put(family, change.getKey(), change.getValue().get());
      } else {
        writes.delete(family, change.getKey());
      }
    }
  }

  /** What all threads may read. */
  public TableReads committed() {
    return committed;
  }

  /** True when enough was committed that it is time to flush. May be asked by any thread. */
  public boolean flushDue() {
    return unflushedBytes >= RocksOptions.FLUSH_BYTES;
  }

  /** True when the next commits may be refused unless a flush comes first. */
  public boolean flushOverdue() {
    return unflushedBytes >= RocksOptions.FLUSH_LIMIT_BYTES / 2;
  }

  /** True if something was committed since the last flush. May be asked by any thread. */
  public boolean dirty() {
    return unflushedBytes > 0;
  }

  /**
   * Begins to make durable exactly what has been committed so far, and returns; RocksDB writes it
   * in the background. To be called only by a thread that keeps {@link #commit} out meanwhile, and
   * only when the log durably holds every entry committed so far. A batch may be open, on another
   * thread too: nothing of it is touched.
   */
  public void flush() {
    flush(background);
  }

  /** Like {@link #flush}, and waits until it is done. */
  public void flushAndWait() {
    flush(waiting);
  }

  private void flush(FlushOptions how) {
    // The apply thread may be filling its batch: RocksDB has nothing of it before the commit.
    committed.reading(
        () -> {
          db.flush(how, allFamilies);
          return null;
        });
    unflushedBytes = 0;
    flushes.increment();
  }

  /** Thread-safe. */
  public StoreStats stats() {
    return committed.reading(
        () ->
            new StoreStats(
                sum("rocksdb.size-all-mem-tables"),
                sum("rocksdb.live-sst-files-size"),
                options.cache().getUsage(),
                sum("rocksdb.estimate-pending-compaction-bytes"),
                commits.sum(),
                flushes.sum()));
  }

  private long sum(String property) throws RocksDBException {
    long sum = 0;
    for (ColumnFamilyHandle family : allFamilies) {
      sum += db.getLongProperty(family, property);
    }
    return sum;
  }

  /** Waits for running reads, then lets go of the files. What was not flushed is not kept. */
  @Override
  public void close() {
    if (!committed.closeForReads()) {
      return;
    }
    allFamilies.forEach(ColumnFamilyHandle::close);
    db.close();
    options.close();
  }
}
