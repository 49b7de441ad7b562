package io.keelmq.broker.api;

import io.keelmq.v1.Trimmed;
import java.util.Optional;

/** What retention took of a queue before its consumer group had consumed it, until it is told. */
final class LostRange {

  private final int queue;
  private Optional<Trimmed> untold = Optional.empty();

  LostRange(int queue) {
    this.queue = queue;
  }

  /**
   * @param wantedOffset the first that was lost
   * @param firstOffset the first that is left
   */
  void add(long wantedOffset, long firstOffset) {
    long from =
        untold.map(range -> Math.min(range.getWantedOffset(), wantedOffset)).orElse(wantedOffset);
    untold =
        Optional.of(
            Trimmed.newBuilder()
                .setQueue(queue)
                .setWantedOffset(from)
                .setFirstOffset(firstOffset)
                .build());
  }

  /** What was not told yet; it counts as told. */
  Optional<Trimmed> take() {
    Optional<Trimmed> told = untold;
    untold = Optional.empty();
    return told;
  }
}
