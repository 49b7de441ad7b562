package io.keelmq.broker;

import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * A command on its way into the log.
 *
 * @param command positions of its runs are set by the proposer, which alone knows where an entry
 *     puts them; the ones given here are ignored
 * @param records the records of the command's runs, in the order of the runs; empty for commands
 *     without payload. Read only by the proposer, and not changed by the caller until {@code done}
 * @param done told how it ended; see {@link Replica#propose}
 * @param term of what was decided by one who leads only in it: in another one it is not proposed.
 *     Absent where it does not matter
 */
public record Proposal(
    Optional<CommandOrigin> origin,
    Command command,
    List<ByteBuffer> records,
    Consumer<ProposalOutcome> done,
    OptionalLong term) {

  public Proposal {
    records = List.copyOf(records);
  }

  public Proposal(
      Optional<CommandOrigin> origin,
      Command command,
      List<ByteBuffer> records,
      Consumer<ProposalOutcome> done) {
    this(origin, command, records, done, OptionalLong.empty());
  }

  /** Whether it must not get into the log of this term. */
  public boolean isOfAnotherTerm(long other) {
    return term.isPresent() && term.getAsLong() != other;
  }

  /** Bytes that the command's payload takes in the log. */
  public int recordBytes() {
    int bytes = 0;
    for (ByteBuffer part : records) {
      bytes += part.remaining();
    }
    return bytes;
  }
}
