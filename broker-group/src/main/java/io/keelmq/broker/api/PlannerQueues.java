package io.keelmq.broker.api;

import io.keelmq.broker.state.TopicType;
import io.keelmq.v1.ConsumePaused;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.Trimmed;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The queues of a planner's topic: which of them may have something to plan, and whose turn it is.
 * A queue with nothing costs a bit that is not set. Owned by the planner's pass.
 */
final class PlannerQueues {

  /** What the planner does for its queues. */
  interface Host {

    /** Runs a task in a pass, later. */
    void later(long millis, Runnable task);

    void tellAll(ConsumeResponse event);
  }

  /** On PRIORITY topics one plan in so many goes to the next queue, whatever its priority. */
  private static final int GUARD_EVERY = 8;

  /** Tries at an entry that is applied and not in the local log. */
  private static final int MAX_ENTRY_TRIES = 400;

  private static final long ENTRY_RETRY_MILLIS = 5;
  private static final long LOST_ENTRY_MILLIS = 1_000;
  private static final long PAUSED_QUEUE_MILLIS = 1_000;
  private static final long FILTERED_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final Logger LOG = LoggerFactory.getLogger(PlannerQueues.class);

  private final Edge edge;
  private final String name;
  private final boolean byPriority;
  private final Planning planning;
  private final Host host;
  private final List<PlannedQueue> queues = new ArrayList<>();

  /** Queues that may have something to plan. */
  private final BitSet active = new BitSet();

  /** Queues whose pause was told. */
  private final BitSet told = new BitSet();

  /** Paused queues that are looked at again, even if nobody says that something was settled. */
  private final BitSet looking = new BitSet();

  private int[] entryTries = new int[0];
  private int lastQueue = -1;
  private int picks;
  private long filteredDueNanos;

  /**
   * @param name of group and topic, for the log
   */
  PlannerQueues(Edge edge, String name, TopicType type, Planning planning, Host host) {
    this.edge = edge;
    this.name = name;
    this.byPriority = type == TopicType.PRIORITY;
    this.planning = planning;
    this.host = host;
    this.filteredDueNanos = never();
  }

  private long never() {
    return edge.now() + TimeUnit.DAYS.toNanos(1);
  }

  int size() {
    return queues.size();
  }

  /** The topic has so many queues now; they never get fewer. */
  void grow(int size) {
    while (queues.size() < size) {
      active.set(queues.size());
      queues.add(new PlannedQueue(queues.size()));
    }
    entryTries = Arrays.copyOf(entryTries, queues.size());
    active.clear(queues.size(), Math.max(queues.size(), active.length()));
  }

  /** These have grown, or may have batches that are ready. */
  void activate(BitSet grown, Map<Integer, Long> readied) {
    active.or(grown);
    readied.forEach(
        (queue, fromOffset) -> {
          active.set(queue);
          if (queue < queues.size()) {
            queues.get(queue).lookForReady(fromOffset);
          }
        });
  }

  /** Whether something has grown that the topic did not have when it was looked up. */
  boolean isOutgrown() {
    return active.length() > queues.size();
  }

  boolean hasActive() {
    return !active.isEmpty();
  }

  /** Something of a queue was settled. */
  void settled(int queue) {
    if (queue < queues.size() && queues.get(queue).paused().isPresent()) {
      active.set(queue);
    }
  }

  /** Plans what one consumer gets next, from the queue whose turn it is. */
  Optional<GrantPlan> plan(Attachment stream, int messages, long bytes) {
    PlannedQueue queue = queues.get(pick());
    Optional<GrantPlan> plan = queue.plan(planning, stream, messages, bytes);
    queue.takeTrimmed().ifPresent(range -> tellTrimmed(stream, range));
    if (!queue.hasMore()) {
      active.clear(queue.queue());
    }
    queue
        .missingEntry()
        .ifPresentOrElse(entry -> missing(queue, entry), () -> entryTries[queue.queue()] = 0);
    tellPaused(queue);
    if (queue.hasFiltered() && filteredDueNanos - edge.now() > FILTERED_NANOS) {
      filteredDueNanos = edge.now() + FILTERED_NANOS;
    }
    return plan;
  }

  /** Not every protocol has a word for it, so operators are told too. */
  private void tellTrimmed(Attachment stream, Trimmed range) {
    edge.stats().trimmedRanges.increment();
    LOG.warn(
        "{} queue={} retention took messages that were not consumed, from_offset={} to_offset={}",
        name,
        range.getQueue(),
        range.getWantedOffset(),
        range.getFirstOffset());
    stream.consumer().trimmed(range);
  }

  private int pick() {
    if (byPriority && ++picks % GUARD_EVERY != 0) {
      return active.length() - 1;
    }
    int queue = active.nextSetBit(lastQueue + 1);
    lastQueue = queue >= 0 ? queue : active.nextSetBit(0);
    return lastQueue;
  }

  /** An entry is applied and not in the local log yet: looks again shortly, for a while. */
  private void missing(PlannedQueue queue, long entry) {
    int number = queue.queue();
    active.clear(number);
    if (++entryTries[number] <= MAX_ENTRY_TRIES) {
      activateLater(number, ENTRY_RETRY_MILLIS);
      return;
    }
    if (entryTries[number] == MAX_ENTRY_TRIES + 1) {
      String why = "entry " + entry + " cannot be read at this replica";
      LOG.error("{} queue={} {}", name, number, why);
      tellAll(number, why + ": it is tried again every second");
    }
    activateLater(number, LOST_ENTRY_MILLIS);
  }

  private void tellPaused(PlannedQueue queue) {
    int number = queue.queue();
    if (queue.paused().isEmpty()) {
      told.clear(number);
      return;
    }
    if (!told.get(number)) {
      told.set(number);
      tellAll(number, queue.paused().get());
    }
    if (!looking.get(number)) {
      looking.set(number);
      host.later(
          PAUSED_QUEUE_MILLIS,
          () -> {
            looking.clear(number);
            active.set(number);
          });
    }
  }

  private void tellAll(int queue, String why) {
    host.tellAll(
        ConsumeResponse.newBuilder()
            .setPaused(ConsumePaused.newBuilder().setQueue(queue).setMessage(why))
            .build());
  }

  private void activateLater(int queue, long millis) {
    host.later(millis, () -> active.set(queue));
  }

  /** When {@link #planFiltered} has something to do; a day from now if nothing is foreseen. */
  long nextDueNanos() {
    return filteredDueNanos;
  }

  /** What a filter took nothing of and the state was not told yet, when that is due. */
  List<GrantPlan> planFiltered(Optional<Attachment> stream) {
    var plans = new ArrayList<GrantPlan>();
    if (filteredDueNanos - edge.now() > 0 || stream.isEmpty()) {
      return plans;
    }
    filteredDueNanos = never();
    for (PlannedQueue queue : queues) {
      if (queue.hasFiltered()) {
        queue.planFiltered(planning, stream.get()).ifPresent(plans::add);
      }
    }
    return plans;
  }

  /** A plan has come to its end, see {@link PlannedQueue#ended}. */
  void ended(GrantPlan plan, int leased, boolean applied) {
    long pauseMillis = plan.queue().ended(plan, leased, applied);
    if (pauseMillis == 0) {
      active.set(plan.queue().queue());
    } else {
      activateLater(plan.queue().queue(), pauseMillis);
    }
  }
}
