package io.keelmq.client.cli;

import io.keelmq.client.KeelException;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Receipt;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/**
 * Producers under load, each with a thread and a bounded number of messages in flight. Started and
 * watched by one thread; the producers' threads and the client's own add to counters.
 *
 * <p>With a rate, the latency of a message runs from the moment it should have been sent, so that a
 * pause of the servers is paid by every message that it delayed, not only by those in flight.
 */
final class LoadRun implements AutoCloseable {
  /** Bodies are random, so that nothing compresses them, and taken from a few in turn. */
  private static final int BODIES = 64;

  private static final long SEED = 0x6b65656cL;
  private static final long MAX_LATENCY_NANOS = TimeUnit.MINUTES.toNanos(10);
  private static final int MAX_FAILURES = 1_000;

  /**
   * What is asked for.
   *
   * @param bodyBytes of each message
   * @param inFlight messages of a producer without a receipt, at the most
   * @param perSecond messages of all producers together; 0: as fast as they can
   */
  record Settings(String topic, int bodyBytes, int inFlight, double perSecond) {}

  private final Settings settings;
  private final List<Cluster.Sink> sinks;
  private final LongSupplier nanoClock;
  private final List<Thread> threads = new ArrayList<>();
  private final Semaphore slots;
  private final Recorder latency = new Recorder(MAX_LATENCY_NANOS, 3);
  private final LongAdder acknowledged = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private final AtomicLong lastReceiptNanos = new AtomicLong();
  private final AtomicReference<Throwable> firstFailure = new AtomicReference<>();

  /** How many messages may still be sent. */
  private final AtomicLong budget = new AtomicLong();

  private volatile boolean recording;
  private volatile boolean ending;

  LoadRun(Settings settings, List<Cluster.Sink> sinks, LongSupplier nanoClock) {
    this.settings = settings;
    this.sinks = List.copyOf(sinks);
    this.nanoClock = nanoClock;
    this.slots = new Semaphore(settings.inFlight * sinks.size());
  }

  /**
   * Starts sending.
   *
   * @param messages to send at the most, until {@link #record} gives another number
   */
  void start(long messages) {
    budget.set(messages);
    for (int i = 0; i < sinks.size(); i++) {
      Cluster.Sink sink = sinks.get(i);
      int number = i;
      var thread = new Thread(() -> produce(sink, number), "keelmq-bench-" + i);
      thread.setDaemon(true);
      threads.add(thread);
      thread.start();
    }
  }

  /** From now on latencies count. */
  void record(long messages) {
    latency.reset();
    budget.set(messages);
    recording = true;
  }

  boolean finished() {
    return threads.stream().noneMatch(Thread::isAlive);
  }

  long acknowledged() {
    return acknowledged.sum();
  }

  long failed() {
    return failed.sum();
  }

  /** Null when nothing failed. */
  Throwable firstFailure() {
    return firstFailure.get();
  }

  long lastReceiptNanos() {
    return lastReceiptNanos.get();
  }

  /** Latencies in nanoseconds since the last call. */
  Histogram takeLatencies() {
    return latency.getIntervalHistogram();
  }

  /** Sends nothing more and waits for what is in flight. */
  boolean drain(long timeoutNanos) {
    ending = true;
    try {
      for (Thread thread : threads) {
        thread.join(TimeUnit.NANOSECONDS.toMillis(timeoutNanos));
      }
      return slots.tryAcquire(settings.inFlight * sinks.size(), timeoutNanos, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Override
  public void close() {
    ending = true;
    sinks.forEach(Cluster.Sink::close);
  }

  private void produce(Cluster.Sink sink, int number) {
    byte[][] bodies = bodies(number);
    double interval =
        settings.perSecond == 0
            ? 0
            : TimeUnit.SECONDS.toNanos(1) * sinks.size() / settings.perSecond;
    long began = nanoClock.getAsLong();
    try {
      for (long i = 0; !ending && budget.getAndDecrement() > 0; i++) {
        long due = interval == 0 ? 0 : began + (long) (i * interval);
        if (interval != 0) {
          waitUntil(due);
        }
        slots.acquire();
        long since = interval == 0 ? nanoClock.getAsLong() : due;
        send(sink, bodies[(int) (i % BODIES)], since);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void send(Cluster.Sink sink, byte[] body, long since) {
    boolean counts = recording;
    CompletableFuture<Receipt> receipt;
    try {
      receipt = sink.send(OutgoingMessage.of(settings.topic, body));
    } catch (KeelException e) {
      settled(since, counts, e);
      return;
    }
    var unused = receipt.whenComplete((stored, failure) -> settled(since, counts, failure));
  }

  private void settled(long since, boolean counts, Throwable failure) {
    if (failure == null) {
      acknowledged.increment();
      long now = nanoClock.getAsLong();
      lastReceiptNanos.accumulateAndGet(now, Math::max);
      if (counts) {
        latency.recordValue(Math.min(MAX_LATENCY_NANOS, Math.max(0, now - since)));
      }
    } else {
      failed.increment();
      firstFailure.compareAndSet(null, failure);
      if (failed.sum() >= MAX_FAILURES) {
        ending = true;
      }
    }
    slots.release();
  }

  private void waitUntil(long due) throws InterruptedException {
    long left;
    while (!ending && (left = due - nanoClock.getAsLong()) > 0) {
      LockSupport.parkNanos(left);
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }

  private byte[][] bodies(int number) {
    var random = new SplittableRandom(SEED + number);
    var bodies = new byte[BODIES][settings.bodyBytes];
    for (byte[] body : bodies) {
      random.nextBytes(body);
    }
    return bodies;
  }
}
