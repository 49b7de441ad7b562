package io.keelmq.raftlog;

import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.LoggerFactory;

/**
 * How to open a log.
 *
 * @param folder holds this log and nothing else; made if missing
 * @param segmentBytes when to begin a new segment, 4 KiB to 1 GiB
 * @param sync what "appended" means
 * @param durableAppliedFloor the last index that the state machine has applied durably and that
 *     this log must therefore hold; 0 if unknown. A log that ends before it, or is damaged before
 *     it, is refused
 * @param corruptionListener told, on the reading thread, when an entry does not verify; must not
 *     block, and should stop the replica
 * @param nanos a monotonic clock, for {@link LogStats}
 * @param marks random numbers, for {@link SegmentHeader#mark}
 */
public record SegmentedLogOptions(
    Path folder,
    long segmentBytes,
    Sync sync,
    long durableAppliedFloor,
    Consumer<CorruptLogException> corruptionListener,
    LongSupplier nanos,
    LongSupplier marks) {

  /** What has happened to a batch when its append returns. */
  public enum Sync {
    /** It has been forced to the device. */
    FSYNC,
    /**
     * The operating system has it: a power loss takes what was not forced by a roll or a barrier.
     */
    OS
  }

  public static final long DEFAULT_SEGMENT_BYTES = 256L << 20;
  public static final long LEAST_SEGMENT_BYTES = 4L << 10;
  public static final long MOST_SEGMENT_BYTES = 1L << 30;

  public SegmentedLogOptions {
    if (segmentBytes < LEAST_SEGMENT_BYTES || segmentBytes > MOST_SEGMENT_BYTES) {
      throw new IllegalArgumentException(
          "segmentBytes is %d, expected %d to %d"
              .formatted(segmentBytes, LEAST_SEGMENT_BYTES, MOST_SEGMENT_BYTES));
    }
    if (durableAppliedFloor < 0) {
      throw new IllegalArgumentException("durableAppliedFloor is " + durableAppliedFloor);
    }
  }

  /** Forced appends, segments of 256 MiB, no floor, corruption only logged. */
  public static SegmentedLogOptions in(Path folder) {
    return new SegmentedLogOptions(
        folder,
        DEFAULT_SEGMENT_BYTES,
        Sync.FSYNC,
        0,
        corruption -> LoggerFactory.getLogger(SegmentedLog.class).error("corruption", corruption),
        System::nanoTime,
        new SecureRandom()::nextLong);
  }

  public SegmentedLogOptions withSegmentBytes(long value) {
    return new SegmentedLogOptions(
        folder, value, sync, durableAppliedFloor, corruptionListener, nanos, marks);
  }

  public SegmentedLogOptions withSync(Sync value) {
    return new SegmentedLogOptions(
        folder, segmentBytes, value, durableAppliedFloor, corruptionListener, nanos, marks);
  }

  public SegmentedLogOptions withDurableAppliedFloor(long index) {
    return new SegmentedLogOptions(
        folder, segmentBytes, sync, index, corruptionListener, nanos, marks);
  }

  public SegmentedLogOptions withCorruptionListener(Consumer<CorruptLogException> value) {
    return new SegmentedLogOptions(
        folder, segmentBytes, sync, durableAppliedFloor, value, nanos, marks);
  }

  public SegmentedLogOptions withNanos(LongSupplier value) {
    return new SegmentedLogOptions(
        folder, segmentBytes, sync, durableAppliedFloor, corruptionListener, value, marks);
  }

  public SegmentedLogOptions withMarks(LongSupplier value) {
    return new SegmentedLogOptions(
        folder, segmentBytes, sync, durableAppliedFloor, corruptionListener, nanos, value);
  }
}
