package io.keelmq.broker.api;

import io.keelmq.broker.state.Effect;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Readers that have reached the end of a queue and wait for it to grow. Waiting costs an entry in a
 * map: no thread, no timer.
 *
 * <p>Thread-safe. Waking happens on the replica's listener thread and only hands over.
 */
final class ParkedReads {

  /** A queue of a topic that lives: ids are never used twice. */
  record Key(long topicId, int queue) {}

  /** Woken at most once for each time it is parked; must be quick. */
  interface Waiter {
    void wake();
  }

  private final ConcurrentHashMap<Key, Set<Waiter>> waiters = new ConcurrentHashMap<>();
  private final Set<Runnable> topicWatchers = ConcurrentHashMap.newKeySet();

  /**
   * Parks a reader. The queue may have grown just before: look again afterwards, and {@link
   * #unpark} if it has.
   */
  void park(Key key, Waiter waiter) {
    waiters.compute(
        key,
        (same, parked) -> {
          Set<Waiter> all = parked == null ? new HashSet<>() : parked;
          all.add(waiter);
          return all;
        });
  }

  /** True if the reader was still parked, and is not woken any more. */
  boolean unpark(Key key, Waiter waiter) {
    boolean[] was = new boolean[1];
    waiters.computeIfPresent(
        key,
        (same, parked) -> {
          was[0] = parked.remove(waiter);
          return parked.isEmpty() ? null : parked;
        });
    return was[0];
  }

  /** The watcher is told whenever topics were made, altered or deleted. */
  void watchTopics(Runnable watcher) {
    topicWatchers.add(watcher);
  }

  void unwatchTopics(Runnable watcher) {
    topicWatchers.remove(watcher);
  }

  /** Called on the replica's listener thread, after the rows can be read. */
  void applied(List<Effect> effects) {
    for (Effect effect : effects) {
      if (effect instanceof Effect.QueueGrew grew) {
        Set<Waiter> parked = waiters.remove(new Key(grew.topicId(), grew.queue()));
        if (parked != null) {
          parked.forEach(Waiter::wake);
        }
      } else if (effect instanceof Effect.TopicsChanged) {
        topicWatchers.forEach(Runnable::run);
      } else if (effect instanceof Effect.StateReplaced) {
        wakeAll();
      }
    }
  }

  private void wakeAll() {
    for (Key key : List.copyOf(waiters.keySet())) {
      Set<Waiter> parked = waiters.remove(key);
      if (parked != null) {
        parked.forEach(Waiter::wake);
      }
    }
  }
}
