package io.keelmq.broker.raft;

import io.keelmq.broker.store.RocksTables;
import io.keelmq.raftlog.DiskException;
import io.keelmq.raftlog.Scrub;
import io.keelmq.raftlog.SegmentedLog;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the sealed segments and the files of rows of a running replica again, one pass after the
 * other, on a thread of its own and no faster than its {@link ScrubPolicy} says. Nothing of it
 * survives a restart: the next pass begins at the log's beginning.
 */
final class LogScrub {

  private static final Logger LOG = LoggerFactory.getLogger(LogScrub.class);

  private static final Duration MOMENT = Duration.ofMillis(100);

  private final ScrubPolicy policy;
  private final Scrub scrub;
  private final RocksTables rows;
  private final BooleanSupplier hasOthers;
  private final Consumer<Throwable> onDamage;
  private final LongSupplier nanos;
  private final Thread thread;
  private volatile boolean stopped;
  private final LongAdder bytes = new LongAdder();
  private final LongAdder passes = new LongAdder();
  private final LongAdder failures = new LongAdder();
  private final LongAdder damaged = new LongAdder();

  /** When as much time has passed as what was read may take. Of the thread alone. */
  private long dueNanos;

  /**
   * @param hasOthers whether the group has other voters, from whom what is damaged can come back
   * @param onDamage told of damage, if it has
   */
  LogScrub(
      ScrubPolicy policy,
      SegmentedLog log,
      RocksTables rows,
      String node,
      BooleanSupplier hasOthers,
      Consumer<Throwable> onDamage,
      LongSupplier nanos) {
    this.policy = policy;
    this.scrub = log.scrub(this::found);
    this.rows = rows;
    this.hasOthers = hasOthers;
    this.onDamage = onDamage;
    this.nanos = nanos;
    this.thread = new Thread(this::run, "scrub-" + node);
    thread.setDaemon(true);
  }

  void start() {
    if (policy.bytesPerSecond() > 0) {
      thread.start();
    }
  }

  void stop() {
    stopped = true;
    thread.interrupt();
  }

  long bytes() {
    return bytes.sum();
  }

  long passes() {
    return passes.sum();
  }

  long failures() {
    return failures.sum();
  }

  long damaged() {
    return damaged.sum();
  }

  private void run() {
    try {
      while (!stopped && !Thread.currentThread().isInterrupted()) {
        tryPass();
        // At least a moment: an empty log is read in no time.
        TimeUnit.NANOSECONDS.sleep(Math.max(policy.pause().toNanos(), MOMENT.toNanos()));
      }
    } catch (InterruptedException e) {
      LOG.debug("the scrub ends");
    }
  }

  private void tryPass() throws InterruptedException {
    try {
      pass();
      passes.increment();
    } catch (RuntimeException e) {
      if (stopped) {
        LOG.debug("the scrub met the end of the replica", e);
        return;
      }
      // A thread's root: without it damage would not be looked for any more.
      failures.increment();
      LOG.error("a pass of the scrub has failed, the next one begins after its pause", e);
    }
  }

  private void pass() throws InterruptedException {
    dueNanos = nanos.getAsLong();
    Optional<Long> from = Optional.of(0L);
    while (from.isPresent()) {
      from = next(from.get());
    }
    for (RocksTables.TableFile file : rows.files()) {
      rows.damage(file).ifPresent(this::found);
      read(file.bytes());
    }
  }

  private Optional<Long> next(long from) throws InterruptedException {
    try {
      return scrub.next(from, this::read);
    } catch (DiskException e) {
      // Says nothing of the bytes; what is on the way to the disk's end is told by those who write.
      LOG.warn("a segment could not be read again, the pass ends: {}", e.getMessage());
      return Optional.empty();
    }
  }

  private void read(long count) throws InterruptedException {
    bytes.add(count);
    long now = nanos.getAsLong();
    // In floating point: a rate of many bytes and a long pass must not overflow.
    dueNanos = Math.max(now, dueNanos) + (long) (count * 1e9 / policy.bytesPerSecond());
    TimeUnit.NANOSECONDS.sleep(dueNanos - now);
  }

  private void found(RuntimeException damage) {
    damaged.increment();
    if (hasOthers.getAsBoolean()) {
      onDamage.accept(damage);
    } else {
      LOG.error(
          "damage was found, and there is no other replica to repair it from: restore {}",
          damage.getMessage());
    }
  }
}
