package io.keelmq.broker.api;

import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.StateView.Batch;
import io.keelmq.broker.state.StateView.Cursor;
import io.keelmq.broker.state.StateView.QueueBounds;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.v1.Trimmed;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One queue as the planner of a consumer group sees it: what of it is planned already, in this
 * leadership, beyond what the state knows. Owned by the planner's pass; where it is in doubt it
 * asks the state again.
 */
final class PlannedQueue {

  /** Offsets that a filter took nothing of, before they are told to the state by themselves. */
  static final int FILTERED_SPAN = 4_096;

  /** Of records that one plan looks into. */
  private static final long MAX_INSPECTED_BYTES = 4L << 20;

  private static final int RUNS_PER_LOOKUP = 64;
  private static final int UNKNOWN = -1;

  /** After a grant that leased nothing: somebody else knows better, and a loop would be busy. */
  private static final long EMPTY_PAUSE_MILLIS = 5;

  private static final int MAX_DOUBLINGS = 7;

  private static final Cursor NEW = new Cursor(0, 0, 0, 0, 0, 0);

  private final int queue;
  private int generation = UNKNOWN;

  /**
   * Offsets from here to `next` were inspected and filtered, and the state does not know it yet.
   */
  private long from;

  /** The first offset that is not planned. */
  private long next;

  /** Where the cursor stands if all that was planned is granted; 0 if nothing was. */
  private long granted;

  private boolean inDoubt = true;
  private int emptyInARow;
  private int grantsInFlight;
  private int cursorGrantsInFlight;

  /** Runs that hold `next` and what follows, as far as they were looked up. */
  private final ArrayDeque<StoredRun> runs = new ArrayDeque<>();

  private final ReadyBatches ready = new ReadyBatches();
  private final LostRange lost;
  private final Map<Long, Integer> hashesInFlight = new HashMap<>();

  // What the last plan came to.
  private boolean hasMore;
  private Optional<Long> missingEntry = Optional.empty();
  private Optional<String> paused = Optional.empty();

  PlannedQueue(int queue) {
    this.queue = queue;
    this.lost = new LostRange(queue);
  }

  int queue() {
    return queue;
  }

  /** Whether another plan may find something at once. */
  boolean hasMore() {
    return hasMore;
  }

  /** An entry without which the last plan could not go on. */
  Optional<Long> missingEntry() {
    return missingEntry;
  }

  /** Why nothing is planned from the cursor for now. */
  Optional<String> paused() {
    return paused;
  }

  /** Tells once that retention has overtaken the group. */
  Optional<Trimmed> takeTrimmed() {
    return lost.take();
  }

  boolean hasFiltered() {
    return next > from;
  }

  /**
   * Batches may have become ready.
   *
   * @param fromOffset none that begins below
   */
  void lookForReady(long fromOffset) {
    ready.lookFrom(fromOffset);
  }

  /** Plans what one consumer gets next. */
  Optional<GrantPlan> plan(Planning in, Attachment consumer, int messages, long bytes) {
    hasMore = false;
    missingEntry = Optional.empty();
    paused = Optional.empty();
    Cursor cursor = in.state().cursor(in.groupId(), in.topicId(), queue).orElse(NEW);
    follow(cursor);
    QueueBounds bounds = in.state().bounds(in.topicId(), queue);
    var draft = new GrantDraft(messages, bytes, hash -> isHeld(in, hash));
    boolean inspects = in.fifo() || !consumer.filter().takesAll();
    planReady(in, consumer.filter(), draft, bounds);
    if (draft.hasRoom() && missingEntry.isEmpty()) {
      planFromCursor(in, consumer.filter(), inspects, draft, cursor, bounds);
    }
    if (missingEntry.isEmpty()) {
      hasMore |= ready.mayHaveMore();
      hasMore |= !inDoubt && paused.isEmpty() && next < bounds.endOffset();
    }
    return draft.isEmpty() ? Optional.empty() : Optional.of(reserve(draft, consumer));
  }

  /** Plans that the state is told what is filtered, be it ever so little. */
  Optional<GrantPlan> planFiltered(Planning in, Attachment consumer) {
    follow(in.state().cursor(in.groupId(), in.topicId(), queue).orElse(NEW));
    if (inDoubt || next == from) {
      return Optional.empty();
    }
    var draft = new GrantDraft(0, 0, hash -> false);
    draft.endFromCursor(from, next, List.of());
    from = next;
    return Optional.of(reserve(draft, consumer));
  }

  private void follow(Cursor cursor) {
    if (cursor.generation() != generation) {
      generation = cursor.generation();
      // What is in flight for the old generation leases nothing.
      grantsInFlight = 0;
      cursorGrantsInFlight = 0;
      hashesInFlight.clear();
      ready.forget();
      moveTo(cursor.nextOffset());
    } else if (cursorGrantsInFlight == 0 && (inDoubt || granted > cursor.nextOffset())) {
      // Also where a grant that came to nothing was to lease nothing: of filtered or blocked ones.
      moveTo(cursor.nextOffset());
    }
  }

  private void moveTo(long offset) {
    inDoubt = false;
    granted = 0;
    from = offset;
    next = offset;
    runs.clear();
  }

  private boolean isHeld(Planning in, long hash) {
    return hashesInFlight.containsKey(hash)
        || in.state().messageGroupHeld(in.groupId(), in.topicId(), queue, hash);
  }

  private void planReady(Planning in, MessageFilter filter, GrantDraft draft, QueueBounds bounds) {
    boolean stale = false;
    while (draft.hasRoom() && missingEntry.isEmpty() && !stale && ready.find(lookup(in))) {
      Batch batch = ready.take();
      OffsetSet gone = batch.offsets().between(0, bounds.firstOffset());
      OffsetSet live = batch.offsets().minus(gone);
      // Its message group is known, so only a filter has to look at the records.
      boolean planned =
          filter.takesAll()
              ? take(in, draft, batch, live, gone)
              : inspect(in, filter, draft, batch, live, gone);
      if (!planned && missingEntry.isPresent()) {
        ready.putBack(batch);
      } else if (planned && !gone.isEmpty()) {
        // Delivered before, and given back.
        lost.add(gone.first(), bounds.firstOffset());
      } else if (!planned) {
        // Retention came in between: the bounds say so at the next look, and not before.
        ready.lookAgain();
        stale = true;
      }
    }
  }

  private ReadyBatches.Lookup lookup(Planning in) {
    return (from, limit) -> in.state().ready(in.groupId(), in.topicId(), queue, from, limit);
  }

  /** Takes what fits of a batch without looking into its records; false if nothing came of it. */
  private boolean take(Planning in, GrantDraft draft, Batch batch, OffsetSet live, OffsetSet gone) {
    OffsetSet wanted = live.lowest(draft.messagesLeft());
    List<StoredRun> its = RecordSource.runs(in.state(), in.topicId(), queue, wanted);
    long bytes = 0;
    int count = 0;
    for (StoredRun run : its) {
      long each = bytesEach(run);
      int of = wanted.between(run.firstOffset(), RecordSource.endOf(run)).size();
      long room = Math.max(count == 0 ? 1 : 0, (draft.bytesLeft() - bytes) / each);
      int taken = (int) Math.min(of, room);
      count += taken;
      bytes += taken * each;
      if (taken < of) {
        break;
      }
    }
    OffsetSet taken = count == 0 ? OffsetSet.EMPTY : wanted.lowest(count);
    if (taken.isEmpty() && gone.isEmpty()) {
      return false;
    }
    draft.addReady(batch, taken, bytes, gone, its);
    ready.reserve(batch);
    return true;
  }

  /** The same, with a look into each record. */
  private boolean inspect(
      Planning in,
      MessageFilter filter,
      GrantDraft draft,
      Batch batch,
      OffsetSet live,
      OffsetSet gone) {
    List<StoredRun> its = RecordSource.runs(in.state(), in.topicId(), queue, live);
    var done = new OffsetSet.Builder();
    long inspected = 0;
    for (StoredRun run : its) {
      OffsetSet of = live.between(run.firstOffset(), RecordSource.endOf(run));
      if (of.isEmpty()) {
        continue;
      }
      if (!draft.hasRoom() || inspected >= MAX_INSPECTED_BYTES) {
        break;
      }
      Optional<ByteBuffer> entry = in.records().entry(run.logIndex());
      if (entry.isEmpty()) {
        missingEntry = Optional.of(run.logIndex());
        break;
      }
      inspected += run.bytes();
      int end = run.position() + run.bytes();
      int at = skip(entry.get(), run, of.first(), end);
      for (long offset = of.first(); offset <= of.last() && draft.hasRoom(); offset++) {
        int behind = in.head().read(entry.get(), at, end);
        if (of.contains(offset)) {
          if (in.head().isTakenBy(filter)) {
            draft.addOf(batch.messageGroupHash(), offset, behind - at);
          } else {
            done.add(offset, offset + 1);
          }
        }
        at = behind;
      }
    }
    OffsetSet allDone = gone.plus(done.build());
    if (!draft.hasCandidates() && allDone.isEmpty()) {
      return false;
    }
    draft.endFromReady(batch, allDone, its);
    ready.reserve(batch);
    return true;
  }

  private static int skip(ByteBuffer entry, StoredRun run, long toOffset, int end) {
    int records = (int) (run.skip() + toOffset - run.firstOffset());
    return records == 0 ? run.position() : RecordCut.skip(entry, run.position(), end, records);
  }

  private static long bytesEach(StoredRun run) {
    return Math.max(1, run.bytes() / (run.skip() + run.count()));
  }

  private void planFromCursor(
      Planning in,
      MessageFilter filter,
      boolean inspects,
      GrantDraft draft,
      Cursor cursor,
      QueueBounds bounds) {
    paused = pause(cursor);
    if (inDoubt || paused.isPresent()) {
      return;
    }
    if (next < bounds.firstOffset()) {
      lost.add(next, bounds.firstOffset());
      moveTo(bounds.firstOffset());
    }
    var its = new ArrayList<StoredRun>();
    if (inspects) {
      inspectFromCursor(in, filter, draft, bounds, its);
    } else {
      takeFromCursor(in, draft, bounds, its);
    }
    long span = next - from;
    if (draft.hasCandidates() || span >= FILTERED_SPAN) {
      draft.endFromCursor(from, next, its);
      from = next;
    }
  }

  private Optional<String> pause(Cursor cursor) {
    if (cursor.batches() + grantsInFlight >= Limits.MAX_BATCHES_PER_QUEUE) {
      return Optional.of(
          "the group has "
              + Limits.MAX_BATCHES_PER_QUEUE
              + " batches of the queue out or waiting: it goes on when some are settled");
    }
    if (cursor.blocked() >= Limits.MAX_BLOCKED_PER_QUEUE) {
      return Optional.of(
          Limits.MAX_BLOCKED_PER_QUEUE
              + " messages of the queue wait behind others of their message groups: it goes on when"
              + " those are settled");
    }
    return Optional.empty();
  }

  private void takeFromCursor(
      Planning in, GrantDraft draft, QueueBounds bounds, List<StoredRun> its) {
    while (draft.hasRoom() && next - from < Limits.MAX_GRANT_SPAN) {
      Optional<StoredRun> run = runAtNext(in, bounds);
      if (run.isEmpty()) {
        return;
      }
      long each = bytesEach(run.get());
      long room = Math.min(draft.messagesLeft(), Math.max(1, draft.bytesLeft() / each));
      long end =
          Math.min(
              Math.min(next + room, RecordSource.endOf(run.get())), from + Limits.MAX_GRANT_SPAN);
      draft.addRange(next, end, (end - next) * each);
      its.add(run.get());
      next = end;
    }
  }

  private void inspectFromCursor(
      Planning in,
      MessageFilter filter,
      GrantDraft draft,
      QueueBounds bounds,
      List<StoredRun> its) {
    long inspected = 0;
    while (draft.hasRoom()
        && next - from < Limits.MAX_GRANT_SPAN
        && inspected < MAX_INSPECTED_BYTES) {
      Optional<StoredRun> run = runAtNext(in, bounds);
      if (run.isEmpty()) {
        return;
      }
      Optional<ByteBuffer> entry = in.records().entry(run.get().logIndex());
      if (entry.isEmpty()) {
        missingEntry = Optional.of(run.get().logIndex());
        // Its bytes may have been relocated: the next look finds where to.
        runs.clear();
        return;
      }
      int runEnd = run.get().position() + run.get().bytes();
      int at = skip(entry.get(), run.get(), next, runEnd);
      long end = Math.min(RecordSource.endOf(run.get()), from + Limits.MAX_GRANT_SPAN);
      boolean taken = false;
      while (next < end && draft.hasRoom()) {
        int behind = in.head().read(entry.get(), at, runEnd);
        if (in.head().isTakenBy(filter)) {
          draft.addOne(in.fifo() ? in.head().messageGroupHash() : 0, next, behind - at);
          taken = true;
        }
        inspected += behind - at;
        at = behind;
        next++;
      }
      if (taken) {
        its.add(run.get());
      }
    }
  }

  private Optional<StoredRun> runAtNext(Planning in, QueueBounds bounds) {
    while (!runs.isEmpty() && RecordSource.endOf(runs.peek()) <= next) {
      runs.remove();
    }
    if (runs.isEmpty() && next < bounds.endOffset()) {
      runs.addAll(in.state().runs(in.topicId(), queue, next, RUNS_PER_LOOKUP));
    }
    if (!runs.isEmpty() && runs.peek().firstOffset() > next) {
      // Retention came in between: the bounds say so at the next look.
      runs.clear();
    }
    return Optional.ofNullable(runs.peek());
  }

  private GrantPlan reserve(GrantDraft draft, Attachment consumer) {
    GrantPlan plan = draft.plan(this, generation, consumer);
    grantsInFlight++;
    if (plan.fromCursor()) {
      cursorGrantsInFlight++;
      granted = from;
    }
    for (Long hash : plan.hashes()) {
      hashesInFlight.merge(hash, 1, Integer::sum);
    }
    return plan;
  }

  /**
   * A plan has come to its end.
   *
   * @param leased messages; if they are not those that were planned, the state is asked where the
   *     queue stands
   * @param applied false if nothing is known of it
   * @return for how long nothing should be planned from the queue, in milliseconds
   */
  long ended(GrantPlan plan, int leased, boolean applied) {
    if (plan.generation() != generation) {
      return 0;
    }
    grantsInFlight--;
    boolean wasInDoubt = inDoubt;
    if (plan.fromCursor()) {
      cursorGrantsInFlight--;
      inDoubt |= !applied || leased != plan.messages();
    }
    ready.release(plan.ready());
    for (Long hash : plan.hashes()) {
      hashesInFlight.computeIfPresent(hash, (same, count) -> count == 1 ? null : count - 1);
    }
    if (!wasInDoubt) {
      emptyInARow = applied && leased == 0 && plan.messages() > 0 ? emptyInARow + 1 : 0;
    }
    return emptyInARow == 0 ? 0 : EMPTY_PAUSE_MILLIS << Math.min(emptyInARow, MAX_DOUBLINGS);
  }
}
