package io.keelmq.common;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a process ends: named steps, one after the other in the order they were added, each with a
 * deadline, exactly once, then the exit code. A step that overruns is logged with where it hangs
 * and left behind; should even that fail, a fallback halts the process, so that it never hangs.
 *
 * <p>The order is the one of the ending, not of the starting: add what takes the process out of
 * other programs' sight first, what holds its data last, before anything is started. Steps have to
 * bear with parts that never started.
 *
 * <p>Ends by signal (exit code 0) or by {@link #exit}. Code of ours never calls System.exit, whose
 * code the hook cannot see.
 *
 * <p>Thread-safe. The lock guards the steps and the state; no step runs under it.
 */
public final class Shutdown {

  /** What a step does; it runs on a thread of its own and is interrupted at its deadline. */
  @FunctionalInterface
  public interface Step {
    void run() throws Exception;
  }

  static final int MAX_STEPS = 64;

  /** How long after the sum of all deadlines the fallback waits for the steps' bookkeeping. */
  private static final Duration GRACE = Duration.ofSeconds(2);

  private static final Logger log = LoggerFactory.getLogger(Shutdown.class);

  private record NamedStep(String name, Duration deadline, Step step) {}

  private final IntConsumer halt;
  private final Duration grace;
  private final Queue<NamedStep> steps = new ArrayDeque<>();
  private final CountDownLatch ended = new CountDownLatch(1);
  private boolean begun;

  public Shutdown() {
    // halt, because exit would wait for the hook that may be the caller.
    this(Runtime.getRuntime()::halt, GRACE);
  }

  Shutdown(IntConsumer halt, Duration grace) {
    this.halt = halt;
    this.grace = grace;
  }

  /**
   * Adds a step behind those that were added before.
   *
   * @throws IllegalStateException if there are too many
   */
  public synchronized void step(String name, Duration deadline, Step step) {
    if (steps.size() == MAX_STEPS) {
      throw new IllegalStateException("step " + name + " would be more than " + MAX_STEPS);
    }
    if (begun) {
      // The program was still starting when the signal came. It ends anyway.
      log.debug("step={} added while shutting down, left out", name);
      return;
    }
    steps.add(new NamedStep(name, deadline, step));
  }

  /** Makes SIGTERM, SIGINT and SIGHUP run the steps and end the process with exit code 0. */
  public void onSignal() {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(0, "signal"), "shutdown"));
  }

  /**
   * Runs the steps and ends the process; does not return in a real process. If the ending has
   * already begun elsewhere, that one's exit code stands and this call waits for it.
   *
   * @param reason for the log, e.g. "cannot listen on 127.0.0.1:9876"
   */
  public void exit(int code, String reason) {
    end(code, reason);
  }

  /** As {@link #exit}, for threads that a step may wait for: returns at once. */
  public void exitLater(int code, String reason) {
    daemon("shutdown-" + code, () -> end(code, reason)).start();
  }

  /**
   * Runs the steps that were added so far, and ends nothing else: the program then starts its parts
   * anew, and adds their steps again. If the ending begins meanwhile, it takes over.
   *
   * @return whether all steps have ended within their deadlines; if not, something may still be
   *     held, and only the end of the process lets go of it
   */
  public boolean unwind() {
    boolean clean = true;
    for (NamedStep step = next(); step != null; step = next()) {
      clean &= run(step);
    }
    return clean && !hasBegun();
  }

  /** Whether the steps have begun to run, so that what fails from now on is no news. */
  public synchronized boolean hasBegun() {
    return begun;
  }

  /** Blocks until the steps are done; for a main thread that has nothing else to do. */
  public void awaitEnd() throws InterruptedException {
    ended.await();
  }

  private void end(int code, String reason) {
    Duration longest = grace;
    synchronized (this) {
      if (!begun) {
        begun = true;
        for (NamedStep step : steps) {
          longest = longest.plus(step.deadline());
        }
      } else {
        longest = null;
      }
    }
    if (longest == null) {
      awaitUninterruptibly();
      return;
    }
    startFallback(code, longest);
    log.info("shutting down reason=\"{}\" exit_code={}", reason, code);
    for (NamedStep step = next(); step != null; step = next()) {
      run(step);
    }
    log.info("shut down exit_code={}", code);
    System.out.flush();
    System.err.flush();
    ended.countDown();
    halt.accept(code);
  }

  private synchronized NamedStep next() {
    return steps.poll();
  }

  /**
   * @return whether it ended in time
   */
  private static boolean run(NamedStep step) {
    long startNanos = System.nanoTime();
    Thread thread =
        daemon(
            "shutdown-" + step.name(),
            () -> {
              try {
                step.step().run();
              } catch (Exception e) {
                // The next steps still have to run.
                log.warn("shutdown step={} failed", step.name(), e);
              }
            });
    thread.start();
    try {
      thread.join(Math.max(1, step.deadline().toMillis()));
    } catch (InterruptedException e) {
      // Whoever interrupts an ending process wants it to end: the other steps get their turn now.
      log.warn("shutdown step={} left behind: interrupted", step.name());
      return false;
    }
    if (thread.isAlive()) {
      var where = new Throwable("where step " + step.name() + " hangs");
      where.setStackTrace(thread.getStackTrace());
      log.warn(
          "shutdown step={} overran its deadline_ms={}, going on without it",
          step.name(),
          step.deadline().toMillis(),
          where);
      thread.interrupt();
      return false;
    }
    log.debug("shutdown step={} ms={}", step.name(), millisSince(startNanos));
    return true;
  }

  private void startFallback(int code, Duration longest) {
    daemon(
            "shutdown-fallback",
            () -> {
              try {
                if (ended.await(longest.toMillis(), TimeUnit.MILLISECONDS)) {
                  return;
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              // No logging: the log may be what hangs.
              halt.accept(code);
            })
        .start();
  }

  private void awaitUninterruptibly() {
    boolean interrupted = false;
    while (true) {
      try {
        ended.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static long millisSince(long startNanos) {
    return (System.nanoTime() - startNanos) / 1_000_000;
  }

  private static Thread daemon(String name, Runnable task) {
    var thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }
}
