package io.keelmq.broker.state;

import java.util.List;
import java.util.Optional;

/** What a command came to. Immutable. */
public sealed interface Reply {

  /**
   * The messages are in their queues.
   *
   * @param queues the queue of each run, in the order of the runs: for an earlier copy the one that
   *     it went to, whichever the repeat names
   * @param firstOffsets the offset of each run's first message; {@link #HELD} for one that waits
   * @param held by run: what a run that waits is called; empty where none does
   * @param duplicate true when all of it had been stored by an earlier copy
   */
  record Stored(
      List<Integer> queues, List<Long> firstOffsets, List<Optional<HeldId>> held, boolean duplicate)
      implements Reply {

    /** Stands for the offset of a message that has none yet. */
    public static final long HELD = -1;

    public Stored {
      queues = List.copyOf(queues);
      firstOffsets = List.copyOf(firstOffsets);
      held = List.copyOf(held);
      if (queues.size() != firstOffsets.size()
          || (!held.isEmpty() && held.size() != queues.size())) {
        throw new IllegalArgumentException(
            queues + ", " + firstOffsets + " and " + held + " do not match");
      }
    }

    /** Of runs none of which waits. */
    public Stored(List<Integer> queues, List<Long> firstOffsets, boolean duplicate) {
      this(queues, firstOffsets, List.of(), duplicate);
    }
  }

  /**
   * Messages that a consumer has for a while.
   *
   * @param grant which grant of the command they come from, from 0
   * @param attempt the same for all of them, from 1
   * @param deadlineMillis log time at which the lease ends
   */
  record Lease(LeaseId id, int grant, OffsetSet offsets, int attempt, long deadlineMillis) {}

  /** Leases of a {@link Command.GrantLeases}, in the order of its candidates. */
  record Leased(List<Lease> leases) implements Reply {

    public Leased {
      leases = List.copyOf(leases);
    }
  }

  /**
   * What a settlement came to.
   *
   * @param messages how many it decided; 0 if none of them was leased any more
   * @param lease what an extended part is called now
   * @param deadlineMillis of an extended part
   */
  record SettledPart(int messages, Optional<LeaseId> lease, long deadlineMillis) {}

  /** By settlement of a {@link Command.SettleLeases}. */
  record Settled(List<SettledPart> parts) implements Reply {

    public Settled {
      parts = List.copyOf(parts);
    }
  }

  record TopicSettings(Topic topic) implements Reply {}

  record Epoch(long epoch) implements Reply {}

  record Done() implements Reply {}

  /**
   * Nothing was changed.
   *
   * @param message what was expected, what was found and what to do
   */
  record Rejected(Rejection reason, String message) implements Reply {}
}
