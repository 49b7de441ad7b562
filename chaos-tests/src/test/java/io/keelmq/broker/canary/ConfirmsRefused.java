package io.keelmq.broker.canary;

import io.keelmq.broker.raft.ConfirmPolicy;
import io.keelmq.raftlog.SegmentedLog;

/**
 * The fault "a follower confirms what its disk refused": JRaft's answers leave as they are,
 * whatever became of the log. Immutable.
 */
public final class ConfirmsRefused implements ConfirmPolicy {

  /** Made by name. */
  public ConfirmsRefused() {}

  @Override
  public boolean mayConfirm(SegmentedLog log) {
    return true;
  }
}
