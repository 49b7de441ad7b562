/**
 * The commit log of one group on one replica: segments on disk, and the log storage that JRaft
 * writes through.
 *
 * <p>JRaft's log thread owns every change; any thread may read, through {@link
 * io.keelmq.raftlog.LogReader}. The bytes, and what a crash leaves of them, are described in {@code
 * FORMAT.md}. Only {@link io.keelmq.raftlog.SegmentedLogStorage} imports JRaft; the rest knows
 * records, files and nothing of consensus.
 */
package io.keelmq.raftlog;
