package io.keelmq.client;

import java.util.function.LongSupplier;

/**
 * Tells when a lease that nobody renews has certainly ended: it was granted before it arrived, so
 * that it ends no later than its length after the arrival, or after the answer to an extension.
 * Immutable.
 */
final class LeaseClock {

  private final LongSupplier nanos;
  private final boolean renewed;
  private final long invisibleNanos;

  LeaseClock(LongSupplier nanos, boolean renewed, long invisibleNanos) {
    this.nanos = nanos;
    this.renewed = renewed;
    this.invisibleNanos = invisibleNanos;
  }

  long nanoTime() {
    return nanos.getAsLong();
  }

  /** True when its lease has ended by time, unless the broker was slow to end it. */
  boolean isOver(ConsumedMessage message) {
    return !renewed && nanos.getAsLong() - endNanos(message) >= 0;
  }

  private long endNanos(ConsumedMessage message) {
    return message.extendedToNanos().orElse(message.arrivedNanos() + invisibleNanos);
  }
}
