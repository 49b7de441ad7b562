package io.keelmq.client.cli;

import io.keelmq.client.Receipt;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Waits for receipts in the order of sending and hands them on, so that the sender can go on
 * reading its input, which may be a terminal or a pipe that pauses. The sender's thread adds; a
 * thread of its own prints.
 */
final class Receipts {
  /** Messages sent whose receipt was not yet printed; the sender waits beyond it. */
  private static final int MAX_WAITING = 16_384;

  /** So many lines may fail before the rest is not tried. */
  private static final int MAX_FAILURES = 100;

  private static final long NO_LINE = -1;

  private static final Sent END = new Sent(NO_LINE, new CompletableFuture<>());

  private record Sent(long line, CompletableFuture<Receipt> receipt) {
    boolean isEnd() {
      return line == NO_LINE;
    }
  }

  private final BlockingQueue<Sent> waiting = new ArrayBlockingQueue<>(MAX_WAITING);
  private final Consumer<Receipt> print;
  private final Runnable flush;
  private final Thread thread = new Thread(this::run, "keelmq-receipts");

  private volatile boolean giveUp;
  private volatile RuntimeException broken;
  private volatile long sent;
  private volatile long failed;
  private volatile long firstFailedLine;
  private volatile Throwable firstFailure;

  /**
   * @param print called for each stored message, in order
   * @param flush called when no other receipt is at hand
   */
  Receipts(Consumer<Receipt> print, Runnable flush) {
    this.print = print;
    this.flush = flush;
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  void add(long line, CompletableFuture<Receipt> receipt) {
    put(new Sent(line, receipt));
  }

  /** True when it makes no sense to send more: the topic is missing, say, or nobody is there. */
  boolean giveUp() {
    return giveUp;
  }

  /** No more will come: waits until all are printed. */
  void finish() {
    put(END);
    join(0);
    if (broken != null) {
      throw broken;
    }
  }

  /** As {@link #finish}, for so long at the most, and without telling what broke. */
  void finishWithin(long millis) {
    if (waiting.offer(END)) {
      join(millis);
    }
  }

  long sent() {
    return sent;
  }

  long failed() {
    return failed;
  }

  long firstFailedLine() {
    return firstFailedLine;
  }

  /** Null when nothing failed. */
  Throwable firstFailure() {
    return firstFailure;
  }

  private void put(Sent entry) {
    try {
      // The thread may have ended because nobody reads its output.
      while (!waiting.offer(entry, 100, TimeUnit.MILLISECONDS)) {
        if (!thread.isAlive()) {
          return;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      giveUp = true;
    }
  }

  private void join(long millis) {
    try {
      thread.join(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    try {
      while (true) {
        Sent next = waiting.poll();
        if (next == null || !next.receipt.isDone()) {
          flush.run();
          next = next == null ? waiting.take() : next;
        }
        if (next.isEnd()) {
          return;
        }
        settle(next);
      }
    } catch (InterruptedException e) {
      giveUp = true;
    } catch (RuntimeException e) {
      broken = e;
      giveUp = true;
    }
  }

  // One thread writes the counts; others only look.
  @SuppressWarnings("NonAtomicVolatileUpdate")
  private void settle(Sent next) throws InterruptedException {
    try {
      Receipt receipt = next.receipt.get();
      sent++;
      print.accept(receipt);
    } catch (ExecutionException | CancellationException e) {
      Throwable failure = e.getCause() == null ? e : e.getCause();
      if (firstFailure == null) {
        firstFailedLine = next.line;
        firstFailure = failure;
      }
      failed++;
      int exitCode = Failures.exitCode(failure);
      if (failed >= MAX_FAILURES
          || exitCode == ExitCodes.NOT_FOUND
          || exitCode == ExitCodes.UNAVAILABLE) {
        giveUp = true;
      }
    }
  }
}
