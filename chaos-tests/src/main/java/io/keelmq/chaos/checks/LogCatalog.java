package io.keelmq.chaos.checks;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * What the log of a run holds in the end, and which message of a message group stands before which:
 * 24 bytes for each message. Owned by one thread.
 */
public final class LogCatalog {

  private final OffsetLongs before = new OffsetLongs();
  private final OffsetLongs behind = new OffsetLongs();
  private final OffsetLongs sends = new OffsetLongs();
  private final List<Long> ends = new ArrayList<>();
  private final Map<Long, Long> lastOfGroup = new HashMap<>();

  /**
   * One message of one replica; those of a queue with rising offsets. Messages of one producer, key
   * and queue are one message group.
   */
  public void add(Stored message) {
    int queue = message.queue();
    long offset = message.offset();
    while (ends.size() <= queue) {
      ends.add(0L);
    }
    ends.set(queue, offset + 1);
    if (!message.intact()) {
      return;
    }
    sends.put(queue, offset, name(message.producer(), message.seq()));
    if (message.key() < 0) {
      return;
    }
    // A workload's producers and keys are few, and its keys are of one queue.
    long group = (long) message.producer() << 32 | (long) message.key() << 10 | queue;
    Long last = lastOfGroup.put(group, offset);
    if (last != null) {
      before.put(queue, offset, last + 1);
      behind.put(queue, last, offset + 1);
    }
  }

  /** Names a send by one number, never 0. */
  static long name(int producer, long seq) {
    return (producer + 1L) << 40 | seq;
  }

  /** The send that is stored there, 0 if none is. */
  long send(int queue, long offset) {
    return sends.get(queue, offset);
  }

  /** The message before this one in its message group, or -1. */
  long before(int queue, long offset) {
    return before.get(queue, offset) - 1;
  }

  /** The one behind it, or -1. */
  long behind(int queue, long offset) {
    return behind.get(queue, offset) - 1;
  }

  /** Hands out the offsets of a queue. */
  void forEach(int queue, LongConsumer offsets) {
    long end = queue < ends.size() ? ends.get(queue) : 0;
    for (long offset = 0; offset < end; offset++) {
      offsets.accept(offset);
    }
  }
}
