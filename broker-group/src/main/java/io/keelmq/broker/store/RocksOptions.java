package io.keelmq.broker.store;

import io.keelmq.broker.state.Table;
import java.util.ArrayList;
import java.util.List;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.FlushOptions;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksObject;
import org.rocksdb.WriteOptions;

/**
 * How RocksDB is set up, and what memory it may take.
 *
 * <p>Memory: the block cache ({@link #BLOCK_CACHE_BYTES}, indexes and filters included), at most
 * two memtable generations of {@link #FLUSH_BYTES} (one filling, one being flushed; each takes up
 * to three times its payload in the skip list), and the buffers of one flush and one compaction.
 *
 * <p>RocksDB must never decide by itself to write a memtable to disk: rows would become durable
 * that the log may not yet hold durably (a leader applies what two followers have before its own
 * disk has it), and a crash would leave a store ahead of its log. So the write buffer is far larger
 * than what {@link RocksTables} lets accumulate, nothing is flushed at shutdown, and there is no
 * write ahead log: the raft log is it.
 */
final class RocksOptions implements AutoCloseable {

  static final long BLOCK_CACHE_BYTES = 32L << 20;

  /** Row bytes after which the owner is asked to flush. */
  static final long FLUSH_BYTES = 16L << 20;

  /** Row bytes beyond which a commit is refused, because RocksDB might flush by itself. */
  static final long FLUSH_LIMIT_BYTES = 64L << 20;

  /** Never reached: four times what is let accumulate, which covers the skip list's overhead. */
  private static final long WRITE_BUFFER_BYTES = 4 * FLUSH_LIMIT_BYTES;

  private static final int BLOOM_BITS_PER_KEY = 10;
  private static final int OPEN_FILES = 256;

  private final List<RocksObject> owned = new ArrayList<>();
  private final Cache cache = own(new LRUCache(BLOCK_CACHE_BYTES));
  private final BloomFilter bloom = own(new BloomFilter(BLOOM_BITS_PER_KEY));

  private <T extends RocksObject> T own(T object) {
    owned.add(object);
    return object;
  }

  Cache cache() {
    return cache;
  }

  DBOptions database() {
    return own(new DBOptions())
        // The four tables become durable together or not at all: they name each other's rows.
        .setAtomicFlush(true)
        .setAvoidFlushDuringShutdown(true)
        .setParanoidChecks(true)
        .setMaxBackgroundJobs(2)
        .setMaxOpenFiles(OPEN_FILES)
        // Reports and old messages of RocksDB are of no use to operators; errors reach us as such.
        .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
        .setKeepLogFileNum(2)
        .setMaxLogFileSize(4L << 20)
        .setStatsDumpPeriodSec(0)
        .setStatsPersistPeriodSec(0)
        .setMaxManifestFileSize(16L << 20)
        // Spreads the write-back of large files, so that it does not delay the log's forces.
        .setBytesPerSync(1L << 20);
  }

  ColumnFamilyOptions table(Table table) {
    var blocks =
        new BlockBasedTableConfig()
            .setBlockCache(cache)
            .setBlockSize(8L << 10)
            .setCacheIndexAndFilterBlocks(true)
            .setCacheIndexAndFilterBlocksWithHighPriority(true)
            .setPinL0FilterAndIndexBlocksInCache(true);
    if (table != Table.RUNS) {
      // Most ids that are looked up in DEDUP are not there. RUNS is read by floor and range only,
      // and a filter on whole keys answers neither.
      blocks.setFilterPolicy(bloom).setWholeKeyFiltering(true);
    }
    return family()
        .setCompressionType(CompressionType.LZ4_COMPRESSION)
        .setTableFormatConfig(blocks);
  }

  /** RocksDB insists on a family named "default"; the store's own format row lives there. */
  ColumnFamilyOptions family() {
    return own(new ColumnFamilyOptions())
        .setWriteBufferSize(WRITE_BUFFER_BYTES)
        .setArenaBlockSize(256L << 10)
        // One filling, up to three waiting to be flushed before writes are held up.
        .setMaxWriteBufferNumber(4)
        .setTargetFileSizeBase(16L << 20)
        .setMaxBytesForLevelBase(64L << 20)
        .setForceConsistencyChecks(true);
  }

  WriteOptions write() {
    return own(new WriteOptions()).setDisableWAL(true);
  }

  ReadOptions read() {
    return own(new ReadOptions()).setVerifyChecksums(true);
  }

  /** For rows that nobody will soon want again. The caller closes it. */
  ReadOptions readOnce() {
    return new ReadOptions().setVerifyChecksums(true).setFillCache(false);
  }

  FlushOptions flush(boolean wait) {
    return own(new FlushOptions()).setWaitForFlush(wait).setAllowWriteStall(false);
  }

  @Override
  public void close() {
    for (int i = owned.size() - 1; i >= 0; i--) {
      owned.get(i).close();
    }
    owned.clear();
  }
}
