package io.keelmq.chaos;

import io.keelmq.client.ClientClosed;
import io.keelmq.client.KeelClient;
import io.keelmq.client.MessagesTrimmed;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Overloaded;
import io.keelmq.client.Producer;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.Reader;
import io.keelmq.client.Receipt;
import io.keelmq.client.RequestRejected;
import io.keelmq.client.Unavailable;
import io.keelmq.local.Seed;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Producers of keyed messages and a reader that follows the topic, all recorded in a history.
 *
 * <p>Owned by the run; each producer and the reader have a thread of their own.
 */
final class Workload implements AutoCloseable {

  private static final Duration POLL = Duration.ofMillis(200);
  private static final long JOIN_SECONDS = 90;

  private final KeelClient client;
  private final String topic;
  private final WorkloadOptions options;
  private final History history;
  private final Seed seed;
  private final Consumer<MessagesTrimmed> onTrimmed;
  private final List<Thread> senders = new ArrayList<>();
  private final AtomicLong oks = new AtomicLong();
  private final AtomicLong fails = new AtomicLong();
  private final AtomicLong delivered = new AtomicLong();
  private final AtomicLong retried = new AtomicLong();
  private final List<String> troubles = Collections.synchronizedList(new ArrayList<>());
  private volatile boolean sending = true;
  private volatile boolean reading = true;
  private Thread readerThread;

  /** The topic is there already, and keeps what it gets. */
  Workload(KeelClient client, String topic, WorkloadOptions options, History history, Seed seed) {
    this(
        client,
        topic,
        options,
        history,
        seed,
        lost -> {
          throw lost;
        });
  }

  /**
   * @param onTrimmed takes what retention took before the reader came to it
   */
  Workload(
      KeelClient client,
      String topic,
      WorkloadOptions options,
      History history,
      Seed seed,
      Consumer<MessagesTrimmed> onTrimmed) {
    this.client = client;
    this.topic = topic;
    this.options = options;
    this.history = history;
    this.seed = seed;
    this.onTrimmed = onTrimmed;
  }

  void start() {
    for (int i = 0; i < options.producers(); i++) {
      int producer = i;
      senders.add(thread("chaos-producer-" + i, () -> send(producer)));
    }
    readerThread = thread("chaos-reader", this::read);
  }

  long oks() {
    return oks.get();
  }

  long fails() {
    return fails.get();
  }

  long delivered() {
    return delivered.get();
  }

  long republishedBatches() {
    return retried.get();
  }

  /** What went wrong in a way that is no answer to a send: it voids the run. */
  List<String> troubles() {
    synchronized (troubles) {
      return List.copyOf(troubles);
    }
  }

  /** Sends no more, and waits until every send has its answer. */
  void stopSending() {
    sending = false;
    senders.forEach(this::join);
  }

  /** Ends the reader too. */
  @Override
  public void close() {
    sending = false;
    reading = false;
    senders.forEach(this::join);
    if (readerThread != null) {
      join(readerThread);
    }
  }

  private void send(int number) {
    var random = seed.random(number);
    var inFlight = new Semaphore(options.maxInFlight());
    long periodNanos =
        options.ratePerProducer() == 0
            ? 0
            : TimeUnit.SECONDS.toNanos(1) / options.ratePerProducer();
    try (Producer producer = client.producer().deliveryTimeout(options.deliveryTimeout()).open()) {
      long nextNanos = System.nanoTime();
      for (long seq = 0; sending; seq++) {
        LockSupport.parkNanos(nextNanos - System.nanoTime());
        // A lag is caught up at once, but not that of more than a second: the pause is over then.
        nextNanos =
            Math.max(nextNanos, System.nanoTime() - TimeUnit.SECONDS.toNanos(1)) + periodNanos;
        inFlight.acquire();
        int key = random.nextInt(options.keysPerProducer());
        int bytes =
            options.minBodyBytes()
                + random.nextInt(options.maxBodyBytes() - options.minBodyBytes() + 1);
        sendOne(producer, number, key, seq, bytes, inFlight);
      }
      producer.flush(options.deliveryTimeout());
      retried.addAndGet(producer.stats().republishedBatches());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void sendOne(
      Producer producer, int number, int key, long seq, int bytes, Semaphore inFlight) {
    var message =
        OutgoingMessage.builder(topic)
            .key("p" + number + "-k" + key)
            .body(new Payload(number, key, seq).encode(bytes))
            .build();
    history.invoke(number, key, seq);
    try {
      producer
          .send(message)
          .whenComplete(
              (receipt, failure) -> {
                settle(number, seq, receipt, failure);
                inFlight.release();
              });
    } catch (RuntimeException e) {
      settle(number, seq, null, e);
      inFlight.release();
    }
  }

  private void settle(int producer, long seq, Receipt receipt, Throwable failure) {
    if (failure == null) {
      history.ok(producer, seq, receipt.queue(), receipt.offset());
      oks.incrementAndGet();
    } else if (isDefinite(failure)) {
      history.fail(producer, seq);
      fails.incrementAndGet();
    } else {
      history.unknown(producer, seq);
    }
  }

  /** Only what promises that nothing was and will be stored; whatever else may be is unknown. */
  private static boolean isDefinite(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof RequestRejected
        || cause instanceof Overloaded
        || cause instanceof Unavailable
        || cause instanceof ClientClosed;
  }

  private void read() {
    try (Reader reader = client.reader(topic).follow(true).onTrimmed(onTrimmed).open()) {
      while (reading) {
        try {
          for (ReadMessage message : reader.poll(POLL)) {
            record(message);
          }
        } catch (Unavailable e) {
          // It keeps trying; so do we. Nothing was skipped.
          Thread.onSpinWait();
        }
      }
    }
  }

  private void record(ReadMessage message) {
    // A body that is none of ours is told as one of producer -1, which never sent anything.
    Payload payload = Payload.decode(message.bodyBytes()).orElse(new Payload(-1, 0, 0));
    history.delivered(
        payload.producer(), payload.key(), payload.seq(), message.queue(), message.offset());
    delivered.incrementAndGet();
  }

  private Thread thread(String name, Runnable work) {
    var thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (RuntimeException e) {
                troubles.add(name + " ended with " + e);
              }
            },
            name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private void join(Thread thread) {
    try {
      thread.join(TimeUnit.SECONDS.toMillis(JOIN_SECONDS));
      if (thread.isAlive()) {
        troubles.add(thread.getName() + " does not end");
        thread.interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
