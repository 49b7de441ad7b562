package io.keelmq.broker.raft;

import io.keelmq.broker.state.Applied;
import io.keelmq.broker.state.RowHash;
import io.keelmq.broker.state.StateView.DigestAt;
import io.keelmq.broker.state.Table;
import io.keelmq.broker.store.PinnedRows;
import io.keelmq.broker.store.RocksTables;
import io.keelmq.broker.store.StoreException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads all rows again and again and hashes what is there. The digest is over what entries say; a
 * row that the store has wrong is in no digest until an entry reads it, but in the next of these
 * sums.
 *
 * <p>Replicas can compare sums of the same entry only. So each takes them behind the first entry of
 * a new minute of log time, which is the same one for all; and who needs longer, behind the first
 * of each second, fourth, up to 64th minute, so that its entries are among those of the quicker
 * ones. So it takes a sixteenth of the time, where that is enough; and it pauses as long as it
 * reads.
 *
 * <p>{@link #isDue}, {@link #begin} and {@link #clear} belong to the apply thread, all else to
 * anybody.
 */
final class RowSums {

  /** Of log time. */
  static final long PERIOD_MILLIS = 60_000;

  static final int KEPT = 16;

  /** Periods are so many times as long as what is done in them. */
  private static final long SHARE = 16;

  /** About an hour: a disk that stood still once says little of how long the next reading takes. */
  private static final int MOST_DOUBLINGS = 6;

  private static final long MOST_REST_NANOS =
      TimeUnit.MILLISECONDS.toNanos(PERIOD_MILLIS << (MOST_DOUBLINGS - 1));

  private static final int PIECE_ROWS = 2_048;

  private static final Logger LOG = LoggerFactory.getLogger(RowSums.class);

  private final RocksTables store;
  private final String node;
  private final LongSupplier nanos;
  private final LongAdder taken = new LongAdder();

  /** The oldest first; none of rows that were replaced. Guarded by this. */
  private final List<DigestAt> sums = new ArrayList<>();

  /** Raised when the rows are replaced. Guarded by this. */
  private long generation;

  private volatile boolean reading;
  private volatile boolean stopped;
  private volatile long lastNanos;
  private volatile long restedAtNanos;

  RowSums(RocksTables store, String node, LongSupplier nanos) {
    this.store = store;
    this.node = node;
    this.nanos = nanos;
    this.restedAtNanos = nanos.getAsLong();
  }

  /** Whether the rows have to be committed behind this entry, and hashed as they are then. */
  boolean isDue(Applied before, Applied now) {
    long period = PERIOD_MILLIS << doublings();
    return before.timeMillis() / period != now.timeMillis() / period
        && !reading
        && !stopped
        && nanos.getAsLong() - restedAtNanos >= 0;
  }

  private int doublings() {
    int doublings = 0;
    while (doublings < MOST_DOUBLINGS
        && lastNanos * SHARE > TimeUnit.MILLISECONDS.toNanos(PERIOD_MILLIS << doublings)) {
      doublings++;
    }
    return doublings;
  }

  /** All rows of {@code now}, and none of later entries, are committed. */
  void begin(Applied now) {
    long of;
    synchronized (this) {
      of = generation;
    }
    PinnedRows rows = store.pin();
    reading = true;
    // Rare enough for a thread each time.
    var thread = new Thread(() -> tryRead(now.index(), rows, of), "row-sum-" + node);
    thread.setDaemon(true);
    thread.start();
  }

  private void tryRead(long index, PinnedRows rows, long of) {
    long began = nanos.getAsLong();
    try (rows) {
      OptionalLong sum = read(rows);
      if (sum.isPresent()) {
        add(new DigestAt(index, sum.getAsLong()), of);
        taken.increment();
      }
    } catch (StoreException e) {
      // Damage was told to whoever repairs it; a store that was closed or replaced has no sum.
      LOG.debug("the rows after entry {} have no sum", index, e);
    } catch (RuntimeException e) {
      // A thread's root: the next one may come to its end.
      LOG.error("the rows after entry {} could not be hashed", index, e);
    } finally {
      lastNanos = nanos.getAsLong() - began;
      restedAtNanos = began + lastNanos + Math.min(lastNanos * (SHARE / 2), MOST_REST_NANOS);
      reading = false;
    }
  }

  /** Empty if the replica ends meanwhile. */
  private OptionalLong read(PinnedRows rows) {
    var hash = new RowHash();
    var piece = new Piece(hash);
    for (Table table : Table.values()) {
      Optional<byte[]> from = Optional.of(new byte[0]);
      while (from.isPresent()) {
        if (stopped) {
          return OptionalLong.empty();
        }
        long began = nanos.getAsLong();
        from = piece.read(rows, table, from.get());
        LockSupport.parkNanos(nanos.getAsLong() - began);
      }
    }
    return OptionalLong.of(hash.value());
  }

  /** Reads some rows, so that whoever waits to replace them does not wait for long. */
  private static final class Piece {
    private final RowHash hash;
    private int left;

    Piece(RowHash hash) {
      this.hash = hash;
    }

    Optional<byte[]> read(PinnedRows rows, Table table, byte[] from) {
      left = PIECE_ROWS;
      return rows.read(
          table,
          from,
          (key, row) -> {
            if (left-- == 0) {
              return false;
            }
            hash.add(table, key, row);
            return true;
          });
    }
  }

  private synchronized void add(DigestAt sum, long of) {
    if (of != generation) {
      return;
    }
    sums.add(sum);
    if (sums.size() > KEPT) {
      sums.remove(0);
    }
  }

  /** Other rows take the place of all that were hashed. */
  synchronized void clear() {
    generation++;
    sums.clear();
  }

  /** Oldest first. */
  synchronized List<DigestAt> sums() {
    return List.copyOf(sums);
  }

  long taken() {
    return taken.sum();
  }

  long lastMillis() {
    return TimeUnit.NANOSECONDS.toMillis(lastNanos);
  }

  /** No more are begun; one that is under way ends soon. */
  void stop() {
    stopped = true;
  }
}
