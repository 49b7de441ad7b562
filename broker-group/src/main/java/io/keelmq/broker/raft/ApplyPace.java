package io.keelmq.broker.raft;

/**
 * How long an entry waits before it is applied: not at all. This is the seam by which a test build
 * makes applying slower than replicating, to prove that the broker holds its callers back instead
 * of running out of memory.
 *
 * <p>The fault is planted by {@code -Dkeelmq.canary.applyPauseMicros=N}; see {@link Canary}.
 */
public interface ApplyPace {

  String PROPERTY = "keelmq.canary.applyPauseMicros";
  String CANARY_CLASS = "io.keelmq.broker.canary.SlowApply";

  /** Entries are applied as they come. */
  ApplyPace AT_ONCE = () -> {};

  /** Called by the apply thread before each entry. */
  void beforeEntry();

  /**
   * The pace that the system properties ask for.
   *
   * @throws IllegalStateException if a fault is asked for that this build cannot plant
   */
  static ApplyPace fromProperties() {
    return Canary.planted(PROPERTY, CANARY_CLASS, ApplyPace.class).orElse(AT_ONCE);
  }
}
