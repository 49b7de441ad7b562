package io.keelmq.broker.app;

import io.keelmq.broker.raft.Damage;
import io.keelmq.broker.raft.StorageFailure;
import io.keelmq.broker.raft.StorageLimits;
import io.keelmq.common.Shutdown;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a replica back whose disk was full or has failed once, within the process: everything is
 * closed, and made anew from the data folder when the disk takes a forced write again. Nothing that
 * failed is repeated; recovery reads what is there. Nobody has to supervise the process for it. A
 * replica that is damaged goes the same way; see {@link DamageRepair}.
 *
 * <p>Thread-safe. A full disk is waited out for as long as it takes, which is a state and no retry;
 * of a disk that fails again and again the process dies.
 */
final class DiskRepair {

  private static final Logger LOG = LoggerFactory.getLogger(DiskRepair.class);

  static final int MOST_ERRORS = 5;
  static final Duration ERRORS_WITHIN = Duration.ofMinutes(10);

  /** After an error; a group elects another leader much sooner. */
  private static final Duration STAND_AFTER_ERROR = Duration.ofSeconds(10);

  private static final int MOST_STARTS = 20;
  private static final long PAUSE_MILLIS = 250;
  private static final long TELL_EVERY_LOOKS = 240;
  private static final int PROBE_BYTES = 64 << 10;
  private static final int EXIT_FATAL = 1;
  private static final String PROBE = "probe.tmp";

  /** Starts a replica that was closed. */
  interface Life {
    void start(Duration standAfter) throws Exception;
  }

  private final Path folder;
  private final StorageLimits limits;
  private final Shutdown shutdown;
  private final LongSupplier nanos;
  private final Life life;
  private final DamageRepair damage;
  private final Runnable handOver;

  // Guarded by this.
  private final Deque<Long> errors = new ArrayDeque<>();
  private boolean repairing;
  private Optional<Throwable> failedMeanwhile = Optional.empty();
  private final LongAdder repairs = new LongAdder();

  /**
   * @param handOver asks another replica to lead, if this one does. Blocks for seconds at most
   */
  DiskRepair(
      Path folder,
      StorageLimits limits,
      Shutdown shutdown,
      LongSupplier nanos,
      Life life,
      DamageRepair damage,
      Runnable handOver) {
    this.folder = folder;
    this.limits = limits;
    this.shutdown = shutdown;
    this.nanos = nanos;
    this.life = life;
    this.damage = damage;
    this.handOver = handOver;
  }

  /** How often the replica was closed and opened again. */
  long repairs() {
    return repairs.sum();
  }

  /** Why the replica left its group. Returns at once; the rest has a thread of its own. */
  void failed(Throwable cause) {
    synchronized (this) {
      if (repairing) {
        failedMeanwhile = Optional.of(cause);
        return;
      }
      repairing = true;
    }
    if (Damage.in(cause).isPresent()) {
      begin(() -> repairDamage(cause));
      return;
    }
    StorageFailure failure = StorageFailure.of(cause);
    if (failure == StorageFailure.NONE || !mayRepair(failure)) {
      shutdown.exitLater(EXIT_FATAL, cause.toString());
      return;
    }
    begin(() -> repair(failure));
  }

  private void begin(Runnable repair) {
    var thread = new Thread(repair, "disk-repair");
    thread.setDaemon(true);
    thread.start();
  }

  private void repairDamage(Throwable cause) {
    try {
      if (!damage.mayLeave(cause, handOver, this::hasFailedMeanwhile)) {
        shutdown.exit(EXIT_FATAL, cause.toString());
        return;
      }
    } catch (IOException | RuntimeException e) {
      // The root of this thread.
      LOG.error("the damage cannot be repaired", e);
      shutdown.exit(EXIT_FATAL, cause.toString());
      return;
    }
    LOG.warn("this replica closes, to come back");
    reopen(Duration.ZERO);
  }

  private synchronized boolean hasFailedMeanwhile() {
    return failedMeanwhile.isPresent();
  }

  private synchronized boolean mayRepair(StorageFailure failure) {
    if (failure == StorageFailure.ERROR) {
      long now = nanos.getAsLong();
      while (!errors.isEmpty() && now - errors.peek() > ERRORS_WITHIN.toNanos()) {
        errors.remove();
      }
      if (errors.size() == MOST_ERRORS) {
        LOG.error(
            "the disk of {} has failed {} times within {}: replace it",
            folder,
            MOST_ERRORS,
            ERRORS_WITHIN);
        return false;
      }
      errors.add(now);
    }
    return true;
  }

  private void repair(StorageFailure failure) {
    LOG.warn(
        failure == StorageFailure.FULL
            ? "the disk is full: the replica closes, and opens again by itself when there is room"
            : "the disk has failed: the replica closes, and opens again when the disk takes a write");
    repairs.increment();
    reopen(failure == StorageFailure.ERROR ? STAND_AFTER_ERROR : Duration.ZERO);
  }

  private void reopen(Duration standAfter) {
    long began = nanos.getAsLong();
    if (!shutdown.unwind()) {
      shutdown.exit(EXIT_FATAL, "the replica could not be closed");
      return;
    }
    synchronized (this) {
      // Of the replica that was closed.
      failedMeanwhile = Optional.empty();
    }
    try {
      awaitDisk();
      start(standAfter);
      LOG.info(
          "the replica is open again after {} ms",
          TimeUnit.NANOSECONDS.toMillis(nanos.getAsLong() - began));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      shutdown.exit(EXIT_FATAL, "interrupted");
    }
  }

  private void awaitDisk() throws InterruptedException {
    for (long looks = 0; !shutdown.hasBegun(); looks++) {
      String lack = lack();
      if (lack.isEmpty()) {
        return;
      }
      if (looks % TELL_EVERY_LOOKS == 0) {
        LOG.warn("waiting for the disk of {}: {}", folder, lack);
      }
      pause();
    }
  }

  private static void pause() throws InterruptedException {
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(PAUSE_MILLIS));
    if (Thread.interrupted()) {
      throw new InterruptedException("while waiting for the disk");
    }
  }

  /** What keeps the disk from being used; empty if nothing does. */
  private String lack() {
    Path probe = folder.resolve(PROBE);
    try {
      var store = Files.getFileStore(folder);
      long needed = limits.lowBelow(store.getTotalSpace());
      if (store.getUsableSpace() < needed) {
        return "%d bytes are free, %d are needed: free space"
            .formatted(store.getUsableSpace(), needed);
      }
      try (var channel =
          FileChannel.open(
              probe,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        channel.write(ByteBuffer.allocate(PROBE_BYTES));
        channel.force(true);
      }
      Files.delete(probe);
      return "";
    } catch (IOException e) {
      return e.toString();
    }
  }

  private void start(Duration standAfter) throws InterruptedException {
    for (int attempt = 1; !shutdown.hasBegun(); attempt++) {
      try {
        life.start(standAfter);
        started();
        return;
      } catch (Exception e) {
        // The root of this thread: what was started is closed again, and tried anew.
        if (shutdown.hasBegun()) {
          return;
        }
        LOG.warn("the replica could not be opened again, attempt={}: {}", attempt, e.toString());
        boolean closed = shutdown.unwind();
        if (!closed || attempt == MOST_STARTS || StorageFailure.of(e) == StorageFailure.NONE) {
          shutdown.exit(EXIT_FATAL, "the replica could not be opened again: " + e);
          return;
        }
        synchronized (this) {
          failedMeanwhile = Optional.empty();
        }
        awaitDisk();
        pause();
      }
    }
  }

  /** What failed while it was being opened is of the new life only if that began. */
  private void started() {
    Optional<Throwable> cause;
    synchronized (this) {
      repairing = false;
      cause = failedMeanwhile;
      failedMeanwhile = Optional.empty();
    }
    cause.ifPresent(this::failed);
  }
}
