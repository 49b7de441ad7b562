package io.keelmq.broker.api;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.StateView.QueueBounds;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.Topic;
import io.keelmq.v1.Code;
import io.keelmq.v1.ReadBatch;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.ReadResponse;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One Read call: messages of a topic's queues in the order of their offsets, from what this replica
 * has applied, whatever its role.
 *
 * <p>Works in passes on the read executor, one at a time, and only while the caller takes what it
 * is sent, so that a caller that does not read costs one batch and no thread. All fields that are
 * not final or concurrent are owned by the pass. A stream with nothing to send holds no bytes.
 */
final class ReadStream {

  /** Of records in one event, but for a single message that is larger. */
  static final int MAX_EVENT_BYTES = 256 << 10;

  /** Events in one pass; then other streams have their turn. */
  private static final int EVENTS_PER_PASS = 8;

  private static final int RUNS_PER_LOOKUP = 32;

  /** An entry can be applied before it is in the local log; it is asked for this many times. */
  private static final int MAX_ENTRY_TRIES = 400;

  private static final long ENTRY_RETRY_MILLIS = 5;

  private static final Logger LOG = LoggerFactory.getLogger(ReadStream.class);

  private final Edge edge;
  private final ParkedReads parked;
  private final Executor readers;
  private final ReadRequest request;
  private final ServerCallStreamObserver<ReadResponse> caller;
  private final Runnable onEnd;
  private final Runnable topicsChanged = this::topicsChanged;

  /** Reasons for a pass since the last one began; a pass is queued or runs while it is not 0. */
  private final AtomicInteger calls = new AtomicInteger();

  private final ConcurrentLinkedQueue<ReadCursor> woken = new ConcurrentLinkedQueue<>();
  private volatile boolean lookAtTopic;
  private volatile boolean stopping;
  private volatile boolean cancelled;
  private volatile Optional<ReadPoint> point = Optional.empty();

  private boolean opened;
  private boolean ended;
  private long topicId;
  private int queuesKnown;
  private final List<ReadCursor> cursors = new ArrayList<>();
  private final ArrayDeque<ReadCursor> ready = new ArrayDeque<>();
  private int parkedCursors;
  private boolean countedAsParked;
  private boolean toldCaughtUp;
  private long entryIndex;
  private Optional<ByteBuffer> entry = Optional.empty();

  ReadStream(
      Edge edge,
      ParkedReads parked,
      Executor readers,
      ReadRequest request,
      StreamObserver<ReadResponse> caller,
      Runnable onEnd) {
    this.edge = edge;
    this.parked = parked;
    this.readers = readers;
    this.request = request;
    this.caller = (ServerCallStreamObserver<ReadResponse>) caller;
    this.onEnd = onEnd;
  }

  /** Called on the event loop, in the method that received the call. */
  void start() {
    edge.stats().openReaders.increment();
    caller.setOnReadyHandler(this::call);
    caller.setOnCancelHandler(
        () -> {
          cancelled = true;
          call();
        });
    edge.replica()
        .readPoint(
            Edge.HOLD.toMillis(),
            reached -> {
              point = Optional.of(reached);
              call();
            });
  }

  /** Ends the stream if it follows; one that does not comes to its own end. */
  void stop() {
    if (request.getFollow()) {
      stopping = true;
      call();
    }
  }

  /** Asks for a pass; any thread. */
  private void call() {
    if (calls.getAndIncrement() == 0) {
      queuePass();
    }
  }

  private void queuePass() {
    try {
      readers.execute(this::pass);
    } catch (RejectedExecutionException e) {
      // Only when the server is closed, which ends the call too.
      LOG.debug("a read stream was left", e);
    }
  }

  private void pass() {
    int seen = calls.get();
    boolean more = false;
    try {
      more = work();
    } catch (RuntimeException e) {
      LOG.error("topic={} a read stream failed", request.getTopic(), e);
      refuse(Refusal.internal(e));
    }
    if (more || !calls.compareAndSet(seen, 0)) {
      queuePass();
    }
  }

  /** One pass; true if there is more to do at once. */
  private boolean work() {
    if (ended) {
      return false;
    }
    if (cancelled) {
      end();
      return false;
    }
    if (stopping) {
      refuse(Refusal.shuttingDown());
      return false;
    }
    if (!opened && !open()) {
      return false;
    }
    countAsParked(false);
    if (lookAtTopic) {
      lookAtTopic = false;
      refresh();
    }
    for (ReadCursor cursor = woken.poll(); cursor != null; cursor = woken.poll()) {
      if (cursor.parked) {
        cursor.parked = false;
        parkedCursors--;
      }
      ready.add(cursor);
    }
    int events = 0;
    while (!ended && !ready.isEmpty() && caller.isReady() && events < EVENTS_PER_PASS) {
      step(ready.remove());
      events++;
    }
    if (ended) {
      return false;
    }
    boolean more = !ready.isEmpty() && caller.isReady();
    if (!more) {
      entry = Optional.empty();
    }
    if (cursors.isEmpty()) {
      end();
      caller.onCompleted();
    } else if (parkedCursors == cursors.size()) {
      if (!toldCaughtUp && caller.isReady()) {
        toldCaughtUp = true;
        caller.onNext(ReadEvents.caughtUp());
      }
      countAsParked(true);
    }
    return more;
  }

  private boolean open() {
    if (edge.replica().leadership().role() == Leadership.Role.UNINITIALIZED) {
      refuse(Refusal.notInitialized());
      return false;
    }
    if (point.isEmpty()) {
      return false;
    }
    if (point.get() instanceof ReadPoint.NotReached notReached) {
      refuse(Refusal.noLeader("no leader confirmed what is stored: " + notReached.message()));
      return false;
    }
    StateView state = edge.replica().state();
    Topic topic;
    List<ReadStarts.Start> starts;
    try {
      topic = ReadStarts.topic(state, request.getTopic());
      starts = ReadStarts.of(state, topic, request);
    } catch (ReadStarts.Unfit unfit) {
      refuse(unfit.why());
      return false;
    }
    topicId = topic.id();
    queuesKnown = topic.queues();
    for (var start : starts) {
      addCursor(
          start.queue(),
          start.wanted(),
          request.getFollow() ? Long.MAX_VALUE : start.bounds().endOffset());
    }
    opened = true;
    caller.onNext(ReadEvents.opened(starts));
    if (request.getFollow()) {
      parked.watchTopics(topicsChanged);
      // The topic may have changed since it was looked up.
      lookAtTopic = true;
    }
    return true;
  }

  private void addCursor(int queue, long wanted, long end) {
    var cursor = new ReadCursor[1];
    cursor[0] =
        new ReadCursor(
            new ParkedReads.Key(topicId, queue),
            () -> {
              woken.add(cursor[0]);
              call();
            },
            wanted,
            end);
    if (!cursor[0].isFinished()) {
      cursors.add(cursor[0]);
      ready.add(cursor[0]);
    }
  }

  private void topicsChanged() {
    lookAtTopic = true;
    call();
  }

  /** Ends the stream with its topic, and takes up queues that were added. */
  private void refresh() {
    Optional<Topic> topic = edge.replica().state().topic(topicId);
    if (topic.isEmpty()) {
      refuseDeleted();
    } else if (request.getQueuesCount() == 0) {
      while (queuesKnown < topic.get().queues()) {
        addCursor(queuesKnown++, 0, Long.MAX_VALUE);
      }
    }
  }

  private void refuseDeleted() {
    refuse(
        new Refusal(
            Code.TOPIC_NOT_FOUND, "topic " + request.getTopic() + " was deleted meanwhile"));
  }

  /** Sends at most one event of a queue and puts the cursor where it belongs. */
  private void step(ReadCursor cursor) {
    if (cursor.isFinished()) {
      cursors.remove(cursor);
      return;
    }
    if (cursor.runs.isEmpty() && !lookUp(cursor)) {
      return;
    }
    StoredRun run = cursor.runs.peek();
    Optional<ByteBuffer> bytes = entry(run.logIndex());
    if (bytes.isEmpty()) {
      entryIsMissing(cursor, run);
      return;
    }
    cursor.tries = 0;
    send(cursor, bytes.get());
    ready.add(cursor);
  }

  /** Finds the runs that come next; false if there are none, and the cursor is dealt with. */
  private boolean lookUp(ReadCursor cursor) {
    StateView state = edge.replica().state();
    if (state.topic(topicId).isEmpty()) {
      refuseDeleted();
      return false;
    }
    QueueBounds bounds = state.bounds(topicId, cursor.queue());
    if (cursor.next < bounds.firstOffset()) {
      trimmed(cursor, bounds.firstOffset());
      ready.add(cursor);
      return false;
    }
    if (cursor.next >= bounds.endOffset()) {
      if (request.getFollow()) {
        park(cursor, state);
      } else {
        // A queue ends before an end that it had only if its topic was deleted just now.
        retryLater(cursor, "queue " + cursor.queue() + " has lost its end");
      }
      return false;
    }
    cursor.runs.addAll(state.runs(topicId, cursor.queue(), cursor.next, RUNS_PER_LOOKUP));
    if (cursor.runs.isEmpty() || cursor.runs.peek().firstOffset() > cursor.next) {
      // Retention came in between: the bounds say so at the next look.
      cursor.runs.clear();
      retryLater(cursor, "no run holds offset " + cursor.next + " of queue " + cursor.queue());
      return false;
    }
    return true;
  }

  private void park(ReadCursor cursor, StateView state) {
    cursor.parked = true;
    parkedCursors++;
    parked.park(cursor.key, cursor.waiter);
    if (state.bounds(topicId, cursor.queue()).endOffset() > cursor.next
        && parked.unpark(cursor.key, cursor.waiter)) {
      cursor.parked = false;
      parkedCursors--;
      ready.add(cursor);
    }
  }

  private void trimmed(ReadCursor cursor, long firstOffset) {
    caller.onNext(ReadEvents.trimmed(cursor, firstOffset));
    cursor.runs.clear();
    cursor.next = firstOffset;
    toldCaughtUp = false;
  }

  private Optional<ByteBuffer> entry(long index) {
    if (entry.isEmpty() || entryIndex != index) {
      entry = edge.replica().log().entry(index);
      entryIndex = index;
    }
    return entry;
  }

  private void entryIsMissing(ReadCursor cursor, StoredRun run) {
    cursor.runs.clear();
    retryLater(cursor, "entry " + run.logIndex() + " is applied but not in the log");
  }

  private void retryLater(ReadCursor cursor, String why) {
    if (++cursor.tries > MAX_ENTRY_TRIES) {
      LOG.error("topic={} queue={} {}", request.getTopic(), cursor.queue(), why);
      refuse(new Refusal(Code.INTERNAL, why + ": read at another replica"));
      return;
    }
    try {
      edge.timer().schedule(cursor.waiter::wake, ENTRY_RETRY_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      refuse(Refusal.shuttingDown());
    }
  }

  /** Sends what lies together in the entry, from the cursor on. */
  private void send(ReadCursor cursor, ByteBuffer bytes) {
    ReadBatch batch =
        ReadEvents.batch(
            cursor,
            bytes,
            MAX_EVENT_BYTES,
            id -> edge.replica().state().topic(id).map(Topic::name).orElse(""));
    caller.onNext(ReadResponse.newBuilder().setBatch(batch).build());
    edge.stats().readMessages.add(batch.getCount());
    edge.stats().readBytes.add(batch.getRecords().size());
    cursor.moveTo(cursor.next + batch.getCount());
    toldCaughtUp = false;
  }

  private void countAsParked(boolean now) {
    if (now != countedAsParked) {
      countedAsParked = now;
      edge.stats().parkedReaders.add(now ? 1 : -1);
    }
  }

  private void refuse(Refusal why) {
    if (!ended) {
      end();
      caller.onError(edge.refuse(why));
    }
  }

  private void end() {
    ended = true;
    countAsParked(false);
    edge.stats().openReaders.decrement();
    parked.unwatchTopics(topicsChanged);
    for (ReadCursor cursor : cursors) {
      if (cursor.parked) {
        parked.unpark(cursor.key, cursor.waiter);
      }
    }
    cursors.clear();
    ready.clear();
    woken.clear();
    entry = Optional.empty();
    onEnd.run();
  }
}
