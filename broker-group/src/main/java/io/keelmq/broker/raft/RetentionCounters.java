package io.keelmq.broker.raft;

import java.util.concurrent.atomic.LongAdder;

/** What a replica's room making came to since it was opened. Thread-safe. */
final class RetentionCounters {

  final LongAdder relocatedRows = new LongAdder();
  final LongAdder relocatedBytes = new LongAdder();

  /** Times that a queue was trimmed because of its size, and for want of disk. */
  final LongAdder trimsBySize = new LongAdder();

  final LongAdder trimsByDisk = new LongAdder();

  /** Of the log, as the last reading of all rows found it; 0 before there was one. */
  volatile long liveBytes;

  volatile long deadBytes;
}
