package io.keelmq.broker;

import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A command on its way into the log.
 *
 * @param command positions of its runs are set by the proposer, which alone knows where an entry
 *     puts them; the ones given here are ignored
 * @param records the records of the command's runs, in the order of the runs; empty for commands
 *     without payload. Read only by the proposer, and not changed by the caller until {@code done}
 * @param done told how it ended; see {@link Replica#propose}
 */
public record Proposal(
    Optional<CommandOrigin> origin,
    Command command,
    List<ByteBuffer> records,
    Consumer<ProposalOutcome> done) {

  public Proposal {
    records = List.copyOf(records);
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
