package io.keelmq.broker.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.error.RaftError;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ProposalOutcome.Reason;
import java.util.List;
import org.junit.jupiter.api.Test;

class RaftStatusesTest {

  @Test
  void knowsWhatWasNeverAppended() {
    assertRefused(Reason.NOT_LEADER, RaftError.EPERM, "Is not leader.");
    assertRefused(
        Reason.NOT_LEADER, RaftError.EPERM, "expected_term=3 doesn't match current_term=4");
    assertRefused(Reason.NOT_LEADER, RaftError.EBUSY, "Is transferring leadership.");
    assertRefused(
        Reason.OVERLOADED,
        RaftError.EBUSY,
        "Node is busy, has too many tasks, queue is full and bufferSize=4096");
    assertRefused(Reason.OVERLOADED, RaftError.EBUSY, "Node <g/n> log manager is busy.");
  }

  @Test
  void takesEverythingElseForUnknown() {
    for (var error : RaftError.values()) {
      for (String text :
          List.of("Leader stepped down", "", "Is not leader", "x expected_term=3", "busy")) {
        if (error != RaftError.SUCCESS) {
          assertInstanceOf(
              ProposalOutcome.Unknown.class,
              RaftStatuses.outcome(new Status(error, "%s", text)),
              error + " " + text);
        }
      }
    }
    assertInstanceOf(
        ProposalOutcome.Unknown.class,
        RaftStatuses.outcome(new Status(RaftError.EIO, "%s", "Is not leader.")));
  }

  private static void assertRefused(Reason reason, RaftError error, String text) {
    var outcome = RaftStatuses.outcome(new Status(error, "%s", text));
    assertEquals(reason, assertInstanceOf(ProposalOutcome.NotProposed.class, outcome).reason());
  }
}
