package io.keelmq.broker;

import io.keelmq.broker.state.Effect;
import io.keelmq.broker.state.StateView;
import java.util.List;
import java.util.function.Consumer;

/** One member of a broker group, as serving sees it. Thread-safe; no call blocks. */
public interface Replica {

  /**
   * Puts a command into the log if this replica leads. The proposal's {@code done} is called
   * exactly once, possibly before this returns, never on a thread that may not run short callbacks.
   */
  void propose(Proposal proposal);

  /**
   * Calls {@code done} once this replica has applied everything that was committed in the group
   * before the call, or with the reason why that could not be learned in time.
   *
   * @param timeoutMillis from 1; an election within it is waited for
   */
  void readPoint(long timeoutMillis, Consumer<ReadPoint> done);

  /** Who leads, as this replica knows it now. */
  Leadership leadership();

  /** What this replica has applied. */
  StateView state();

  /** The bytes behind the state's addresses. */
  MessageLog log();

  /**
   * Called with the effects of what was applied, after its rows can be read, and with an empty list
   * when leadership changed. Listeners are told on one thread, in log order, and must be quick.
   */
  void onApplied(Consumer<List<Effect>> listener);
}
