package io.keelmq.broker.api;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.keelmq.broker.MessageLog;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.StateView.StoredRun;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Records of one topic by their offsets, as they lie in the log, with the entries that were read
 * last at hand. Owned by a planner's pass.
 */
final class RecordSource {

  /** Of entries at hand, but for the last one whatever its size. */
  static final long MAX_KEPT_BYTES = 1L << 20;

  private static final int RUNS_PER_LOOKUP = 64;

  private record Kept(long index, ByteBuffer bytes) {}

  /**
   * What was found of a set of offsets.
   *
   * @param offsets the lowest ones, as many as fit
   * @param records of these offsets
   * @param storeTimesMillis by range of {@code offsets}
   * @param missingEntry an entry that is applied but cannot be read now; nothing else is told then
   */
  record Found(
      OffsetSet offsets,
      ByteString records,
      List<Long> storeTimesMillis,
      Optional<Long> missingEntry) {}

  private final MessageLog log;
  private final ArrayDeque<Kept> kept = new ArrayDeque<>();
  private long keptBytes;

  RecordSource(MessageLog log) {
    this.log = log;
  }

  /** Empty if it cannot be read now; see {@link MessageLog#entry}. */
  Optional<ByteBuffer> entry(long index) {
    for (Kept one : kept) {
      if (one.index() == index) {
        return Optional.of(one.bytes());
      }
    }
    Optional<ByteBuffer> read = log.entry(index);
    if (read.isPresent()) {
      kept.addFirst(new Kept(index, read.get()));
      keptBytes += read.get().limit();
      while (keptBytes > MAX_KEPT_BYTES && kept.size() > 1) {
        keptBytes -= kept.removeLast().bytes().limit();
      }
    }
    return read;
  }

  /** Lets go of all entries: a planner with nothing to do holds no bytes. */
  void clear() {
    kept.clear();
    keptBytes = 0;
  }

  /** The runs that hold these offsets, in order; some are lacking if retention came in between. */
  static List<StoredRun> runs(StateView state, long topicId, int queue, OffsetSet offsets) {
    var runs = new ArrayList<StoredRun>();
    long covered = -1;
    for (int range = 0; range < offsets.ranges(); range++) {
      long at = Math.max(offsets.rangeFirst(range), covered);
      long end = offsets.rangeEnd(range);
      while (at < end) {
        int most = (int) Math.min(RUNS_PER_LOOKUP, end - at);
        long before = at;
        for (StoredRun run : state.runs(topicId, queue, at, most)) {
          if (run.firstOffset() >= end) {
            break;
          }
          runs.add(run);
          at = run.firstOffset() + run.count();
        }
        if (at == before) {
          break;
        }
      }
      covered = Math.max(covered, at);
    }
    return runs;
  }

  /**
   * Reads records without looking into them.
   *
   * @param runs that hold the offsets, in order; offsets that none holds are left out
   * @param maxBytes to read at most, but for a single record, which is read whatever its size
   */
  Found read(OffsetSet offsets, List<StoredRun> runs, int maxBytes) {
    var found = new OffsetSet.Builder();
    var times = new ArrayList<Long>();
    var pieces = new Pieces();
    int at = 0;
    for (int range = 0; range < offsets.ranges() && !pieces.full; range++) {
      long next = offsets.rangeFirst(range);
      long end = offsets.rangeEnd(range);
      boolean timed = false;
      while (next < end && !pieces.full) {
        while (at < runs.size() && endOf(runs.get(at)) <= next) {
          at++;
        }
        if (at == runs.size()) {
          break;
        }
        StoredRun run = runs.get(at);
        if (run.firstOffset() > next) {
          // What lies before was trimmed: a new range begins.
          next = run.firstOffset();
          timed = false;
          continue;
        }
        Optional<ByteBuffer> entry = entry(run.logIndex());
        if (entry.isEmpty()) {
          return new Found(
              OffsetSet.EMPTY, ByteString.EMPTY, List.of(), Optional.of(run.logIndex()));
        }
        long most = Math.min(end, endOf(run)) - next;
        int count = pieces.add(run, entry.get(), next, most, maxBytes);
        if (count == 0) {
          break;
        }
        found.add(next, next + count);
        if (!timed) {
          times.add(run.timeMillis());
          timed = true;
        }
        next += count;
      }
    }
    return new Found(found.build(), pieces.records(), times, Optional.empty());
  }

  static long endOf(StoredRun run) {
    return run.firstOffset() + run.count();
  }

  /** Slices of entries that become one string of bytes without being copied. */
  private static final class Pieces {
    private ByteString records = ByteString.EMPTY;
    private ByteBuffer entry;
    private long index;
    private int from;
    private int to;
    private long bytes;
    private boolean full;

    /** Adds at most {@code most} records; says how many. */
    int add(StoredRun run, ByteBuffer inEntry, long next, long most, int maxBytes) {
      int runEnd = run.position() + run.bytes();
      boolean whole = run.skip() == 0 && next == run.firstOffset() && most == run.count();
      long room = maxBytes - bytes;
      RecordCut cut;
      if (whole && run.bytes() <= room) {
        cut = new RecordCut(run.position(), runEnd, run.count());
      } else {
        cut =
            RecordCut.of(
                inEntry,
                run.position(),
                runEnd,
                run.skip() + next - run.firstOffset(),
                most,
                (int) Math.max(0, room));
        if (cut.to() - cut.from() > room && bytes > 0) {
          full = true;
          return 0;
        }
        full = cut.count() < most;
      }
      bytes += cut.to() - cut.from();
      if (entry != null && run.logIndex() == index && cut.from() == to) {
        to = cut.to();
      } else {
        finish();
        entry = inEntry;
        index = run.logIndex();
        from = cut.from();
        to = cut.to();
      }
      return cut.count();
    }

    private void finish() {
      if (entry != null) {
        records = records.concat(UnsafeByteOperations.unsafeWrap(entry.slice(from, to - from)));
      }
    }

    ByteString records() {
      finish();
      entry = null;
      return records;
    }
  }
}
