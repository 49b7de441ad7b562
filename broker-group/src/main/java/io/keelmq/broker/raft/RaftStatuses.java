package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.error.RaftError;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ProposalOutcome.Reason;

/**
 * What a failed entry's status says about the entry.
 *
 * <p>JRaft uses one code, EPERM, both for an entry that was refused at the door and for one that
 * was appended before its leader stepped down; they differ by text alone. What is not known to be
 * the former must be taken for the latter: the next leader may well commit it. The texts are those
 * of {@code NodeImpl.executeApplyingTasks} and {@code NodeImpl.apply} in JRaft 1.4.1, and a test
 * with a real node notices if they change.
 */
final class RaftStatuses {

  private static final String NOT_LEADER = "Is not leader.";
  private static final String OTHER_TERM = "expected_term=";

  private RaftStatuses() {}

  static ProposalOutcome outcome(Status status) {
    String text = status.getErrorMsg() == null ? "" : status.getErrorMsg();
    if (status.getRaftError() == RaftError.EBUSY) {
      return busy(text);
    }
    boolean refused =
        status.getRaftError() == RaftError.EPERM
            && (text.equals(NOT_LEADER) || text.startsWith(OTHER_TERM));
    return refused
        ? new ProposalOutcome.NotProposed(Reason.NOT_LEADER, text)
        : new ProposalOutcome.Unknown(status.getRaftError() + ": " + text);
  }

  private static ProposalOutcome busy(String text) {
    if (text.startsWith("Is transferring leadership")) {
      return new ProposalOutcome.NotProposed(Reason.NOT_LEADER, text);
    }
    if (text.startsWith("Node is busy") || text.endsWith("log manager is busy.")) {
      return new ProposalOutcome.NotProposed(Reason.OVERLOADED, text);
    }
    // Not one of those that 1.4.1 answers before appending.
    return new ProposalOutcome.Unknown(RaftError.EBUSY + ": " + text);
  }
}
