package io.keelmq.broker.raft;

import java.util.function.LongSupplier;

/**
 * What a replica that leads does to make room; each may be read at any time by any thread.
 *
 * @param relocatedRows whose bodies were copied to the head of the log
 * @param relocatedBytes that were copied
 * @param trimsBySize queues that were larger than their topic's retention, counted each time
 * @param trimsByDisk queues that lost messages because a disk was nearly full, counted each time
 * @param liveBytes of the log, when all rows were read last by this replica as a leader
 * @param deadBytes then, of what can be freed
 */
public record RetentionStats(
    LongSupplier relocatedRows,
    LongSupplier relocatedBytes,
    LongSupplier trimsBySize,
    LongSupplier trimsByDisk,
    LongSupplier liveBytes,
    LongSupplier deadBytes) {}
