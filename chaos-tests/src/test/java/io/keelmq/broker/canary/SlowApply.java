package io.keelmq.broker.canary;

import io.keelmq.broker.raft.ApplyPace;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The fault "applying cannot keep up": every entry waits as long as {@link ApplyPace#PROPERTY}
 * says, in microseconds.
 *
 * <p>Owned by the apply thread.
 */
public final class SlowApply implements ApplyPace {

  private final long pauseNanos = TimeUnit.MICROSECONDS.toNanos(Long.getLong(ApplyPace.PROPERTY));

  /** Made by name. */
  public SlowApply() {}

  @Override
  public void beforeEntry() {
    LockSupport.parkNanos(pauseNanos);
  }
}
