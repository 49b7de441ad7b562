package io.keelmq.broker.raft;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices a leader that holds its office and does nothing: entries are appended, but nothing is
 * committed, or what is committed is not applied.
 *
 * <p>JRaft can get there when a thread pool drops the task that wakes its replicators (its issue
 * 1271): heartbeats go on, so the others never elect. First another replica is asked to take over;
 * if that does not help within the same time again, the process ends. Owned by the timer.
 */
final class Watchdog {

  private static final Logger LOG = LoggerFactory.getLogger(Watchdog.class);

  static final long STALL_MILLIS = 10_000;

  /** Where a leader's log stands. */
  record Progress(boolean leads, long lastIndex, long committedIndex, long appliedIndex) {

    private boolean idle() {
      return !leads || (committedIndex >= lastIndex && appliedIndex >= committedIndex);
    }
  }

  /** What can be done about it. */
  interface Remedies {
    void transferLeadership();

    void end(String why);
  }

  private final LongSupplier nanos;
  private final Remedies remedies;
  private Progress last = new Progress(false, 0, 0, 0);
  private long movedNanos;
  private boolean transferred;

  Watchdog(LongSupplier nanos, Remedies remedies) {
    this.nanos = nanos;
    this.remedies = remedies;
    this.movedNanos = nanos.getAsLong();
  }

  /** To be called about once a second. */
  void check(Progress now) {
    boolean moved =
        now.idle()
            || !last.leads()
            || now.committedIndex() != last.committedIndex()
            || now.appliedIndex() != last.appliedIndex();
    last = now;
    if (moved) {
      movedNanos = nanos.getAsLong();
      transferred = false;
      return;
    }
    long stalledMillis = TimeUnit.NANOSECONDS.toMillis(nanos.getAsLong() - movedNanos);
    if (stalledMillis >= 2 * STALL_MILLIS) {
      remedies.end(
          "this leader has not moved for %d ms: last entry %d, committed %d, applied %d"
              .formatted(stalledMillis, now.lastIndex(), now.committedIndex(), now.appliedIndex()));
    } else if (stalledMillis >= STALL_MILLIS && !transferred) {
      transferred = true;
      LOG.warn(
          "the leader does not move, asking another to take over: last={} committed={} applied={}",
          now.lastIndex(),
          now.committedIndex(),
          now.appliedIndex());
      remedies.transferLeadership();
    }
  }
}
