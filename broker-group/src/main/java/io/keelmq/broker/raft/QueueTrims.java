package io.keelmq.broker.raft;

import io.keelmq.broker.state.BodyAddresses;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.Table;
import io.keelmq.broker.state.Topic;
import io.keelmq.broker.store.RocksTables;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;

/**
 * Measures what queues have too much of. Sizes are read from the rows, not counted, as everything
 * is that must not be wrong; only topics with a retention by size are read for it. Keeps nothing;
 * what it says is judged anew when it is applied.
 */
final class QueueTrims {

  private static final int RUNS_PER_READ = 1_000;

  private record Queue(long topicId, int number) {}

  private final RocksTables store;
  private final StateView state;

  QueueTrims(RocksTables store, StateView state) {
    this.store = store;
    this.state = state;
  }

  boolean hasSizes() {
    return state.topics().stream().anyMatch(topic -> topic.retentionBytes() > 0);
  }

  /** Queues that are larger than their topic allows, with what has to go. */
  List<Command.Trim> bySize(BooleanSupplier stopped) {
    var trims = new ArrayList<Command.Trim>();
    for (Topic topic : state.topics()) {
      for (int queue = 0; topic.retentionBytes() > 0 && queue < topic.queues(); queue++) {
        if (trims.size() == Limits.MAX_TRIMS || stopped.getAsBoolean()) {
          return trims;
        }
        OptionalLong to = tooMuch(topic, queue);
        if (to.isPresent()) {
          trims.add(
              new Command.Trim(
                  topic.id(), queue, to.getAsLong(), new Command.BySize(topic.retentionBytes())));
        }
      }
    }
    return trims;
  }

  /** Up to where a queue's messages have to go; its last run always stays. */
  private OptionalLong tooMuch(Topic topic, int queue) {
    long[] excess = {-topic.retentionBytes()};
    walk(
        topic,
        queue,
        run -> {
          excess[0] += run.bytes();
          return true;
        });
    if (excess[0] <= 0) {
      return OptionalLong.empty();
    }
    long end = state.bounds(topic.id(), queue).endOffset();
    long[] to = {-1};
    walk(
        topic,
        queue,
        run -> {
          if (excess[0] <= 0 || run.firstOffset() + run.count() >= end) {
            return false;
          }
          excess[0] -= run.bytes();
          to[0] = run.firstOffset() + run.count();
          return true;
        });
    return to[0] < 0 ? OptionalLong.empty() : OptionalLong.of(to[0]);
  }

  private interface Visitor {
    boolean visit(StoredRun run);
  }

  private void walk(Topic topic, int queue, Visitor visitor) {
    long next = state.bounds(topic.id(), queue).firstOffset();
    while (true) {
      List<StoredRun> runs = state.runs(topic.id(), queue, next, RUNS_PER_READ);
      for (StoredRun run : runs) {
        if (!visitor.visit(run)) {
          return;
        }
        next = run.firstOffset() + run.count();
      }
      if (runs.size() < RUNS_PER_READ) {
        return;
      }
    }
  }

  /**
   * What has to go so that nothing old enough lies at or below a log index.
   *
   * @param keepMillis what is younger stays
   */
  List<Command.Trim> byDisk(long lastIndex, long keepMillis, BooleanSupplier stopped) {
    long oldEnough = state.applied().timeMillis() - keepMillis;
    Map<Queue, Long> ends = new LinkedHashMap<>();
    store.scan(
        Table.RUNS,
        (key, value) -> {
          var run = BodyAddresses.run(key, value);
          if (run.run().logIndex() <= lastIndex && run.run().timeMillis() <= oldEnough) {
            ends.put(
                new Queue(run.key().topicId(), run.key().queue()),
                run.run().firstOffset() + run.run().count());
          }
          return ends.size() < Limits.MAX_TRIMS && !stopped.getAsBoolean();
        });
    var trims = new ArrayList<Command.Trim>();
    // A topic that is being deleted loses its rows by itself.
    ends.forEach(
        (queue, end) ->
            state
                .topic(queue.topicId())
                .ifPresent(
                    topic ->
                        trims.add(
                            new Command.Trim(
                                topic.id(), queue.number(), end, new Command.ByDisk(keepMillis)))));
    return trims;
  }
}
