package io.keelmq.broker.api;

import io.grpc.SynchronizationContext;
import io.keelmq.v1.Code;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * How long a session keeps batches that no leader takes, and when it tries the next time.
 *
 * <p>A hold begins with the first reason and lasts {@link Edge#HOLD}, however many reasons follow,
 * unless a batch is stored in between. Owned by the session's turn; nothing survives a crash.
 */
final class Hold {

  private final Edge edge;
  private final SynchronizationContext turn;
  private final Runnable tryAgain;

  private boolean pausing;
  private boolean holding;
  private long untilNanos;

  /**
   * @param tryAgain runs in the turn after each pause
   */
  Hold(Edge edge, SynchronizationContext turn, Runnable tryAgain) {
    this.edge = edge;
    this.turn = turn;
    this.tryAgain = tryAgain;
  }

  /** Whether nothing is to be handed over now. */
  boolean isPausing() {
    return pausing;
  }

  /**
   * Holds on for one more reason.
   *
   * @param pauseMillis until the next try; 0 for at once
   * @return what to tell the batches, if they were held for long enough
   */
  Optional<Refusal> extend(Refusal why, long pauseMillis) {
    long now = edge.now();
    if (!holding) {
      edge.stats().holds.increment();
      holding = true;
      untilNanos = now + Edge.HOLD.toNanos();
    }
    if (now - untilNanos >= 0 || !pause(pauseMillis)) {
      holding = false;
      return Optional.of(
          why.code() == Code.TOO_MANY_REQUESTS
              ? why
              : Refusal.noLeader("no leader took it in time: " + why.message()));
    }
    return Optional.empty();
  }

  /** False if there will be no next try, because this replica is ending. */
  private boolean pause(long millis) {
    if (millis > 0 && !pausing) {
      pausing = true;
      try {
        turn.schedule(this::paused, millis, TimeUnit.MILLISECONDS, edge.timer());
      } catch (RejectedExecutionException e) {
        return false;
      }
    }
    return true;
  }

  private void paused() {
    pausing = false;
    tryAgain.run();
  }

  /** There is somebody to try at once. */
  void endPause() {
    pausing = false;
  }

  /** All is well. */
  void end() {
    holding = false;
  }
}
