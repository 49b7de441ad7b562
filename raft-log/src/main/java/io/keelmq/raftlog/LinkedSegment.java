package io.keelmq.raftlog;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A segment as it lies in a snapshot, under its own name.
 *
 * @param lastIndex its last entry that belongs to the snapshot
 * @param file a hard link to the log's own file
 * @param bytes how much of the file belongs to the snapshot; what is behind may change
 * @param sealed what is known of a segment that belongs to the snapshot as a whole, and whose
 *     sidecar lies beside it; absent for one that the snapshot ends in
 */
public record LinkedSegment(
    long baseIndex, long lastIndex, Path file, long bytes, Optional<SegmentSummary> sealed) {}
