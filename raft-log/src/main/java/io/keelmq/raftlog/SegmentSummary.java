package io.keelmq.raftlog;

import java.nio.file.Path;

/**
 * A sealed segment as others see it: for snapshots, scrubbing and operators.
 *
 * @param bytes the file's length
 * @param checksum CRC32C of the whole file; differs between replicas
 * @param contentChecksum CRC32C of the entries; equal on all replicas if base index, last index and
 *     entries are
 */
public record SegmentSummary(
    long baseIndex,
    long lastIndex,
    Path file,
    Path sidecar,
    long bytes,
    int checksum,
    int contentChecksum) {}
