package io.keelmq.client;

import io.keelmq.v1.TransactionCheck;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where checks of half messages are answered: a producer's listener decides on a thread of its own,
 * and the decision goes to the group. What does not fit is dropped, and so is what fails: the
 * broker asks again. Thread-safe.
 */
final class CheckDesk {

  /** Checks that wait for the listener, and the bytes of their messages. */
  static final int MAX_WAITING = 1_024;

  static final long MAX_WAITING_BYTES = 16L << 20;

  private static final Logger LOG = LoggerFactory.getLogger(CheckDesk.class);

  private final Set<String> topics;
  private final CheckListener listener;
  private final HeldMessages held;
  private final AtomicInteger waiting = new AtomicInteger();
  private final AtomicLong waitingBytes = new AtomicLong();
  private final ThreadPoolExecutor thread;

  CheckDesk(Set<String> topics, CheckListener listener, HeldMessages held) {
    this.topics = Set.copyOf(topics);
    this.listener = listener;
    this.held = held;
    // Starts with the first check, and the bound on what waits is counted here.
    this.thread =
        new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            work -> {
              var made = new Thread(work, "keelmq-checks");
              made.setDaemon(true);
              return made;
            },
            new ThreadPoolExecutor.DiscardPolicy());
  }

  Set<String> topics() {
    return topics;
  }

  /** Called on the loop. */
  void arrived(TransactionCheck check) {
    int bytes = check.getRecord().size();
    // One that is larger than the bound goes alone.
    if (waiting.get() >= MAX_WAITING
        || (waiting.get() > 0 && waitingBytes.get() + bytes > MAX_WAITING_BYTES)) {
      LOG.debug("a check of half message {} is dropped: too many wait", check.getHeldId());
      return;
    }
    waiting.incrementAndGet();
    waitingBytes.addAndGet(bytes);
    thread.execute(
        () -> {
          try {
            decide(check);
          } finally {
            waiting.decrementAndGet();
            waitingBytes.addAndGet(-bytes);
          }
        });
  }

  private void decide(TransactionCheck check) {
    TransactionDecision decision;
    try {
      decision =
          listener.decide(
              new CheckBack(
                  check.getTopic(),
                  check.getHeldId(),
                  check.getCheck(),
                  HeldMessages.messages(check.getTopic(), 0, 0, check.getRecord())));
    } catch (RuntimeException e) {
      LOG.warn("the listener failed on half message {}; it is asked again", check.getHeldId(), e);
      return;
    }
    switch (decision) {
      case COMMIT -> held.commit(check.getTopic(), check.getHeldId()).whenComplete(this::told);
      case ROLLBACK -> held.rollback(check.getTopic(), check.getHeldId()).whenComplete(this::told);
      case UNKNOWN -> LOG.debug("half message {} stays undecided", check.getHeldId());
    }
  }

  private void told(Object done, Throwable failure) {
    if (failure != null) {
      LOG.debug("a decision was not taken; if it was needed the broker asks again", failure);
    }
  }

  void close() {
    thread.shutdown();
  }
}
