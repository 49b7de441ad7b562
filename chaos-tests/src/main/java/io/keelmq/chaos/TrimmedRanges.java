package io.keelmq.chaos;

import io.keelmq.client.MessagesTrimmed;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * What a reader was told of messages that retention took before it came to them, and when.
 * Thread-safe.
 */
final class TrimmedRanges implements Consumer<MessagesTrimmed> {

  private static final int MOST = 100_000;

  private record Range(MessagesTrimmed lost, long toldNanos) {}

  private final Queue<Range> told = new ConcurrentLinkedQueue<>();
  private final AtomicLong ranges = new AtomicLong();
  private final AtomicLong messages = new AtomicLong();

  /**
   * @throws MessagesTrimmed the range, if it is one too many to be kept
   */
  @Override
  public void accept(MessagesTrimmed lost) {
    if (ranges.incrementAndGet() > MOST) {
      throw lost;
    }
    told.add(new Range(lost, System.nanoTime()));
    messages.addAndGet(lost.toOffset() - lost.fromOffset());
  }

  /** In all of them. */
  long messages() {
    return messages.get();
  }

  void tell(ShortLived judge) {
    told.forEach(
        range ->
            judge.trimmed(
                range.lost().queue(),
                range.lost().fromOffset(),
                range.lost().toOffset(),
                range.toldNanos()));
  }
}
