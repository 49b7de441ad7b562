package io.keelmq.client;

import io.grpc.Status;
import io.keelmq.v1.Code;
import io.keelmq.v1.ErrorDetail;
import io.keelmq.v1.ReadBatch;
import io.keelmq.v1.ReadFrom;
import io.keelmq.v1.ReadOpened;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.ReadResponse;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The fetching half of a {@link Reader}: keeps a stream open, fills the buffer as far as it may,
 * and goes on at the next offset of each queue when a stream ends. Owned by the loop, but for
 * {@link #start}, {@link #taken} and {@link #close}.
 */
final class ReadFeed implements ReadStream.Events {

  /** A replica that has not opened a stream by then is left. */
  static final long OPEN_MILLIS = 5_000;

  /** After as long without a stream the application is told; trying goes on. */
  static final long COMPLAIN_MILLIS = 30_000;

  private static final ReadFrom EARLIEST = ReadFrom.newBuilder().setEarliest(true).build();

  private final ClientCore core;
  private final Reader.Builder options;
  private final ReadBuffer buffer;
  private final RetryPolicy backoff = RetryPolicy.forReplicas();
  private final Runnable routeListener = this::routesChanged;
  private final CompletableFuture<SortedMap<Integer, Long>> firstOpened = new CompletableFuture<>();
  private final AtomicBoolean topUpAsked = new AtomicBoolean();

  /** By queue, the next offset to fetch; empty until a replica said where reading begins. */
  private final TreeMap<Integer, Long> next = new TreeMap<>();

  /** Without follow: by queue, the end when the reader was opened. */
  private final TreeMap<Integer, Long> ends = new TreeMap<>();

  private volatile String group = "";
  private StartAt.Fixed from;
  private SortedMap<Integer, Long> committed;
  private ReadStream stream;
  private boolean streamOpened;
  private boolean reconnecting;
  private boolean done;
  private boolean everOpened;
  private long withoutStreamSinceNanos;
  private String lastWord = "";

  ReadFeed(ClientCore core, Reader.Builder options, ReadBuffer buffer) {
    this.core = core;
    this.options = options;
    this.buffer = buffer;
  }

  /**
   * @param committed by queue, where to begin in place of {@code from}
   * @return where each queue begins, once a replica has said so
   */
  CompletableFuture<SortedMap<Integer, Long>> start(
      String group, StartAt.Fixed from, SortedMap<Integer, Long> committed) {
    this.group = group;
    core.loop()
        .execute(
            () -> {
              this.from = from;
              this.committed = committed;
              long now = core.loop().nanoTime();
              withoutStreamSinceNanos = now;
              core.routes().onChange(routeListener);
              core.loop().schedule(this::openTimedOut, options.openTimeout.toMillis());
              connect();
            });
    return firstOpened;
  }

  String group() {
    return group;
  }

  /** From the polling thread: there may be room again. */
  void taken() {
    if (buffer.bytes() < options.prefetchBytes && topUpAsked.compareAndSet(false, true)) {
      core.loop()
          .execute(
              () -> {
                topUpAsked.set(false);
                askForMore();
              });
    }
  }

  void close() {
    core.loop()
        .execute(
            () -> {
              done = true;
              core.routes().removeListener(routeListener);
              firstOpened.completeExceptionally(
                  new ClientClosed(Code.SHUTTING_DOWN, "the reader was closed"));
              leaveStream("closed");
            });
  }

  private void connect() {
    if (done || stream != null || reconnecting) {
      return;
    }
    Optional<LeaderRouting.Target> target = core.routing().pick(group, options.anyReplica);
    if (target.isEmpty()) {
      lastWord = core.routes().problem();
      reconnect();
      return;
    }
    try {
      stream = new ReadStream(core.loop(), core.channels(), target.get(), this);
    } catch (ClientClosed e) {
      return;
    }
    streamOpened = false;
    ReadStream opening = stream;
    stream.start(request());
    stream.askForMore();
    core.loop()
        .schedule(
            () -> {
              if (stream == opening && !streamOpened) {
                broken(opening, opening.target().node() + " did not open within 5 s");
              }
            },
            OPEN_MILLIS);
  }

  private ReadRequest request() {
    var request =
        ReadRequest.newBuilder()
            .setTopic(options.topic)
            .setFollow(options.follow)
            .setFrom(from.from());
    var starts = new TreeMap<Integer, ReadFrom>();
    SortedSet<Integer> queues = new TreeSet<>(options.queues);
    if (!next.isEmpty() || !committed.isEmpty()) {
      // Starts are given by queue, so that every queue has to be named.
      RouteTable.TopicPlace place = core.routes().topicOrNull(options.topic);
      if (options.queues.isEmpty() && place != null) {
        for (int queue = 0; queue < place.route().getQueues(); queue++) {
          queues.add(queue);
        }
      }
    }
    for (int queue : queues) {
      if (committed.containsKey(queue)) {
        starts.put(queue, at(committed.get(queue)));
      } else {
        // A queue that was added later is read from its beginning.
        starts.put(queue, everOpened ? EARLIEST : from.from());
      }
    }
    next.forEach((queue, offset) -> starts.put(queue, at(offset)));
    starts.forEach(
        (queue, start) ->
            request.addQueues(ReadRequest.QueueStart.newBuilder().setQueue(queue).setFrom(start)));
    return request.build();
  }

  @Override
  public void response(ReadStream from, ReadResponse response) {
    switch (response.getEventCase()) {
      case OPENED -> opened(response.getOpened());
      case BATCH -> batch(from, response.getBatch());
      case TRIMMED ->
          lost(response.getTrimmed().getQueue(), response.getTrimmed().getFirstOffset());
      case CAUGHT_UP -> {
        backoff.reset();
        buffer.put(new ReadBuffer.CaughtUp());
      }
      case EVENT_NOT_SET -> {
        // An event that a newer broker knows; nothing is missed by passing over it.
      }
    }
    askForMore();
  }

  @Override
  public void ended(ReadStream from, Status status, Throwable failure) {
    if (status.isOk()) {
      boolean all =
          streamOpened
              && ends.entrySet().stream()
                  .allMatch(end -> next.getOrDefault(end.getKey(), 0L) >= end.getValue());
      if (!options.follow && all) {
        finish();
        buffer.end();
      } else {
        broken(from, from.target().node() + " ended the stream early");
      }
      return;
    }
    ErrorDetail detail = Failures.detail(failure);
    if (Failures.isDefinite(detail.getCode()) && detail.getCode() != Code.NOT_INITIALIZED) {
      finish();
      var rejected = new RequestRejected(detail.getCode(), detail.getMessage());
      firstOpened.completeExceptionally(rejected);
      buffer.fail(rejected);
      return;
    }
    core.routing().hint(from.target(), detail.getLeaderNode());
    broken(
        from, from.target().node() + " at " + from.target().address() + ": " + detail.getMessage());
  }

  private void opened(ReadOpened opened) {
    streamOpened = true;
    buffer.calm();
    core.routing().worked(stream.target());
    for (ReadOpened.QueueRange range : opened.getQueuesList()) {
      Long wanted = next.get(range.getQueue());
      if (wanted == null) {
        wanted = committed.get(range.getQueue());
      }
      if (wanted == null) {
        next.put(range.getQueue(), range.getStartOffset());
      } else {
        next.put(range.getQueue(), wanted);
        lost(range.getQueue(), range.getStartOffset());
      }
      ends.putIfAbsent(range.getQueue(), range.getEndOffset());
    }
    everOpened = true;
    // Trimmed ranges are told by poll, and move the place there.
    var begin = new TreeMap<>(next);
    begin.putAll(headMapOf(committed, next.keySet()));
    firstOpened.complete(begin);
  }

  private static Map<Integer, Long> headMapOf(
      SortedMap<Integer, Long> offsets, java.util.Set<Integer> queues) {
    var kept = new TreeMap<>(offsets);
    kept.keySet().retainAll(queues);
    return kept;
  }

  private void batch(ReadStream from, ReadBatch batch) {
    Long expected = next.get(batch.getQueue());
    if (expected == null || batch.getFirstOffset() > expected) {
      // Never step over messages in silence: ask again from where we are.
      broken(
          from,
          "queue %d: got offset %d, expected %s"
              .formatted(batch.getQueue(), batch.getFirstOffset(), expected));
      return;
    }
    long end = batch.getFirstOffset() + batch.getCount();
    if (end <= expected) {
      return;
    }
    var chunk =
        new ReadBuffer.Chunk(options.topic, batch, (int) (expected - batch.getFirstOffset()));
    next.put(batch.getQueue(), end);
    backoff.reset();
    buffer.put(chunk);
  }

  private void lost(int queue, long firstOffset) {
    Long wanted = next.get(queue);
    if (wanted != null && firstOffset > wanted) {
      next.put(queue, firstOffset);
      buffer.put(
          new ReadBuffer.Lost(new MessagesTrimmed(options.topic, queue, wanted, firstOffset)));
    }
  }

  private void askForMore() {
    if (stream != null && buffer.bytes() < options.prefetchBytes) {
      stream.askForMore();
    }
  }

  private void broken(ReadStream from, String reason) {
    lastWord = reason;
    core.routing().failed(from.target());
    leaveStream("broken");
    reconnect();
  }

  private void reconnect() {
    if (done || reconnecting) {
      return;
    }
    long now = core.loop().nanoTime();
    if (streamOpened) {
      streamOpened = false;
      withoutStreamSinceNanos = now;
    }
    if (everOpened
        && now - withoutStreamSinceNanos > TimeUnit.MILLISECONDS.toNanos(COMPLAIN_MILLIS)) {
      withoutStreamSinceNanos = now;
      buffer.complain(
          new Unavailable(
              Code.NO_LEADER,
              "no replica served the reader for 30 s, it keeps trying; last: " + lastWord));
    }
    reconnecting = true;
    core.loop()
        .schedule(
            () -> {
              reconnecting = false;
              connect();
            },
            Math.max(1, backoff.nextDelayMillis()));
  }

  private void openTimedOut() {
    if (!everOpened && !done) {
      finish();
      firstOpened.completeExceptionally(
          new Unavailable(
              Code.NO_LEADER,
              "no replica opened the reader within "
                  + options.openTimeout
                  + "; last: "
                  + (lastWord.isEmpty() ? core.routes().problem() : lastWord)));
    }
  }

  private void routesChanged() {
    if (done || stream == null || !streamOpened) {
      return;
    }
    boolean leaderMoved = !options.anyReplica && core.routing().leaderMoved(stream.target());
    RouteTable.TopicPlace place = core.routes().topicOrNull(options.topic);
    boolean queuesAdded =
        options.follow
            && options.queues.isEmpty()
            && place != null
            && place.group().equals(group)
            && place.route().getQueues() > next.size();
    if (leaderMoved || queuesAdded) {
      leaveStream("the routes changed");
      connect();
    }
  }

  private void finish() {
    done = true;
    core.routes().removeListener(routeListener);
    leaveStream("done");
  }

  private void leaveStream(String reason) {
    if (stream != null) {
      stream.cancel(reason);
      stream = null;
    }
  }

  private static ReadFrom at(long offset) {
    return ReadFrom.newBuilder().setOffset(offset).build();
  }
}
