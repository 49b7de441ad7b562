package io.keelmq.broker.raft;

import java.lang.management.ManagementFactory;
import java.util.function.LongSupplier;

/**
 * How long nobody reads all rows again after a reading: so long that readings take no more than a
 * hundredth of a core, nor a tenth of the time. Of a core, not of the time, because a reading takes
 * a hundred times as long on a machine that is busy with other work, which is when room is needed.
 *
 * <p>Not thread-safe: a reading begins and ends on one thread.
 */
final class ReadingRest {

  private static final int CORE_SHARE = 100;
  private static final int TIME_SHARE = 10;

  private final LongSupplier nanos;
  private final LongSupplier cpuNanos;
  private long beganNanos;
  private long beganCpuNanos;

  /**
   * @param nanos a monotonic clock
   */
  ReadingRest(LongSupplier nanos) {
    this(nanos, ManagementFactory.getThreadMXBean()::getCurrentThreadCpuTime);
  }

  /**
   * @param cpuNanos what the calling thread has had of a core since it was started
   */
  ReadingRest(LongSupplier nanos, LongSupplier cpuNanos) {
    this.nanos = nanos;
    this.cpuNanos = cpuNanos;
  }

  void begin() {
    beganNanos = nanos.getAsLong();
    beganCpuNanos = cpuNanos.getAsLong();
  }

  /**
   * @return when the next reading may begin, by the clock
   */
  long nextNotBefore(long restNanos) {
    long now = nanos.getAsLong();
    long took = (now - beganNanos) * TIME_SHARE;
    long tookOfCore = (cpuNanos.getAsLong() - beganCpuNanos) * CORE_SHARE;
    return now + Math.max(restNanos, Math.max(took, tookOfCore));
  }
}
