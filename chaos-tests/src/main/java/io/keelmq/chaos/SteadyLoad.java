package io.keelmq.chaos;

import io.keelmq.client.KeelClient;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Producer;
import io.keelmq.local.Seed;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * A producer that sends at a fixed rate whatever the answers do (open loop), and keeps how long
 * each took. A late tick sends what it owes, counted from when that was due. Thread-safe.
 */
final class SteadyLoad implements AutoCloseable {

  private static final long TICK_MILLIS = 10;
  private static final Duration TIMEOUT = Duration.ofMinutes(2);

  private record Answer(long dueNanos, long tookNanos) {}

  private final Producer producer;
  private final String topic;
  private final int rate;
  private final byte[] body;
  private final LongSupplier nanos;
  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
  private final Queue<Answer> answers = new ConcurrentLinkedQueue<>();
  private final AtomicLong failed = new AtomicLong();
  private long beganNanos;
  private long sent;

  SteadyLoad(
      KeelClient client, String topic, int rate, int bodyBytes, Seed seed, LongSupplier nanos) {
    this.topic = topic;
    this.rate = rate;
    this.body = new byte[bodyBytes];
    this.nanos = nanos;
    seed.random().nextBytes(body);
    this.producer = client.producer().deliveryTimeout(TIMEOUT).maxBlock(TIMEOUT).open();
  }

  void start() {
    beganNanos = nanos.getAsLong();
    timer.scheduleAtFixedRate(this::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void tick() {
    long perMessage = TimeUnit.SECONDS.toNanos(1) / rate;
    while (nanos.getAsLong() - beganNanos >= (sent + 1) * perMessage) {
      sent++;
      long due = beganNanos + sent * perMessage;
      producer
          .send(OutgoingMessage.of(topic, body))
          .whenComplete(
              (receipt, failure) -> {
                if (failure == null) {
                  answers.add(new Answer(due, nanos.getAsLong() - due));
                } else {
                  failed.incrementAndGet();
                }
              });
    }
  }

  long failed() {
    return failed.get();
  }

  /** Of the messages that were due in this time, and are answered by now. */
  List<Long> tookNanos(long fromNanos, long toNanos) {
    return answers.stream()
        .filter(answer -> answer.dueNanos() >= fromNanos && answer.dueNanos() < toNanos)
        .map(Answer::tookNanos)
        .toList();
  }

  /** Ends when everything that was sent is answered. */
  @Override
  public void close() {
    timer.shutdown();
    try {
      timer.awaitTermination(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    producer.flush(TIMEOUT);
    producer.close();
  }
}
