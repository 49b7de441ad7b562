package io.keelmq.broker.raft;

import io.keelmq.raftlog.SegmentedLog;

/**
 * Whether a follower may confirm entries to its leader: not once its log has failed. This is the
 * seam by which a test build takes {@link AppendAnswers} away, to prove that the fault it is there
 * for loses messages, and that the chaos checkers notice it.
 *
 * <p>The fault is planted by {@code -Dkeelmq.canary.confirmsRefused=true}; see {@link Canary}.
 */
public interface ConfirmPolicy {

  String PROPERTY = "keelmq.canary.confirmsRefused";
  String CANARY_CLASS = "io.keelmq.broker.canary.ConfirmsRefused";

  /** What a log that has failed was handed may be on no disk. */
  ConfirmPolicy UNLESS_FAILED = log -> log.poison().isEmpty();

  /** Called for each answer that would confirm entries. */
  boolean mayConfirm(SegmentedLog log);

  /**
   * The policy that the system properties ask for.
   *
   * @throws IllegalStateException if a fault is asked for that this build cannot plant
   */
  static ConfirmPolicy fromProperties() {
    return Canary.planted(PROPERTY, CANARY_CLASS, ConfirmPolicy.class).orElse(UNLESS_FAILED);
  }
}
