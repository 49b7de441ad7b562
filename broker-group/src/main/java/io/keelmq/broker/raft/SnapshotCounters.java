package io.keelmq.broker.raft;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/** What a replica's snapshots came to since it was opened. Thread-safe. */
final class SnapshotCounters {

  /** How long the last snapshot took that was taken here, from asking to publishing. */
  volatile long lastMillis;

  /** Snapshots that were brought in from another replica. */
  final LongAdder installs = new LongAdder();

  final LongAdder failedDownloads = new LongAdder();
  final LongAdder segmentsCopied = new LongAdder();

  /** Segments that a receiver had already, or had from an earlier try. */
  final LongAdder segmentsSkipped = new LongAdder();

  final LongAdder bytesCopied = new LongAdder();

  /** Segments that an operator had laid here; see {@link SeedFolder}. */
  final LongAdder seedSegments = new LongAdder();

  final LongAdder seedBytes = new LongAdder();

  /** Damaged, or of another log. */
  final LongAdder seedRefused = new LongAdder();

  /** Segments of the log that were deleted, because no message lay in them any more. */
  final LongAdder freedSegments = new LongAdder();

  /** Of segments that were deleted since the last snapshot was taken, which has links to them. */
  final AtomicLong freedBytes = new AtomicLong();
}
