package io.keelmq.broker.raft;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread on which callers and listeners are told what happened, in log order.
 *
 * <p>What it holds is bounded by those who hand over: answers to proposals by the bytes in flight,
 * answers to read points by their number, and batches of effects by {@link #MAX_BATCHES}, at which
 * the apply thread waits. So a listener must be quick and never wait for the network.
 */
final class Replies {

  private static final Logger LOG = LoggerFactory.getLogger(Replies.class);

  static final int MAX_BATCHES = 1_024;
  private static final long CLOSE_SECONDS = 5;

  private final Semaphore batches = new Semaphore(MAX_BATCHES);
  private final ThreadPoolExecutor thread;

  Replies(String name) {
    this.thread =
        new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              var started = new Thread(task, "raft-replies-" + name);
              started.setDaemon(true);
              return started;
            },
            new ThreadPoolExecutor.DiscardPolicy());
  }

  /** Hands over an answer whose number is bounded elsewhere. */
  void tell(Runnable answer) {
    thread.execute(() -> run(answer));
  }

  /** Hands over what a commit of the apply loop has to tell; waits while too many are not told. */
  void tellBatch(Runnable batch) throws InterruptedException {
    batches.acquire();
    thread.execute(
        () -> {
          try {
            run(batch);
          } finally {
            batches.release();
          }
        });
  }

  /** Answers that wait to be told. */
  int waiting() {
    return thread.getQueue().size();
  }

  private static void run(Runnable answer) {
    try {
      answer.run();
    } catch (RuntimeException e) {
      // One broken listener must not keep the others from being told.
      LOG.error("a callback failed", e);
    }
  }

  /** Tells what was handed over before, within a bound; what comes later is dropped. */
  void stop() throws InterruptedException {
    thread.shutdown();
    if (!thread.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
      LOG.warn("callbacks still run after {} s, dropped={}", CLOSE_SECONDS, waiting());
      thread.shutdownNow();
    }
  }
}
