package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.PeerId;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks Raft again and again whom it follows. It tells the apply thread, which hears of it behind
 * the entries that it has to apply first, or a snapshot that it brings in; if that takes long,
 * calls would be passed on to a leader that is dead meanwhile. That this replica leads itself is
 * never taken from here: it does when it has applied what was before.
 *
 * <p>On a thread of its own: Raft answers under a lock that it may hold while a vote is written.
 */
final class LeaderLook {

  private static final Logger LOG = LoggerFactory.getLogger(LeaderLook.class);

  private static final long LOOK_MILLIS = 100;

  /** For so long the apply thread may be the one that tells; it also knows the term. */
  static final long PATIENCE_MILLIS = 500;

  private final LeadershipView view;
  private final Supplier<PeerId> leaderOfRaft;
  private final LongSupplier nanos;
  private final ScheduledExecutorService thread;

  private PeerId seen = PeerId.emptyPeer();
  private long seenAtNanos;

  /**
   * @param leaderOfRaft gives null while it knows none
   */
  LeaderLook(String node, LeadershipView view, Supplier<PeerId> leaderOfRaft, LongSupplier nanos) {
    this.view = view;
    this.leaderOfRaft = leaderOfRaft;
    this.nanos = nanos;
    this.thread =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              var started = new Thread(task, "leader-look-" + node);
              started.setDaemon(true);
              return started;
            });
  }

  void start() {
    thread.scheduleWithFixedDelay(this::guarded, LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void guarded() {
    try {
      look();
    } catch (RuntimeException e) {
      // A thread's root: the next look may succeed, and the apply thread tells in any case.
      LOG.debug("Raft was not asked whom it follows", e);
    }
  }

  void look() {
    // Before Raft is asked: what the apply thread tells from now on is newer than the answer.
    long version = view.version();
    PeerId found = leaderOfRaft.get();
    long now = nanos.getAsLong();
    if (found == null || !found.equals(seen)) {
      seen = found == null ? PeerId.emptyPeer() : found.copy();
      seenAtNanos = now;
    } else if (!found.isEmpty()
        && now - seenAtNanos >= TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS)) {
      view.heardOf(found, version);
    }
  }

  void stop() {
    thread.shutdownNow();
  }
}
