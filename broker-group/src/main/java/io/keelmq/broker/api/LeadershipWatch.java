package io.keelmq.broker.api;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Replica;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Tells calls that wait for a leader, or lean on one, when leadership has changed.
 *
 * <p>Thread-safe. The replica's listener thread only notes that there is something to tell; the
 * telling happens on the call executor, and later where that is full: not all watchers have a clock
 * by which they would notice.
 */
public final class LeadershipWatch {

  private final Replica replica;
  private final Executor calls;
  private final ScheduledExecutorService timer;
  private final Set<Runnable> watchers = ConcurrentHashMap.newKeySet();

  /** At first nothing: whoever watches hears of a lead that was taken before there was a server. */
  private final AtomicReference<Leadership> told = new AtomicReference<>(Leadership.UNINITIALIZED);

  private final AtomicBoolean telling = new AtomicBoolean();

  LeadershipWatch(Replica replica, Executor calls, ScheduledExecutorService timer) {
    this.replica = replica;
    this.calls = calls;
    this.timer = timer;
  }

  /** Until {@link #remove}; told at least once after each change, on any thread. */
  public void add(Runnable watcher) {
    watchers.add(watcher);
  }

  public void remove(Runnable watcher) {
    watchers.remove(watcher);
  }

  /** Called on the replica's listener thread, and once when it begins to listen. */
  void changed() {
    Leadership now = replica.leadership();
    if (!now.equals(told.getAndSet(now)) && telling.compareAndSet(false, true)) {
      tell();
    }
  }

  /** While {@link #telling}, so that at most one telling waits, here or there. */
  private void tell() {
    try {
      calls.execute(
          () -> {
            // Cleared first: a change while this runs is told by a second round.
            telling.set(false);
            watchers.forEach(Runnable::run);
          });
    } catch (RejectedExecutionException e) {
      tellLater();
    }
  }

  private void tellLater() {
    try {
      timer.schedule(this::tell, Edge.RETRY_EVERY.toMillis(), TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // The server is closed, and what it served with it.
      telling.set(false);
    }
  }
}
