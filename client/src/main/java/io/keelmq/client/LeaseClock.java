package io.keelmq.client;

import java.util.function.LongSupplier;

/**
 * Tells when a lease that nobody renews has certainly ended: it was granted before it arrived, so
 * that it ends no later than its length after the arrival. Immutable.
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

  /** True for a message that waited so long that it is not worth beginning with. */
  boolean isOver(ConsumedMessage message) {
    return !renewed && nanos.getAsLong() - message.arrivedNanos() >= invisibleNanos;
  }
}
