/**
 * The state machine's tables in RocksDB: one column family for each table, one atomic write for
 * each batch, and nothing durable before its log entries are.
 *
 * <p>The apply thread writes; any thread may read what was committed. Imports {@code state} and
 * RocksDB, and is the only package that does.
 */
package io.keelmq.broker.store;
