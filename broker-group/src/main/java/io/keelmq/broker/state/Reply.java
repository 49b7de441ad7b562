package io.keelmq.broker.state;

import java.util.List;

/** What a command came to. Immutable. */
public sealed interface Reply {

  /**
   * The messages are in their queues.
   *
   * @param firstOffsets the offset of each run's first message, in the order of the runs
   * @param duplicate true when an earlier copy had been stored, whose offsets these are
   */
  record Stored(List<Long> firstOffsets, boolean duplicate) implements Reply {

    public Stored {
      firstOffsets = List.copyOf(firstOffsets);
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
