package io.keelmq.broker.store;

/**
 * Sizes of a store, in bytes unless named otherwise.
 *
 * @param memtableBytes written and not yet flushed, with what a running flush still holds
 * @param fileBytes of all live files
 * @param blockCacheBytes in use of the block cache, indexes and filters included
 * @param compactionDebtBytes still to be rewritten by compactions
 * @param commits batches written since the store was opened
 * @param flushes asked for since the store was opened
 */
public record StoreStats(
    long memtableBytes,
    long fileBytes,
    long blockCacheBytes,
    long compactionDebtBytes,
    long commits,
    long flushes) {}
