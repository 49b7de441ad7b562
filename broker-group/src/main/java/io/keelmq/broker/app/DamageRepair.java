package io.keelmq.broker.app;

import io.keelmq.broker.DivergedStateException;
import io.keelmq.broker.raft.Damage;
import io.keelmq.broker.raft.DamagedFolder;
import io.keelmq.broker.raft.DamagedFolder.Owner;
import io.keelmq.broker.raft.RaftReplicaOptions;
import io.keelmq.broker.raft.UnusableFolderException;
import io.keelmq.common.Shutdown;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a replica back whose data is damaged: what is there is set aside, and the replica comes
 * back from the others as one with an empty folder does. Nothing is moved before the group is seen
 * to go on without this replica: where a majority is damaged, each may have what the others lack.
 *
 * <p>Used by one thread at a time, the one that opens the replica; figures may be read by any.
 */
final class DamageRepair {

  private static final Logger LOG = LoggerFactory.getLogger(DamageRepair.class);

  static final int MOST_REPAIRS = 5;
  static final Duration REPAIRS_WITHIN = Duration.ofHours(1);

  /** Whoever gave a word may think otherwise tomorrow. */
  static final Duration WORD_HOLDS = Duration.ofMinutes(10);

  /** For the others to answer once more behind a replica that has closed. */
  static final int LOOKS_WHILE_CLOSED = 10;

  private static final long PAUSE_MILLIS = 500;
  private static final long TELL_EVERY_LOOKS = 120;

  /** Makes a replica of the data folder. */
  @FunctionalInterface
  interface Opening<T> {
    T open() throws IOException, UnusableFolderException;
  }

  /** Whether the group can do without one of its replicas. */
  @FunctionalInterface
  interface Others {
    /**
     * @param leader who has to lead it then; empty: anybody
     * @return why it cannot, or it is not known; empty if it can. May block for seconds
     */
    Optional<String> lackWithout(Owner replica, Optional<String> leader);
  }

  /** Shows operators, on the way to a repair, what is waited for. */
  @FunctionalInterface
  interface Display {
    AutoCloseable show(Supplier<String> reason);
  }

  private final RaftReplicaOptions folder;
  private final Others others;
  private final Display display;
  private final Shutdown shutdown;
  private final LongSupplier nanos;

  /** When repairs were, the oldest first. */
  private final Deque<Long> repaired = new ArrayDeque<>();

  /** Of the replica that was closed because of it, and could go on running. */
  private Optional<Throwable> known = Optional.empty();

  private final LongAdder found = new LongAdder();
  private final LongAdder repairs = new LongAdder();
  private volatile String waitsFor = "";

  /**
   * @param folder how the replica is set up; nothing is opened with it
   */
  DamageRepair(
      RaftReplicaOptions folder,
      Others others,
      Display display,
      Shutdown shutdown,
      LongSupplier nanos) {
    this.folder = folder;
    this.others = others;
    this.display = display;
    this.shutdown = shutdown;
    this.nanos = nanos;
  }

  /** How often damage was found that this replica cannot live with. */
  long found() {
    return found.sum();
  }

  /** How often what was damaged was set aside, so that the replica comes back from the others. */
  long repairs() {
    return repairs.sum();
  }

  boolean isWaiting() {
    return !waitsFor.isEmpty();
  }

  /**
   * Opens the replica, on an empty folder if the one that is there is damaged. Waits for as long as
   * the group cannot do without it; but one that ran in spite of its damage is opened again as it
   * is, for the others may have left meanwhile, and it is of use to none while it is closed.
   *
   * @throws UnusableFolderException if the folder cannot be used for another reason, or there is
   *     nobody to come back from
   * @throws InterruptedIOException if the process ends meanwhile
   */
  <T> T open(Opening<T> opening) throws IOException, UnusableFolderException {
    boolean ran = known.isPresent();
    while (true) {
      if (known.isEmpty()) {
        try {
          return opening.open();
        } catch (IOException | UnusableFolderException | RuntimeException e) {
          if (shutdown.hasBegun() || Damage.in(e).isEmpty()) {
            throw e;
          }
          found.increment();
          known = Optional.of(e);
          LOG.error("this replica is damaged: {}", Damage.in(e).get());
        }
      }
      setAside(known.get(), ran ? LOOKS_WHILE_CLOSED : Long.MAX_VALUE);
      known = Optional.empty();
      ran = false;
    }
  }

  private void setAside(Throwable damage, long looks) throws IOException, UnusableFolderException {
    try (DamagedFolder held = DamagedFolder.take(folder)) {
      if (wordOf(damage).isEmpty()) {
        requireFewRepairs(damage);
      }
      if (!awaitOthers(held.owner(), damage, looks)) {
        LOG.warn("the group cannot do without this replica any more: it opens again as it is");
        return;
      }
      Path remains = held.setAside();
      repairs.increment();
      if (wordOf(damage).isEmpty()) {
        repaired.add(nanos.getAsLong());
      }
      LOG.warn(
          "what is left of incarnation {} is set aside in {}, in the place of what was set aside"
              + " before; the replica comes back from the others as a new incarnation",
          held.incarnation(),
          remains);
    }
  }

  private void requireFewRepairs(Throwable damage) throws IOException {
    long now = nanos.getAsLong();
    while (!repaired.isEmpty() && now - repaired.peek() > REPAIRS_WITHIN.toNanos()) {
      repaired.remove();
    }
    if (repaired.size() >= MOST_REPAIRS) {
      throw new IOException(
          "the data of this replica was damaged %d times within %s, so it is not repaired again: replace its disk"
              .formatted(MOST_REPAIRS, REPAIRS_WITHIN),
          damage);
    }
  }

  /** False if they could not be counted on in so many looks. */
  private boolean awaitOthers(Owner owner, Throwable damage, long mostLooks)
      throws IOException, UnusableFolderException {
    AutoCloseable shown = null;
    try {
      for (long looks = 0; !shutdown.hasBegun(); looks++) {
        Optional<String> lack = others.lackWithout(owner, wordOf(damage));
        if (lack.isEmpty()) {
          return true;
        }
        if (looks == mostLooks) {
          return false;
        }
        requireNotAlone(owner, damage);
        waitsFor = Damage.in(damage).orElse(damage.toString()) + ". Waiting: " + lack.get();
        if (shown == null) {
          shown = display.show(() -> waitsFor);
        }
        if (looks % TELL_EVERY_LOOKS == 0) {
          LOG.warn(
              "nothing is changed in the damaged folder before the group goes on without this"
                  + " replica; waiting: {}",
              lack.get());
        }
        pause();
      }
      throw new InterruptedIOException("the process ends before the replica was repaired");
    } finally {
      waitsFor = "";
      close(shown);
    }
  }

  private static void requireNotAlone(Owner owner, Throwable damage)
      throws IOException, UnusableFolderException {
    if (!owner.alone()) {
      return;
    }
    if (damage instanceof UnusableFolderException e) {
      throw e;
    }
    throw new IOException(
        Damage.in(damage).orElse(damage.toString())
            + "; its group has no other member, so nothing is set aside: restore the folder",
        damage);
  }

  private static void close(AutoCloseable shown) {
    if (shown == null) {
      return;
    }
    try {
      shown.close();
    } catch (Exception e) {
      // Of a port; whoever needs it next says so.
      LOG.warn("the operators' port was not closed", e);
    }
  }

  /**
   * Damage was met in a replica that runs. Waits until the group goes on without it; until then the
   * replica stays what it is, because its vote and the rest of its data may be needed.
   *
   * @param handOver asks another replica to lead, if this one does
   * @param failed whether the replica has left its group meanwhile for another reason
   * @return whether the replica shall be closed, and opened with {@link #open}; false: there is
   *     nobody to come back from
   */
  boolean mayLeave(Throwable damage, Runnable handOver, BooleanSupplier failed) throws IOException {
    found.increment();
    known = Optional.of(damage);
    try {
      Owner owner = DamagedFolder.ownerOf(folder);
      boolean isWord = wordOf(damage).isPresent();
      long began = nanos.getAsLong();
      for (long looks = 0; !shutdown.hasBegun(); looks++) {
        handOver.run();
        Optional<String> lack = others.lackWithout(owner, wordOf(damage));
        if (lack.isEmpty()) {
          return true;
        }
        if (isWord && nanos.getAsLong() - began >= WORD_HOLDS.toNanos()) {
          LOG.warn(
              "what an operator wanted could not be done within {}, and is not done any more: the"
                  + " replica opens again as it is; {}",
              WORD_HOLDS,
              lack.get());
          known = Optional.empty();
          return true;
        }
        if (failed.getAsBoolean()) {
          LOG.warn("the replica has left its group with its damage: it opens again as it is");
          known = Optional.empty();
          return true;
        }
        if (owner.alone() && !isWord) {
          return false;
        }
        waitsFor = lack.get();
        if (looks % TELL_EVERY_LOOKS == 0) {
          LOG.warn(
              "damage was found, and this replica stays as it is until the group can do without it:"
                  + " {}",
              lack.get());
        }
        pause();
      }
      return false;
    } catch (UnusableFolderException e) {
      throw new IOException(e.getMessage(), e);
    } finally {
      waitsFor = "";
    }
  }

  /** Whom an operator holds for right, if it is an operator's word that this replica is wrong. */
  private static Optional<String> wordOf(Throwable damage) {
    return damage instanceof DivergedStateException diverged ? diverged.source() : Optional.empty();
  }

  private static void pause() throws InterruptedIOException {
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(PAUSE_MILLIS));
    if (Thread.currentThread().isInterrupted()) {
      throw new InterruptedIOException("while waiting for the group");
    }
  }
}
