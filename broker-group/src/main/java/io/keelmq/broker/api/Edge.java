package io.keelmq.broker.api;

import io.grpc.StatusRuntimeException;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Replica;
import io.keelmq.v1.Code;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * What the calls of one server share. Immutable.
 *
 * @param timer one thread; runs only what hands over at once
 * @param calls bounded; may block on disk, never on another call
 * @param nanoClock monotonic
 */
public record Edge(
    Replica replica,
    LeadershipWatch watch,
    LeaderForwarder forwarder,
    ScheduledExecutorService timer,
    Executor calls,
    LongSupplier nanoClock,
    ApiStats stats) {

  /** How long a call waits for a leader. */
  public static final Duration HOLD = Duration.ofMillis(2_500);

  /** Left of a caller's deadline for the way back. */
  public static final Duration DEADLINE_MARGIN = Duration.ofMillis(200);

  /** Between two tries while a call is held; a change of leadership is told at once. */
  public static final Duration RETRY_EVERY = Duration.ofMillis(40);

  /** Before a proposal that found the replica full is tried again. */
  static final Duration OVERLOAD_PAUSE = Duration.ofMillis(10);

  public boolean initialized() {
    return replica.leadership().role() != Leadership.Role.UNINITIALIZED;
  }

  /** The end of a call that is refused, counted. */
  public StatusRuntimeException refuse(Refusal refusal) {
    stats.countRefused(refusal.code());
    return refusal.toException(replica.leadership());
  }

  /**
   * Runs a task on the call executor.
   *
   * @param full told instead, at once, if too much waits there
   */
  public void call(Runnable task, Consumer<Refusal> full) {
    try {
      calls.execute(task);
    } catch (RejectedExecutionException e) {
      full.accept(
          new Refusal(Code.TOO_MANY_REQUESTS, "too many calls wait here: try again shortly"));
    }
  }

  public long now() {
    return nanoClock.getAsLong();
  }
}
