package io.keelmq.broker.raft;

import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import java.util.Optional;

/**
 * Whether a command may be answered before it is replicated. It may not; this is the seam by which
 * a test build plants that fault, to prove that the chaos checkers notice it.
 *
 * <p>The fault is planted by {@code -Dkeelmq.canary.ackAtLeader=true}; see {@link Canary}.
 */
public interface AckPolicy {

  String PROPERTY = "keelmq.canary.ackAtLeader";
  String CANARY_CLASS = "io.keelmq.broker.canary.Canaries";

  /** Nothing is answered early. */
  AckPolicy AFTER_APPLY = (command, state) -> Optional.empty();

  /**
   * Called by the proposer before the command's entry is handed to Raft.
   *
   * @return what to tell the caller now; empty to tell it when the command was applied
   */
  Optional<Reply> early(Command command, StateView state);

  /**
   * The policy that the system properties ask for.
   *
   * @throws IllegalStateException if a fault is asked for that this build cannot plant
   */
  static AckPolicy fromProperties() {
    return Canary.planted(PROPERTY, CANARY_CLASS, AckPolicy.class).orElse(AFTER_APPLY);
  }
}
