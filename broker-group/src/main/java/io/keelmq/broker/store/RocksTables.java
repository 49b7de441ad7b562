package io.keelmq.broker.store;

import io.keelmq.broker.state.Table;
import io.keelmq.broker.state.TableReads;
import io.keelmq.broker.state.Tables;
import io.keelmq.failpoint.Failpoint;
import java.nio.file.Path;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.rocksdb.Checkpoint;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/**
 * The rows of one replica.
 *
 * <p>Owned by the apply thread, but for {@link #committed}, {@link #flush} and {@link #stats}.
 * Writes gather in a batch that only this object's reads see; {@link #commit} makes the batch
 * visible to everybody at once; {@link #flush} makes what was committed durable. A crash takes back
 * everything since the last flush, of all tables alike, and the log gives it again.
 */
public final class RocksTables implements Tables, AutoCloseable {

  private final Path folder;
  private final CommittedRows committed;
  private final RowBatch batch = new RowBatch();
  private final LongAdder commits = new LongAdder();
  private final LongAdder flushes = new LongAdder();

  /** Whether the next commit says that the rows are of a raised group. */
  private boolean raised;

  /** Written by the apply thread, read by whoever decides to flush. */
  private volatile long unflushedBytes;

  RocksTables(Path folder, RocksDatabase database) {
    this.folder = folder;
    this.committed = new CommittedRows(folder, database);
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

  /**
   * Says with the rows of the next commit, and so as durably as they are, that versions from before
   * feature levels must not open this store any more. Again and again is fine.
   */
  public void refuseVersionsBeforeLevels() {
    raised = true;
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
    long unflushed = unflushedBytes + batch.bytes();
    if (unflushed > RocksOptions.FLUSH_LIMIT_BYTES) {
      throw new StoreException(
          "store %s holds %d unflushed bytes, at most %d are allowed: the log did not become durable in time"
              .formatted(folder, unflushed, RocksOptions.FLUSH_LIMIT_BYTES));
    }
    try (var writes = new WriteBatch()) {
      committed.reading(
          rocks -> {
            for (Table table : Table.values()) {
              addChanges(writes, rocks.family(table), batch.changes(table));
            }
            if (raised) {
              RocksFolder.addRaisedFormat(writes);
            }
            rocks.db().write(rocks.writeOptions(), writes);
            return null;
          });
    }
    Failpoint.ROWS_COMMITTED.hit();
    unflushedBytes = unflushed;
    raised = false;
    batch.clear();
    commits.increment();
  }

  private static void addChanges(
      WriteBatch writes, ColumnFamilyHandle family, NavigableMap<byte[], Optional<byte[]>> changes)
      throws RocksDBException {
    for (var change : changes.entrySet()) {
      if (change.getValue().isPresent()) {
        writes.put(family, change.getKey(), change.getValue().get());
      } else {
        writes.delete(family, change.getKey());
      }
    }
  }

  /** Told of damaged files as they are met, on the thread that met them; it must not block. */
  public void onDamage(Consumer<StoreException> listener) {
    committed.onDamage(listener);
  }

  /** A file of rows. It never changes, and goes when its rows are merged into another one. */
  public record TableFile(Path path, long bytes) {}

  /** The files that hold rows now. Thread-safe. */
  public List<TableFile> files() {
    return committed.reading(
        rocks ->
            rocks.db().getLiveFilesMetaData().stream()
                .map(
                    file ->
                        new TableFile(
                            folder.resolve(file.fileName().replaceFirst("^/", "")), file.size()))
                .toList());
  }

  /**
   * Reads a file and compares every block of it with its checksum. Any thread.
   *
   * @return what is damaged; empty also if the file has gone meanwhile
   */
  public Optional<StoreException> damage(TableFile file) {
    // Asked for after it was read: what went away meanwhile is no loss.
    return RocksFolder.damage(folder, file.path()).filter(damage -> files().contains(file));
  }

  /** What all threads may read. */
  public TableReads committed() {
    return committed;
  }

  /**
   * Shows all committed rows of a table, in the order of their keys, as they stand at one moment;
   * in the background, please: a checkpoint that is to be restored waits until it ends. Any thread.
   */
  public void scan(Table table, RowVisitor visitor) {
    committed.scan(table, visitor);
  }

  /** All committed rows as they are now. Any thread; cheap, and holds nobody up. */
  public PinnedRows pin() {
    return new PinnedRows(committed);
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
   * in the background. The batch has no part in it: the apply thread may go on filling it. To be
   * called only by a thread that keeps {@link #commit} out meanwhile, and only when the log durably
   * holds every entry that was committed.
   */
  public void flush() {
    flush(false);
  }

  /** Like {@link #flush}, and waits until it is done. */
  public void flushAndWait() {
    flush(true);
  }

  private void flush(boolean wait) {
    committed.reading(
        rocks -> {
          rocks.flush(wait);
          return null;
        });
    (wait ? Failpoint.ROWS_FLUSHED : Failpoint.ROWS_FLUSH_BEGUN).hit();
    unflushedBytes = 0;
    flushes.increment();
  }

  /**
   * Makes a copy of all tables as they were last committed, durable on return: hard links to the
   * files that never change, copies of the others. Makes what was committed durable here, too, so
   * the log must hold it durably. Owned by the apply thread.
   *
   * @param target not there yet, in a folder that is, on the same file system
   */
  public void checkpoint(Path target) {
    flush(true);
    committed.reading(
        rocks -> {
          try (var checkpoint = Checkpoint.create(rocks.db())) {
            Failpoint.CHECKPOINT_BEGUN.hit();
            checkpoint.createCheckpoint(target.toString());
            Failpoint.CHECKPOINT_MADE.hit();
            return null;
          }
        });
  }

  /**
   * Replaces all rows by those of a checkpoint, durably; the checkpoint stays as it is. Readers
   * wait meanwhile. A crash leaves the old rows, the new ones, or none at all, which is a store
   * that has applied nothing; so whoever calls this does it again after a crash. Owned by the apply
   * thread; no flush may run.
   *
   * @throws StoreException if it cannot be done. If the checkpoint itself is at fault, the old rows
   *     stay; otherwise the store is closed
   */
  public void restore(Path checkpoint) {
    RocksFolder.prepare(folder, checkpoint);
    raised = false;
    batch.clear();
    committed.replace(
        old -> {
          old.close();
          return RocksFolder.swapInPrepared(folder);
        });
    unflushedBytes = 0;
  }

  /** Thread-safe. */
  public StoreStats stats() {
    return committed.reading(
        rocks ->
            new StoreStats(
                rocks.sum("rocksdb.size-all-mem-tables"),
                rocks.sum("rocksdb.live-sst-files-size"),
                rocks.blockCacheBytes(),
                rocks.sum("rocksdb.estimate-pending-compaction-bytes"),
                commits.sum(),
                flushes.sum()));
  }

  /** Waits for running reads, then lets go of the files. What was not flushed is not kept. */
  @Override
  public void close() {
    committed.close();
  }
}
