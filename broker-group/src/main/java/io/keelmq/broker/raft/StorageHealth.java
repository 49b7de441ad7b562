package io.keelmq.broker.raft;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether a replica's disk keeps up and has room. A replica whose disk does not answer hands
 * leadership over and does not stand for election before it was sound for as long again, unless the
 * group has no leader meanwhile; one that is low on disk takes no more bodies. Both end by
 * themselves.
 *
 * <p>Owned by the storage thread, which waits for nobody's disk; any thread may ask. A failed write
 * or force is not seen here: it ends the replica at once.
 */
final class StorageHealth {

  private static final Logger LOG = LoggerFactory.getLogger(StorageHealth.class);

  /** Between two requests to another replica to take over. */
  static final long HAND_OVER_MILLIS = 2_000;

  /** Without a leader for this long, a disk that works now is better than none. */
  static final long LEADERLESS_MILLIS = 2_000;

  /**
   * What a look found.
   *
   * @param leads whether this replica does
   * @param hasLeader whether the group has one, as far as this replica knows
   */
  record Look(boolean leads, boolean hasLeader, long forceNanos, long freeBytes, long diskBytes) {}

  /** What can be done about it. */
  interface Remedies {

    void handOver();

    void stand(boolean may);
  }

  private final StorageLimits limits;
  private final LongSupplier nanos;
  private final Remedies remedies;

  private long notBeforeNanos;
  private long handedOverNanos;
  private long hadLeaderNanos;

  private volatile boolean stalled;
  private volatile boolean mayStand = true;
  private volatile boolean low;
  private volatile long freeBytes;
  private volatile long lowBelow;
  private final LongAdder stalls = new LongAdder();

  /**
   * @param nanos a monotonic clock
   */
  StorageHealth(StorageLimits limits, LongSupplier nanos, Remedies remedies) {
    this.limits = limits;
    this.nanos = nanos;
    this.remedies = remedies;
    this.hadLeaderNanos = nanos.getAsLong();
    this.notBeforeNanos = nanos.getAsLong() + limits.standAfter().toNanos();
    this.mayStand = limits.standAfter().isZero();
  }

  /** To be called several times a second, and once before Raft runs. */
  void look(Look now) {
    force(now);
    standing(now);
    room(now);
  }

  private void force(Look now) {
    boolean tooLong = now.forceNanos() > limits.stall().toNanos();
    if (tooLong) {
      notBeforeNanos = nanos.getAsLong() + limits.stall().toNanos();
    }
    if (tooLong && !stalled) {
      stalls.increment();
      LOG.warn(
          "the disk stalls: an fsync of the log has not returned for {} ms, the limit is {} ms; this"
              + " replica does not lead until it does",
          TimeUnit.NANOSECONDS.toMillis(now.forceNanos()),
          limits.stall().toMillis());
    }
    boolean again =
        !stalled
            || nanos.getAsLong() - handedOverNanos
                >= TimeUnit.MILLISECONDS.toNanos(HAND_OVER_MILLIS);
    stalled = tooLong;
    // Nobody may be able to take over now, and somebody a moment later.
    if (tooLong && now.leads() && again) {
      handedOverNanos = nanos.getAsLong();
      remedies.handOver();
    }
  }

  private void standing(Look found) {
    long now = nanos.getAsLong();
    if (found.hasLeader()) {
      hadLeaderNanos = now;
    }
    boolean sound = now - notBeforeNanos >= 0;
    boolean wanted = now - hadLeaderNanos >= TimeUnit.MILLISECONDS.toNanos(LEADERLESS_MILLIS);
    boolean may = !stalled && (sound || wanted);
    if (may != mayStand) {
      mayStand = may;
      LOG.info(
          may
              ? "{}: this replica stands for election again"
              : "{}: this replica does not stand for election",
          sound
              ? "the disk has been sound for long enough"
              : "the disk failed or stalled lately" + (may ? ", and the group has no leader" : ""));
    }
    remedies.stand(may);
  }

  private void room(Look now) {
    freeBytes = now.freeBytes();
    lowBelow = limits.lowBelow(now.diskBytes());
    if (!low && freeBytes < lowBelow) {
      low = true;
      LOG.warn(
          "low on disk: {} bytes are free, disk.min.free is {}; sends are refused with DISK_FULL"
              + " while the leader or a majority is low. Free space or add some; it clears at {}",
          freeBytes,
          lowBelow,
          limits.enoughFrom(now.diskBytes()));
    } else if (low && freeBytes >= limits.enoughFrom(now.diskBytes())) {
      low = false;
      LOG.info("no longer low on disk: {} bytes are free", freeBytes);
    }
  }

  /** Whether this replica may stand for election when no leader is heard of. */
  boolean mayStand() {
    return mayStand;
  }

  /**
   * Whether it may vote for itself when a leader tells it to take over. A disk that was in trouble
   * lately and works now is better than that of a leader who asks because its own does not.
   */
  boolean mayTakeOver() {
    return !stalled;
  }

  boolean isLow() {
    return low;
  }

  long freeBytes() {
    return freeBytes;
  }

  long lowBelow() {
    return lowBelow;
  }

  long stalls() {
    return stalls.sum();
  }
}
