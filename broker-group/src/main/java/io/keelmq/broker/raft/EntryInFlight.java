package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Status;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Reply;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An entry between the proposer and its end. JRaft runs it with an error when the entry fails; the
 * apply loop ends it when it is applied.
 */
final class EntryInFlight implements Closure {

  private static final Logger LOG = LoggerFactory.getLogger(EntryInFlight.class);

  private final List<PendingCommand> commands;
  private final long bytes;
  private final BiConsumer<EntryInFlight, Runnable> onEnd;
  private final AtomicBoolean ended = new AtomicBoolean();

  /**
   * @param onEnd given this entry and what tells its callers; called once
   */
  EntryInFlight(
      List<PendingCommand> commands, long bytes, BiConsumer<EntryInFlight, Runnable> onEnd) {
    this.commands = commands;
    this.bytes = bytes;
    this.onEnd = onEnd;
  }

  List<PendingCommand> commands() {
    return commands;
  }

  long bytes() {
    return bytes;
  }

  /**
   * The entry was applied here; to be called on the apply thread, after its rows can be read.
   *
   * @param replies one for each command
   */
  void applied(long index, List<Reply> replies) {
    if (replies.size() != commands.size()) {
      throw new IllegalStateException(
          "entry %d: %d replies for %d commands".formatted(index, replies.size(), commands.size()));
    }
    end(
        () -> {
          for (int i = 0; i < commands.size(); i++) {
            tell(commands.get(i), new ProposalOutcome.Applied(index, replies.get(i)));
          }
        });
  }

  /** JRaft gives it up, on one of its pool threads. */
  @Override
  public void run(Status status) {
    if (status.isOk()) {
      // Only for entries that reach no state machine; ours always do.
      throw new IllegalStateException("JRaft ended a data entry by itself");
    }
    fail(RaftStatuses.outcome(status));
  }

  void fail(ProposalOutcome outcome) {
    end(() -> commands.forEach(command -> tell(command, outcome)));
  }

  private static void tell(PendingCommand command, ProposalOutcome outcome) {
    try {
      command.tell(outcome);
    } catch (RuntimeException e) {
      // The others in the entry are somebody else's, and nobody would ever tell them.
      LOG.error("a caller failed when it was told how its command ended", e);
    }
  }

  private void end(Runnable tell) {
    if (ended.compareAndSet(false, true)) {
      onEnd.accept(this, tell);
    }
  }
}
