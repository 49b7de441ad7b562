package io.keelmq.chaos;

import io.keelmq.chaos.checks.Event;
import io.keelmq.chaos.checks.Event.Decision;
import io.keelmq.chaos.checks.Event.Outcome;
import io.keelmq.client.CheckBack;
import io.keelmq.client.ClientClosed;
import io.keelmq.client.KeelClient;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Overloaded;
import io.keelmq.client.Producer;
import io.keelmq.client.Receipt;
import io.keelmq.client.RequestRejected;
import io.keelmq.client.TransactionDecision;
import io.keelmq.client.Unavailable;
import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * The producer of one {@link Lane}: sends at a steady rate, recalls some of what it delayed,
 * commits or rolls back what it sent half, leaves some of that to check-backs, and writes all of it
 * down. Has a thread of its own; what it does later it does on the executor's.
 */
final class LaneSender {

  private static final int MAX_IN_FLIGHT = 256;
  private static final int KEYS = 32;
  private static final int MIN_DELAY_MILLIS = 500;
  private static final int MAX_DELAY_MILLIS = 6_000;
  private static final Duration FIRST_CHECK = Duration.ofSeconds(1);
  private static final Duration DELIVERY_TIMEOUT = Duration.ofSeconds(60);

  private final Lane lane;
  private final int ratePerSecond;
  private final KeelClient client;
  private final History history;
  private final Random random;
  private final ScheduledExecutorService later;
  private final Semaphore inFlight = new Semaphore(MAX_IN_FLIGHT);
  private final AtomicLong oks = new AtomicLong();
  private final AtomicLong fails = new AtomicLong();
  private final AtomicLong owed = new AtomicLong();
  private final AtomicLong open = new AtomicLong();
  private volatile boolean sending = true;

  LaneSender(
      Lane lane,
      int ratePerSecond,
      KeelClient client,
      History history,
      Random random,
      ScheduledExecutorService later) {
    this.lane = lane;
    this.ratePerSecond = ratePerSecond;
    this.client = client;
    this.history = history;
    this.random = random;
    this.later = later;
  }

  Lane lane() {
    return lane;
  }

  /** Sends that were acknowledged. */
  long oks() {
    return oks.get();
  }

  long fails() {
    return fails.get();
  }

  /** Messages that a reader of the topic must get, sooner or later. */
  long owed() {
    return owed.get();
  }

  /** Decisions that have no answer yet, or are still to be made. */
  long openDecisions() {
    return open.get();
  }

  void stop() {
    sending = false;
  }

  /** Sends until {@link #stop}, on this thread, and then waits for the answers. */
  void run() {
    long periodNanos = TimeUnit.SECONDS.toNanos(1) / ratePerSecond;
    var builder = client.producer().deliveryTimeout(DELIVERY_TIMEOUT);
    if (lane == Lane.DEALS) {
      builder.onCheck(Set.of(lane.topic()), this::decideAtCheck);
    }
    try (Producer producer = builder.open()) {
      long nextNanos = System.nanoTime();
      for (long seq = 0; sending; seq++) {
        LockSupport.parkNanos(nextNanos - System.nanoTime());
        // A lag is caught up at once, but not that of more than a second: the pause is over then.
        nextNanos =
            Math.max(nextNanos, System.nanoTime() - TimeUnit.SECONDS.toNanos(1)) + periodNanos;
        inFlight.acquire();
        send(producer, seq);
      }
      producer.flush(DELIVERY_TIMEOUT);
      // It answers check-backs until everything is decided.
      while (open.get() > 0 && !Thread.interrupted()) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void send(Producer producer, long seq) {
    int key = lane == Lane.PLAIN || lane == Lane.ORDERED ? random.nextInt(KEYS) : -1;
    var message =
        OutgoingMessage.builder(lane.topic())
            .body(
                new Payload(lane.producer(), key, seq)
                    .encode(Payload.MIN_BYTES + random.nextInt(256)));
    long dueMillis = 0;
    if (lane == Lane.ORDERED) {
      message.messageGroup("k" + key);
    } else if (lane == Lane.PLAIN) {
      message.key("k" + key);
    } else if (lane == Lane.TIMERS) {
      int delayMillis = MIN_DELAY_MILLIS + random.nextInt(MAX_DELAY_MILLIS - MIN_DELAY_MILLIS + 1);
      dueMillis = Instant.now().toEpochMilli() + delayMillis;
      message.deliverAt(Instant.ofEpochMilli(dueMillis));
    } else {
      message.firstCheck(FIRST_CHECK);
    }
    history.invoke(lane.producer(), key, seq);
    if (lane == Lane.TIMERS || lane == Lane.DEALS) {
      long due = dueMillis;
      history.add(now -> new Event.Waits(lane.producer(), seq, due, now));
    }
    int chance = random.nextInt(100);
    int delay = random.nextInt(2_000);
    CompletableFuture<Receipt> answer;
    try {
      OutgoingMessage built = message.build();
      answer = lane == Lane.DEALS ? producer.sendHalf(built) : producer.send(built);
    } catch (RuntimeException e) {
      answer = CompletableFuture.failedFuture(e);
    }
    answer.whenComplete(
        (receipt, failure) -> {
          settle(seq, receipt, failure);
          if (failure == null && receipt.isHeld()) {
            decideLater(producer, seq, receipt, chance, delay);
          }
          inFlight.release();
        });
  }

  private void settle(long seq, Receipt receipt, Throwable failure) {
    if (failure == null) {
      if (receipt.isHeld()) {
        history.add(now -> new Event.Held(lane.producer(), seq, now));
      } else {
        history.ok(lane.producer(), seq, lane.queue(receipt.queue()), receipt.offset());
      }
      oks.incrementAndGet();
      // Half messages are owed when they are committed.
      owed.addAndGet(lane == Lane.DEALS ? 0 : 1);
    } else if (isDefinite(failure)) {
      history.fail(lane.producer(), seq);
      fails.incrementAndGet();
    } else {
      history.unknown(lane.producer(), seq);
    }
  }

  private void decideLater(
      Producer producer, long seq, Receipt receipt, int chance, int delayMillis) {
    if (lane == Lane.TIMERS && chance < 15) {
      open.incrementAndGet();
      later.schedule(
          () -> decide(seq, Decision.RECALL, () -> producer.recall(receipt)),
          delayMillis,
          TimeUnit.MILLISECONDS);
    } else if (lane == Lane.DEALS && chance < 85) {
      open.incrementAndGet();
      later.schedule(
          () -> {
            if (commits(seq)) {
              decide(seq, Decision.COMMIT, () -> producer.commit(receipt).thenAccept(placed -> {}));
            } else {
              decide(seq, Decision.ROLLBACK, () -> producer.rollback(receipt));
            }
          },
          delayMillis / 2,
          TimeUnit.MILLISECONDS);
    }
  }

  private void decide(long seq, Decision decision, Supplier<CompletableFuture<Void>> call) {
    history.add(now -> new Event.Decides(lane.producer(), seq, decision, now));
    CompletableFuture<Void> answer;
    try {
      answer = call.get();
    } catch (RuntimeException e) {
      answer = CompletableFuture.failedFuture(e);
    }
    answer.whenComplete(
        (nothing, failure) -> {
          var outcome =
              failure == null ? Outcome.OK : isDefinite(failure) ? Outcome.FAIL : Outcome.UNKNOWN;
          history.add(now -> new Event.Decided(lane.producer(), seq, decision, outcome, now));
          if (decision == Decision.COMMIT && outcome == Outcome.OK) {
            owed.incrementAndGet();
          } else if (decision == Decision.RECALL && outcome != Outcome.FAIL) {
            owed.decrementAndGet();
          }
          open.decrementAndGet();
        });
  }

  /** The same for a message whoever decides, and when. */
  private static boolean commits(long seq) {
    return seq % 3 != 0;
  }

  private TransactionDecision decideAtCheck(CheckBack check) {
    long seq =
        Payload.decode(check.message().bodyBytes())
            .map(Payload::seq)
            .orElseThrow(() -> new IllegalStateException("no message of ours: " + check));
    Decision decision = commits(seq) ? Decision.COMMIT : Decision.ROLLBACK;
    history.add(now -> new Event.Decides(lane.producer(), seq, decision, now));
    return commits(seq) ? TransactionDecision.COMMIT : TransactionDecision.ROLLBACK;
  }

  /** Only what promises that nothing was changed and will be; whatever else may be is unknown. */
  private static boolean isDefinite(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof RequestRejected
        || cause instanceof Overloaded
        || cause instanceof Unavailable
        || cause instanceof ClientClosed;
  }
}
