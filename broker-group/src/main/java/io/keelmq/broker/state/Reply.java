package io.keelmq.broker.state;

import java.util.List;

/** What a command came to. Immutable. */
public sealed interface Reply {

  /**
   * The messages are in their queues.
   *
   * @param queues the queue of each run, in the order of the runs: for an earlier copy the one that
   *     it went to, whichever the repeat names
   * @param firstOffsets the offset of each run's first message
   * @param duplicate true when all of it had been stored by an earlier copy
   */
  record Stored(List<Integer> queues, List<Long> firstOffsets, boolean duplicate) implements Reply {

    public Stored {
      queues = List.copyOf(queues);
      firstOffsets = List.copyOf(firstOffsets);
      if (queues.size() != firstOffsets.size()) {
        throw new IllegalArgumentException(queues + " and " + firstOffsets + " do not match");
      }
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
