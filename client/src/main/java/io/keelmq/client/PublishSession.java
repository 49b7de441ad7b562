package io.keelmq.client;

import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.Code;
import io.keelmq.v1.ErrorDetail;
import io.keelmq.v1.ProducerOpened;
import io.keelmq.v1.TransactionCheck;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * A producer at one broker group: takes batches from the accumulator, keeps the window full, finds
 * another replica when a stream ends, and publishes again what has no receipt. Owned by the loop,
 * but for {@link #add}. Nothing survives the process.
 */
final class PublishSession implements PublishStream.Events {

  /**
   * Batches that are sent before they are full; beyond them a batch gathers behind those in flight.
   */
  static final int PARTIAL_IN_FLIGHT = 4;

  /** Without an answer for as long, a stream is left if the routes name another leader. */
  static final long SUSPECT_MILLIS = 3_000;

  /** Without an answer for as long, a stream is left. */
  static final long SILENT_MILLIS = 5_000;

  static final long TICK_MILLIS = 50;

  /** How often a full disk is asked again. */
  static final long DISK_FULL_MILLIS = 500;

  private final String group;
  private final ClientCore core;
  private final ProducerCounters counters;
  private final Producer.Builder options;
  private final Accumulator accumulator;
  private final SequenceLine line;
  private final RetryPolicy backoff = RetryPolicy.forReplicas();
  private final ArrayDeque<Batch> toRepublish = new ArrayDeque<>();
  private final Map<String, Integer> nextQueues = new HashMap<>();
  private final Runnable routeListener = this::routesChanged;

  /** Set on the loop, once. */
  private Optional<CheckDesk> checks = Optional.empty();

  private PublishStream stream;
  private int windowBatches;
  private long windowBytes;
  private Future<?> reopening;
  private Future<?> ticking;
  private String lastWord = "";
  private boolean closed;

  PublishSession(
      String group,
      ClientCore core,
      Producer.Builder options,
      SequenceLine.Settlement settlement,
      ProducerCounters counters) {
    this.group = group;
    this.core = core;
    this.options = options;
    this.counters = counters;
    accumulator = new Accumulator(options.batchBytes, options.batchMessages);
    line = new SequenceLine(settlement, ProducerIds::random);
    core.routes().onChange(routeListener);
  }

  /** From any thread. */
  void add(PendingMessage message) {
    if (accumulator.add(message)) {
      core.loop().execute(this::pump);
    }
  }

  /** From now on keeps a stream open, on which the group asks about half messages. */
  void answerChecks(CheckDesk desk) {
    checks = Optional.of(desk);
    pump();
  }

  List<PendingMessage> unsettled() {
    List<PendingMessage> all = line.unsettled();
    all.addAll(accumulator.snapshot());
    return all;
  }

  void close(SequenceLine.Settlement settlement, String reason) {
    closed = true;
    core.routes().removeListener(routeListener);
    leaveStream("closed");
    line.failAll(reason);
    for (PendingMessage message : accumulator.takeAll()) {
      settlement.failed(message, new ClientClosed(Code.SHUTTING_DOWN, reason));
    }
  }

  /** Does all that can be done now. */
  private void pump() {
    if (closed) {
      accumulator.takeAll().forEach(message -> fail(message));
      return;
    }
    boolean more;
    do {
      if (stream == null && reopening == null && (hasWork() || checks.isPresent())) {
        openStream();
      }
      if (stream != null && stream.isOpened()) {
        fillWindow();
      }
      more = accumulator.wakeAt(wantedBytes());
    } while (more);
    keepTicking();
  }

  private void fillWindow() {
    while (hasRoomFor(toRepublish.peekFirst())) {
      counters.republishedBatches.increment();
      stream.write(toRepublish.pollFirst());
    }
    if (!toRepublish.isEmpty()) {
      return;
    }
    while (!line.isClosing()) {
      Batch batch = line.peekWaiting();
      if (batch != null) {
        if (!hasRoomFor(batch)) {
          return;
        }
        line.pollWaiting();
      } else {
        // A batch is made when it can go, so that it takes in what came until then.
        boolean may =
            stream.unansweredCount() < PARTIAL_IN_FLIGHT
                ? !accumulator.isEmpty()
                : accumulator.holdsFullBatch();
        if (!may || !hasRoom(accumulator.nextBatchBytes())) {
          return;
        }
        List<PendingMessage> messages = accumulator.takeBatch();
        if (messages.isEmpty()) {
          return;
        }
        batch = newBatch(messages);
      }
      line.number(batch);
      stream.write(batch);
    }
  }

  private boolean hasRoomFor(Batch batch) {
    return batch != null && hasRoom(batch.bytes());
  }

  private boolean hasRoom(long bytes) {
    int inFlight = stream.unansweredCount();
    if (inFlight == 0) {
      return true;
    }
    // While it republishes, all that is numbered will be in flight; nothing new is numbered then.
    return inFlight < windowBatches
        && (!toRepublish.isEmpty() || line.numberedBytes() + bytes <= windowBytes);
  }

  private long wantedBytes() {
    if (stream == null) {
      return reopening == null && !hasWork() ? 1 : Accumulator.NEVER;
    }
    if (!stream.isOpened() || line.isClosing() || !hasRoom(accumulator.nextBatchBytes())) {
      return Accumulator.NEVER;
    }
    if (!toRepublish.isEmpty() || line.peekWaiting() != null) {
      return Accumulator.NEVER;
    }
    return stream.unansweredCount() < PARTIAL_IN_FLIGHT ? 1 : options.batchBytes;
  }

  private Batch newBatch(List<PendingMessage> messages) {
    var chosen = new HashMap<String, Integer>(4);
    return new Batch(
        messages,
        message ->
            chosen.computeIfAbsent(
                message.topic,
                topic -> Math.floorMod(nextQueues.merge(topic, 1, Integer::sum), message.queues)));
  }

  private boolean hasWork() {
    return !line.isEmpty() || !accumulator.isEmpty();
  }

  private void openStream() {
    Optional<LeaderRouting.Target> target = core.routing().pick(group, false);
    if (target.isEmpty()) {
      lastWord = core.routes().problem();
      reopenIn(Math.max(10, backoff.nextDelayMillis()));
      return;
    }
    try {
      stream = new PublishStream(core.loop(), core.channels(), target.get(), this);
    } catch (ClientClosed e) {
      // The client closes this session in a moment.
      return;
    }
    counters.openedStreams.increment();
    stream.start(line.producerId(), line.epoch(), checks.map(CheckDesk::topics).orElse(Set.of()));
  }

  @Override
  public void opened(PublishStream from, ProducerOpened opened) {
    int allowed = opened.getMaxInFlightBatches();
    windowBatches = Math.min(options.maxInFlightBatches, allowed > 0 ? allowed : 1);
    windowBytes =
        opened.getMaxInFlightBytes() > 0 ? opened.getMaxInFlightBytes() : options.bufferBytes;
    toRepublish.clear();
    toRepublish.addAll(line.numbered());
    core.routing().worked(from.target());
    pump();
  }

  @Override
  public void receipt(PublishStream from, Batch batch, BatchReceipt receipt) {
    if (receipt.getCode() == Code.OK) {
      backoff.reset();
    } else {
      lastWord = from.target().node() + ": " + receipt.getCode() + ": " + receipt.getMessage();
    }
    if (line.onReceipt(batch, receipt) == SequenceLine.Next.REOPEN) {
      boolean elsewhere = receipt.getCode() != Code.TOO_MANY_REQUESTS;
      long delay = backoff.nextDelayMillis();
      if (receipt.getCode() == Code.DISK_FULL) {
        delay = DISK_FULL_MILLIS;
      }
      if (elsewhere && receipt.getCode() != Code.SEQUENCE_GAP) {
        core.routing().failed(from.target());
      }
      leaveStream("to publish again: " + receipt.getCode());
      reopenIn(Math.max(elsewhere ? 0 : 10, delay));
    } else {
      renewIfDue();
    }
    pump();
  }

  @Override
  public void check(PublishStream from, TransactionCheck check) {
    checks.ifPresent(desk -> desk.arrived(check));
  }

  @Override
  public void broken(PublishStream from, Throwable failure) {
    ErrorDetail detail = Failures.detail(failure);
    lastWord = from.target().node() + " at " + from.target().address() + ": " + detail.getMessage();
    leaveStream("broken");
    if (detail.getCode() == Code.PRODUCER_FENCED || detail.getCode() == Code.PRODUCER_UNKNOWN) {
      line.openingRefused(detail);
      renewIfDue();
    }
    core.routing().failed(from.target());
    core.routing().hint(from.target(), detail.getLeaderNode());
    reopenIn(backoff.nextDelayMillis());
    pump();
  }

  private void routesChanged() {
    if (closed) {
      return;
    }
    if (stream != null && core.routing().leaderMoved(stream.target())) {
      // The old leader may be frozen, or cut off without knowing; the new one answers at once.
      leaveStream("another replica leads");
      backoff.reset();
    } else if (reopening != null && stream == null) {
      // What we waited for may be here.
      reopening.cancel(false);
      reopening = null;
    }
    if (stream == null) {
      pump();
    }
  }

  private void tick() {
    ticking = null;
    if (closed) {
      return;
    }
    long now = core.loop().nanoTime();
    line.expire(now, this::reason);
    for (PendingMessage message : accumulator.takeExpired(now)) {
      fail(message);
    }
    renewIfDue();
    if (stream != null) {
      long silentMillis = TimeUnit.NANOSECONDS.toMillis(stream.silentNanos());
      boolean suspect =
          silentMillis >= SUSPECT_MILLIS && core.routing().leadsElsewhere(stream.target());
      if (suspect || silentMillis >= SILENT_MILLIS) {
        lastWord = stream.target().node() + " gave no answer for " + silentMillis + " ms";
        core.routing().failed(stream.target());
        leaveStream("silent");
        reopenIn(backoff.nextDelayMillis());
      }
    }
    pump();
  }

  private void fail(PendingMessage message) {
    counters.settlement.failed(
        message,
        closed
            ? new ClientClosed(Code.SHUTTING_DOWN, "the producer was closed")
            : SequenceLine.timedOut(false, reason()));
  }

  private String reason() {
    return lastWord.isEmpty() ? "no replica has answered" : "last: " + lastWord;
  }

  private void renewIfDue() {
    if (line.renew()) {
      // The old epoch's stream is of no use to the new one.
      leaveStream("a new epoch begins");
      toRepublish.clear();
    }
  }

  private void leaveStream(String reason) {
    if (stream != null) {
      stream.cancel(reason);
      stream = null;
    }
    toRepublish.clear();
  }

  private void reopenIn(long delayMillis) {
    if (reopening != null) {
      reopening.cancel(false);
    }
    reopening =
        core.loop()
            .schedule(
                () -> {
                  reopening = null;
                  pump();
                },
                delayMillis);
  }

  private void keepTicking() {
    // Until it is open nothing that is added wakes this session; and whoever opens one for checks
    // has nothing to send perhaps.
    boolean opening = stream == null ? reopening != null || checks.isPresent() : !stream.isOpened();
    if (ticking == null && !closed && (hasWork() || opening)) {
      ticking = core.loop().schedule(this::tick, TICK_MILLIS);
    }
  }
}
