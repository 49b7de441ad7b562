package io.keelmq.raftlog;

import java.nio.file.Path;

/**
 * A sealed segment as others see it: for snapshots, scrubbing and operators.
 *
 * @param bytes the file's length
 * @param checksum CRC32C of the whole file
 */
public record SegmentSummary(
    long baseIndex, long lastIndex, Path file, Path sidecar, long bytes, int checksum) {}
