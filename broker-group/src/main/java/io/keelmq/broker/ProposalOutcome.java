package io.keelmq.broker;

import io.keelmq.broker.state.Reply;

/** How a proposal ended. */
public sealed interface ProposalOutcome {

  /** It is stored on a majority and applied here. The reply may be a rejection. */
  record Applied(long index, Reply reply) implements ProposalOutcome {}

  /** It is in no log and never will be: safe to propose elsewhere, or again. */
  record NotProposed(Reason reason, String message) implements ProposalOutcome {}

  /**
   * It may be applied by the next leader or never. Safe to repeat, because repeats are told.
   *
   * @param message what happened, for a log line
   */
  record Unknown(String message) implements ProposalOutcome {}

  /** Why a proposal was not taken. */
  enum Reason {
    NOT_LEADER,
    /** The bound on bytes in flight is reached. */
    OVERLOADED,
    DISK_FULL,
    SHUTTING_DOWN,
    /** The entry would be larger than an entry may be. */
    TOO_LARGE,
    /** The group has not reached the feature level that the command needs. */
    FEATURE_LEVEL
  }
}
