package io.keelmq.broker.raft;

import java.util.function.LongSupplier;

/**
 * Gauges and counters of a replica's snapshots; each may be read at any time by any thread.
 *
 * @param index the last log entry that the published snapshot covers; 0: there is none
 * @param bytes of the published snapshot, most of them shared with log and store
 * @param lastMillis that the last snapshot took that was taken here
 * @param grownBytes by which the log has grown since
 * @param installing 1 while a snapshot is brought in from the leader
 * @param serving 1 while a snapshot is sent to another replica
 * @param installs brought in since the replica was opened
 * @param failedDownloads that brought none in
 * @param segmentsSkipped not copied, because they were here
 * @param segmentsCopied from other replicas
 * @param bytesCopied from other replicas
 * @param seedSegments not copied, because an operator had laid them here
 * @param seedBytes of these
 * @param seedRefused segments laid here that are damaged or of another log
 * @param freedSegments of the log, deleted because no message lay in them any more
 * @param firstIndex the oldest log entry that is still on disk
 */
public record SnapshotStats(
    LongSupplier index,
    LongSupplier bytes,
    LongSupplier lastMillis,
    LongSupplier grownBytes,
    LongSupplier installing,
    LongSupplier serving,
    LongSupplier installs,
    LongSupplier failedDownloads,
    LongSupplier segmentsSkipped,
    LongSupplier segmentsCopied,
    LongSupplier bytesCopied,
    LongSupplier seedSegments,
    LongSupplier seedBytes,
    LongSupplier seedRefused,
    LongSupplier freedSegments,
    LongSupplier firstIndex) {}
