package io.keelmq.broker.raft;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Command;
import io.keelmq.v1.log.LogCommand;
import java.util.concurrent.atomic.AtomicBoolean;

/** A proposal with its form in the log. Its caller is told once, whatever happens. */
final class PendingCommand {

  private final Proposal proposal;
  private final LogCommand encoded;
  private final int bytes;
  private final AtomicBoolean told = new AtomicBoolean();

  /**
   * @throws IllegalArgumentException if the records are not those that the runs tell of: such an
   *     entry could be read by no replica
   */
  PendingCommand(Proposal proposal) {
    requireRecordsOfRuns(proposal);
    this.proposal = proposal;
    this.encoded = CommandEncoder.encode(proposal.origin(), proposal.command());
    // The tag and length of the command inside the header; not exact for the last few bytes.
    this.bytes = encoded.getSerializedSize() + 6 + proposal.recordBytes();
  }

  private static void requireRecordsOfRuns(Proposal proposal) {
    long told = 0;
    if (proposal.command() instanceof Command.SendMessages send) {
      for (Command.Run run : send.runs()) {
        if (run.bytes() < 0) {
          throw new IllegalArgumentException("a run of " + run.bytes() + " bytes");
        }
        told += run.bytes();
      }
    } else if (proposal.command() instanceof Command.RelocateBodies relocate) {
      told = relocate.bodies().stream().mapToLong(Command.Body::bytes).sum();
    }
    if (told != proposal.recordBytes()) {
      throw new IllegalArgumentException(
          "the runs tell of %d bytes, the records have %d".formatted(told, proposal.recordBytes()));
    }
  }

  Proposal proposal() {
    return proposal;
  }

  LogCommand encoded() {
    return encoded;
  }

  /** What the command takes in an entry, give or take a few bytes. */
  int bytes() {
    return bytes;
  }

  /** Tells the caller, unless it has been told. */
  void tell(ProposalOutcome outcome) {
    if (told.compareAndSet(false, true)) {
      proposal.done().accept(outcome);
    }
  }
}
