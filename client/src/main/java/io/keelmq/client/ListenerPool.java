package io.keelmq.client;

import io.keelmq.v1.SettlementKind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives messages to a listener on threads of its own. In a FIFO group those of one message group go
 * one after the other. Thread-safe; the monitor guards lanes and the gate, and nobody is called
 * under it.
 */
final class ListenerPool implements Inbox {

  private static final Logger LOG = LoggerFactory.getLogger(ListenerPool.class);

  private static final long LOG_EVERY_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final Consumer.Builder options;
  private final LeaseClock clock;
  private final ConsumerCounters counters;
  private final ThreadPoolExecutor workers;
  private final Map<String, ArrayDeque<ConsumedMessage>> lanes = new HashMap<>();
  private final AtomicLong loggedNanos;
  private boolean connected;
  private boolean stopped;
  private volatile boolean fifo;

  /** A thread of a pool, by which it is told from others. */
  private static final class ListenerThread extends Thread {
    private final ListenerPool pool;

    ListenerThread(ListenerPool pool, Runnable work, String name) {
      super(work, name);
      this.pool = pool;
      setDaemon(true);
    }
  }

  ListenerPool(Consumer.Builder options, LeaseClock clock, ConsumerCounters counters) {
    this.options = options;
    this.clock = clock;
    this.counters = counters;
    loggedNanos = new AtomicLong(clock.nanoTime() - LOG_EVERY_NANOS);
    var number = new AtomicInteger();
    workers =
        new ThreadPoolExecutor(
            options.concurrency,
            options.concurrency,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            work ->
                new ListenerThread(
                    this, work, "keelmq-" + options.group + "-" + number.incrementAndGet()),
            // What comes after the end goes back to the group.
            new ThreadPoolExecutor.DiscardPolicy());
  }

  @Override
  public void put(List<ConsumedMessage> messages) {
    boolean inLanes = fifo;
    for (ConsumedMessage message : messages) {
      String messageGroup = inLanes ? message.messageGroupOrEmpty() : "";
      if (messageGroup.isEmpty()) {
        workers.execute(() -> work(message));
      } else if (isFirstOfLane(messageGroup, message)) {
        workers.execute(() -> workInLane(messageGroup));
      }
    }
  }

  @Override
  public synchronized void connected(boolean fifo) {
    this.fifo = fifo;
    connected = true;
    notifyAll();
  }

  @Override
  public synchronized void disconnected() {
    connected = false;
  }

  @Override
  public void stop() {
    synchronized (this) {
      stopped = true;
      notifyAll();
    }
    workers.getQueue().clear();
    workers.shutdown();
  }

  @Override
  public void fail(KeelException why) {
    stop();
  }

  @Override
  public boolean awaitIdle(long waitNanos) throws InterruptedException {
    if (workers.awaitTermination(waitNanos, TimeUnit.NANOSECONDS)) {
      return true;
    }
    workers.shutdownNow();
    return false;
  }

  @Override
  public boolean isCurrent() {
    return Thread.currentThread() instanceof ListenerThread listening && listening.pool == this;
  }

  private synchronized boolean isFirstOfLane(String messageGroup, ConsumedMessage message) {
    ArrayDeque<ConsumedMessage> lane = lanes.get(messageGroup);
    boolean first = lane == null;
    if (first) {
      lane = new ArrayDeque<>();
      lanes.put(messageGroup, lane);
    }
    lane.addLast(message);
    return first;
  }

  /** One message of the lane; the next one takes its turn behind the other lanes. */
  private void workInLane(String messageGroup) {
    ConsumedMessage message;
    synchronized (this) {
      message = lanes.get(messageGroup).peekFirst();
    }
    try {
      work(message);
    } finally {
      var behind = new ArrayList<ConsumedMessage>();
      boolean more;
      synchronized (this) {
        ArrayDeque<ConsumedMessage> lane = lanes.get(messageGroup);
        lane.pollFirst();
        if (message.isGivenBack()) {
          behind.addAll(lane);
          lane.clear();
        }
        more = !lane.isEmpty();
        if (!more) {
          lanes.remove(messageGroup);
        }
      }
      // They come again behind the one that was given back. Most are gone with it by now; a release
      // of those is found void on the loop, which is the one that knows.
      behind.forEach(later -> later.decide(SettlementKind.RELEASE, 0));
      if (more) {
        workers.execute(() -> workInLane(messageGroup));
      }
    }
  }

  private void work(ConsumedMessage message) {
    if (!passGate() || message.gone().isPresent() || (fifo && message.isBehindGivenBack())) {
      return;
    }
    if (clock.isOver(message)) {
      message.decide(SettlementKind.RELEASE, 0);
      return;
    }
    Verdict verdict = null;
    Exception failure = null;
    try {
      verdict = options.listener.consume(message);
    } catch (InterruptedException e) {
      failure = e;
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      failure = e;
    } finally {
      // An Error passes through here on its way to the thread's end; another thread follows.
      settle(message, verdict, failure);
    }
  }

  private void settle(ConsumedMessage message, Verdict verdict, Exception failure) {
    if (verdict instanceof Verdict.Ack) {
      message.decide(SettlementKind.ACK, 0);
    } else if (verdict instanceof Verdict.Nack nack) {
      message.decide(SettlementKind.NACK, nack.delay().toMillis());
    } else if (verdict instanceof Verdict.DeadLetter) {
      message.decide(SettlementKind.DEAD_LETTER, 0);
    } else {
      failed(message, failure);
    }
  }

  private void failed(ConsumedMessage message, Exception failure) {
    counters.listenerFailures.increment();
    boolean interruptedByClose;
    synchronized (this) {
      interruptedByClose = stopped && failure instanceof InterruptedException;
    }
    if (interruptedByClose) {
      // It goes back with the rest, as no attempt.
      return;
    }
    long now = clock.nanoTime();
    long before = loggedNanos.get();
    if (now - before >= LOG_EVERY_NANOS && loggedNanos.compareAndSet(before, now)) {
      LOG.warn(
          "listener failed group={} message={} attempt={} failures={}; it comes again later",
          options.group,
          message,
          message.attempt(),
          counters.listenerFailures.sum(),
          failure);
    }
    message.decide(SettlementKind.NACK, options.backoffMillis(message.attempt()));
  }

  /** Waits while leases may not be ours. False when nothing more is to be begun. */
  private synchronized boolean passGate() {
    try {
      while (!connected && !stopped) {
        wait();
      }
      return !stopped;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
