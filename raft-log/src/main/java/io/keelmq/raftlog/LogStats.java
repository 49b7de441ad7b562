package io.keelmq.raftlog;

import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.stream.LongStream;

/** Counters of one log since it was opened. The log thread counts, any thread reads. */
public final class LogStats {

  /**
   * Bucket i counts forces that took less than 2^i * 64 microseconds; the last one has the rest.
   */
  public static final int FORCE_BUCKETS = 20;

  private static final long FIRST_BUCKET_NANOS = 64_000;

  private final LongSupplier nanos;
  private final LongAdder forces = new LongAdder();
  private final LongAdder forceNanos = new LongAdder();
  private final LongAdder records = new LongAdder();
  private final LongAdder bytes = new LongAdder();
  private final LongAdder rolls = new LongAdder();
  private final AtomicLongArray buckets = new AtomicLongArray(FORCE_BUCKETS);
  private volatile int rebuiltSidecars;
  private volatile boolean forcing;
  private volatile long forceBegan;

  LogStats(LongSupplier nanos) {
    this.nanos = nanos;
  }

  public long forces() {
    return forces.sum();
  }

  public long forceNanos() {
    return forceNanos.sum();
  }

  public List<Long> forceHistogram() {
    return LongStream.range(0, FORCE_BUCKETS).map(i -> buckets.get((int) i)).boxed().toList();
  }

  /** How long the force that is running has been running; 0 if none is. */
  public long runningForceNanos() {
    return forcing ? Math.max(0, nanos.getAsLong() - forceBegan) : 0;
  }

  public long appendedRecords() {
    return records.sum();
  }

  /** With the records' headers. */
  public long appendedBytes() {
    return bytes.sum();
  }

  /** Segments sealed because they were full. */
  public long rolls() {
    return rolls.sum();
  }

  /** Sidecars that were damaged when the log was opened, and were written anew. */
  public long rebuiltSidecars() {
    return rebuiltSidecars;
  }

  void rebuiltSidecars(int count) {
    rebuiltSidecars = count;
  }

  void appended(long recordCount, long byteCount) {
    records.add(recordCount);
    bytes.add(byteCount);
  }

  void rolled() {
    rolls.increment();
  }

  void forceBegins() {
    forceBegan = nanos.getAsLong();
    forcing = true;
  }

  void forceEnded() {
    long took = nanos.getAsLong() - forceBegan;
    forcing = false;
    forces.increment();
    forceNanos.add(took);
    int bucket = 64 - Long.numberOfLeadingZeros(Math.max(0, took) / FIRST_BUCKET_NANOS);
    buckets.incrementAndGet(Math.min(bucket, FORCE_BUCKETS - 1));
  }
}
