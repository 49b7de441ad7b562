package io.keelmq.client;

import io.keelmq.v1.Code;
import io.keelmq.v1.SettlementKind;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Messages that wait for a call of {@link Consumer#receive}. Thread-safe by its monitor, under
 * which nobody else is called.
 */
final class PullInbox implements Inbox {

  private final LongSupplier nanos;
  private final LeaseClock clock;
  private final ArrayDeque<ConsumedMessage> waiting = new ArrayDeque<>();
  private volatile boolean fifo;
  private boolean connected;
  private boolean stopped;
  private KeelException failure;

  PullInbox(LongSupplier nanos, LeaseClock clock) {
    this.nanos = nanos;
    this.clock = clock;
  }

  /**
   * @param complaint asked when the time is over without a stream
   */
  List<ConsumedMessage> receive(int max, Duration wait, Supplier<Optional<Unavailable>> complaint) {
    long deadline = nanos.getAsLong() + wait.toNanos();
    while (true) {
      var taken = new ArrayList<ConsumedMessage>();
      boolean timeIsOver = false;
      boolean online;
      synchronized (this) {
        if (failure != null) {
          throw failure.rethrown();
        }
        if (stopped) {
          throw new ClientClosed(Code.SHUTTING_DOWN, "the consumer is closed");
        }
        online = connected;
        while (connected && taken.size() < max && !waiting.isEmpty()) {
          taken.add(waiting.pollFirst());
        }
        if (taken.isEmpty()) {
          long left = deadline - nanos.getAsLong();
          timeIsOver = left <= 0;
          if (!timeIsOver && !await(left)) {
            return List.of();
          }
        }
      }
      taken.removeIf(message -> !isOurs(message));
      if (!taken.isEmpty()) {
        return taken;
      }
      if (timeIsOver) {
        if (!online) {
          complaint
              .get()
              .ifPresent(
                  failing -> {
                    throw failing;
                  });
        }
        return List.of();
      }
    }
  }

  @Override
  public synchronized void put(List<ConsumedMessage> messages) {
    if (!stopped) {
      waiting.addAll(messages);
      notifyAll();
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
    notifyAll();
  }

  @Override
  public synchronized void stop() {
    stopped = true;
    waiting.clear();
    notifyAll();
  }

  @Override
  public synchronized void fail(KeelException why) {
    if (failure == null && !stopped) {
      failure = why;
    }
    waiting.clear();
    notifyAll();
  }

  /** Whoever received messages settles them before closing, or they are given back. */
  @Override
  public boolean awaitIdle(long waitNanos) {
    return true;
  }

  @Override
  public boolean isCurrent() {
    return false;
  }

  private boolean isOurs(ConsumedMessage message) {
    if (message.gone().isPresent() || (fifo && message.isBehindGivenBack())) {
      return false;
    }
    if (clock.isOver(message)) {
      message.decide(SettlementKind.RELEASE, 0);
      return false;
    }
    return true;
  }

  /** False when interrupted. */
  private boolean await(long waitNanos) {
    try {
      TimeUnit.NANOSECONDS.timedWait(this, Math.max(waitNanos, 1_000_000));
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
