package io.keelmq.broker.raft;

import java.time.InstantSource;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Log time: the clock by which a group's leases and timers run, the same for all its leaders.
 *
 * <p>It goes on from the stamp of the last entry by this machine's monotonic clock and is drawn
 * towards its wall clock by at most a tenth of the time that passes, so that leaders whose wall
 * clocks are minutes apart do not make it jump. It never goes back. A replica that follows reads
 * the leader's clock from the stamps of entries as they arrive; a stamp that is behind what it
 * reckons may only have come late, as those do that a new leader applies when an election is over,
 * and draws it back by no more than that tenth. Only a replica that has not heard of anything new
 * since its process began (after a restart of the whole group) has to believe its wall clock,
 * because nobody else knows how long the group was down; it does so once, forwards only.
 *
 * <p>Thread-safe; the methods are short and hold only this object's lock.
 */
final class LogClock {

  private static final Logger LOG = LoggerFactory.getLogger(LogClock.class);

  private static final long NANOS_PER_MILLI = 1_000_000;
  private static final long SLEW_DIVISOR = 10;
  private static final long NOTABLE_JUMP_MILLIS = 5_000;

  private final InstantSource wall;
  private final LongSupplier nanos;

  /** Log time, in nanoseconds since 1970, at {@link #baseNanos} of the monotonic clock. */
  private long base;

  private long baseNanos;

  /** False until an entry newer than this process was seen, or a stamp was given. */
  private boolean anchored;

  private boolean leading;

  /** Stamps given in this leadership come back when their entries are applied. */
  private long lastGivenMillis;

  /**
   * @param lastMillis stamp of the last applied entry, 0 if there is none
   */
  LogClock(long lastMillis, InstantSource wall, LongSupplier nanos) {
    this.wall = wall;
    this.nanos = nanos;
    this.base = lastMillis * NANOS_PER_MILLI;
    this.baseNanos = nanos.getAsLong();
    this.lastGivenMillis = lastMillis;
  }

  /**
   * To be called when this replica begins to lead, after it applied all earlier leaders' entries.
   */
  synchronized void lead() {
    leading = true;
    lastGivenMillis = base / NANOS_PER_MILLI;
  }

  synchronized void follow() {
    leading = false;
  }

  /**
   * Follows the stamp of an entry that has just arrived, or, if it was here before, was applied.
   *
   * @param fresh false for entries that were in the log when this process began
   */
  synchronized void observe(long stampMillis, boolean fresh) {
    if (leading && stampMillis <= lastGivenMillis) {
      return;
    }
    long now = nanos.getAsLong();
    long elapsed = Math.max(0, now - baseNanos);
    // What was in the log when this process began says nothing about the time since.
    long reckoned = anchored ? base + elapsed - elapsed / SLEW_DIVISOR : base;
    base = Math.max(stampMillis * NANOS_PER_MILLI, reckoned);
    baseNanos = now;
    anchored |= fresh;
  }

  /** The stamp for the next entry. */
  synchronized long stamp() {
    long now = nanos.getAsLong();
    long reached = at(now);
    long wallNanos = wall.millis() * NANOS_PER_MILLI;
    if (!anchored && wallNanos > reached) {
      long jumpMillis = (wallNanos - reached) / NANOS_PER_MILLI;
      if (base > 0 && jumpMillis > NOTABLE_JUMP_MILLIS) {
        LOG.warn(
            "log time jumps to this machine's clock after a restart, jump_millis={}", jumpMillis);
      }
      reached = wallNanos;
    }
    anchored = true;
    base = reached;
    baseNanos = now;
    lastGivenMillis = Math.max(lastGivenMillis, base / NANOS_PER_MILLI);
    return lastGivenMillis;
  }

  /** Log time now, in milliseconds since 1970. */
  synchronized long now() {
    return Math.max(lastGivenMillis, at(nanos.getAsLong()) / NANOS_PER_MILLI);
  }

  private long at(long now) {
    long elapsed = Math.max(0, now - baseNanos);
    long reached = base + elapsed;
    long slew = elapsed / SLEW_DIVISOR;
    long error = wall.millis() * NANOS_PER_MILLI - reached;
    return reached + Math.max(-slew, Math.min(slew, error));
  }
}
