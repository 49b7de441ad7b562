package io.keelmq.broker.state;

import io.keelmq.broker.state.StateView.ConsumerGroup;
import io.keelmq.broker.state.StateView.Source;
import io.keelmq.broker.state.StateView.StoredRun;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Messages that a consumer group has given up on. They get a place in the topic {@code
 * %DLQ%<group>}, whose rows point to the bytes they were stored with; nothing is copied.
 *
 * <p>What a consumer group gives up of a dead letter topic itself is dropped: there is nowhere
 * further to put it, and it would come again for ever. Owned by the apply thread.
 */
final class DeadLetters {

  static final String TOPIC_PREFIX = "%DLQ%";

  /** How long after there was no room for another topic it is tried again. */
  static final long RETRY_MILLIS = 60_000;

  /**
   * @param offsets that were moved, or are gone
   * @param rows that it took
   */
  record Buried(OffsetSet offsets, int rows) {}

  private final Tables tables;
  private final Counters counters;
  private final Topics topics;
  private final Queues queues;

  DeadLetters(Tables tables, Counters counters, Topics topics, Queues queues) {
    this.tables = tables;
    this.counters = counters;
    this.topics = topics;
    this.queues = queues;
  }

  /** Whether the group's dead letter topic is there or can be made. */
  boolean hasPlace(ConsumerGroup group) {
    return Topics.find(tables, TOPIC_PREFIX + group.name()).isPresent() || topics.hasRoomForOurs();
  }

  /**
   * @param mostRows new rows at most, from 0
   * @param effects gets what has to be told
   */
  Buried bury(
      LogEntryInfo entry,
      Topic from,
      int queue,
      ConsumerGroup group,
      OffsetSet offsets,
      int mostRows,
      List<Effect> effects) {
    if (from.name().startsWith(TOPIC_PREFIX)) {
      counters.add(Counters.DEAD_LETTERS_DROPPED, offsets.size());
      return new Buried(offsets, 0);
    }
    if (!hasPlace(group)) {
      return new Buried(OffsetSet.EMPTY, 0);
    }
    var letters = new ArrayList<StoredRun>();
    var done = new OffsetSet.Builder();
    long gone = 0;
    long retained = Queues.find(tables, from.id(), queue).firstOffset();
    for (int range = 0; range < offsets.ranges() && letters.size() < mostRows; range++) {
      long next = offsets.rangeFirst(range);
      long end = offsets.rangeEnd(range);
      while (next < end && letters.size() < mostRows) {
        Optional<StoredRun> run = Queues.runAt(tables, from.id(), queue, next);
        long behind;
        if (run.isPresent()) {
          behind = Math.min(end, run.get().firstOffset() + run.get().count());
          letters.add(letter(from, queue, run.get(), next, (int) (behind - next)));
        } else {
          behind = Math.min(end, Math.max(next + 1, retained));
          gone += behind - next;
        }
        done.add(next, behind);
        next = behind;
      }
    }
    counters.add(Counters.DEAD_LETTERS_DROPPED, gone);
    if (!letters.isEmpty()) {
      Topic topic = topics.ofOurs(entry, TOPIC_PREFIX + group.name(), effects);
      queues.appendStored(entry, topic, 0, letters, effects);
    }
    return new Buried(done.build(), letters.size());
  }

  private static StoredRun letter(Topic from, int queue, StoredRun run, long first, int count) {
    return new StoredRun(
        first,
        count,
        run.logIndex(),
        run.position(),
        run.bytes(),
        run.timeMillis(),
        run.skip() + (int) (first - run.firstOffset()),
        Optional.of(new Source(from.id(), queue, first)));
  }
}
