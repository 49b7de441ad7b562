package io.keelmq.chaos.checks;

import io.keelmq.chaos.checks.Event.LeaseName;
import io.keelmq.chaos.checks.Event.Outcome;
import io.keelmq.chaos.checks.Event.Settling;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A made-up history of two consumer groups: "plain" (group 0) of queue 0, and "fifo" (group 1) of
 * queue 1, whose messages are all of one message group. Offset n is seq n of the queue's producer.
 * Time is set by {@link #at}, in milliseconds.
 */
final class LeaseScript {

  static final int PLAIN = 0;
  static final int FIFO = 1;
  static final int MAX_ATTEMPTS = 3;
  static final long LEASE_MILLIS = 2_000;

  /** What the wall clock showed when the monotonic clock was 0. */
  static final int MAX_IN_FLIGHT = 8;

  private static final long WALL = 1_000_000;

  private final List<Event> events = new ArrayList<>();
  private final LogCatalog catalog = new LogCatalog();
  private final List<Timeline.Span> pauses = new ArrayList<>();
  private final Map<Integer, List<Long>> dead = new HashMap<>();
  private long nowMillis;
  private long nextIndex = 1;

  /** One delivery. */
  record Taken(int consumer, int group, long offset, LeaseName lease) {}

  LeaseScript at(long millis) {
    nowMillis = millis;
    return this;
  }

  /** Acknowledged sends of a queue, from offset 0. */
  LeaseScript sends(int queue, int count) {
    for (long offset = 0; offset < count; offset++) {
      events.add(new Event.Invoke(queue, 0, offset, nanos()));
      events.add(new Event.Ok(queue, offset, queue, offset, nanos()));
      catalog.add(new Stored("n1", queue, offset, true, queue, 0, offset, offset + 1));
    }
    return this;
  }

  LeaseScript joins(int consumer, int group) {
    events.add(new Event.Joins(consumer, group, false, nanos()));
    return this;
  }

  LeaseScript joinsRenewing(int consumer, int group) {
    events.add(new Event.Joins(consumer, group, true, nanos()));
    return this;
  }

  LeaseScript polls(int consumer) {
    events.add(new Event.Polls(consumer, nanos()));
    return this;
  }

  LeaseScript polled(int consumer) {
    events.add(new Event.Polled(consumer, nanos()));
    return this;
  }

  LeaseScript dies(int consumer) {
    events.add(new Event.Leaves(consumer, false, nanos()));
    return this;
  }

  /** Gives back what it has. */
  LeaseScript closes(int consumer) {
    events.add(new Event.Leaves(consumer, true, nanos()));
    return this;
  }

  LeaseScript pause(long fromMillis, long toMillis) {
    pauses.add(
        new Timeline.Span(
            TimeUnit.MILLISECONDS.toNanos(fromMillis), TimeUnit.MILLISECONDS.toNanos(toMillis)));
    return this;
  }

  LeaseScript dead(int group, long... offsets) {
    for (long offset : offsets) {
      dead.computeIfAbsent(group, key -> new ArrayList<>()).add(offset);
    }
    return this;
  }

  Taken took(int consumer, int group, long offset, int attempt) {
    return took(consumer, group, offset, attempt, new LeaseName(0, nextIndex++, 0));
  }

  /** The name of a lease that is granted now and handed out later. */
  LeaseName lease() {
    return new LeaseName(0, nextIndex++, 0);
  }

  Taken took(int consumer, int group, long offset, int attempt, LeaseName lease) {
    return tookLate(consumer, group, offset, attempt, lease, LEASE_MILLIS);
  }

  /**
   * @param leftMillis until its lease ends
   */
  Taken tookLate(
      int consumer, int group, long offset, int attempt, LeaseName lease, long leftMillis) {
    long deadline = WALL + nowMillis + leftMillis;
    events.add(
        new Event.Took(
            consumer, group, group, offset, lease, attempt, deadline, group, 0, offset, nanos()));
    return new Taken(consumer, group, offset, lease);
  }

  LeaseScript acks(Taken... all) {
    for (Taken taken : all) {
      settles(taken, Settling.ACK, 0, Outcome.OK);
    }
    return this;
  }

  LeaseScript settles(Taken taken, Settling how, long millis, Outcome outcome) {
    return tells(taken, how, millis).answered(taken, how, outcome);
  }

  LeaseScript tells(Taken taken, Settling how, long millis) {
    events.add(
        new Event.Settles(
            taken.consumer(),
            taken.group(),
            taken.group(),
            taken.offset(),
            taken.lease(),
            how,
            millis,
            nanos()));
    return this;
  }

  LeaseScript answered(Taken taken, Settling how, Outcome outcome) {
    events.add(
        new Event.Settled(
            taken.consumer(),
            taken.group(),
            taken.group(),
            taken.offset(),
            taken.lease(),
            how,
            outcome,
            nanos()));
    return this;
  }

  LeaseVerdict verdict() {
    var verdict =
        new LeaseVerdict(
            List.of(
                new GroupRules(
                    PLAIN, "plain", 0, 1, false, MAX_ATTEMPTS, LEASE_MILLIS, MAX_IN_FLIGHT),
                new GroupRules(
                    FIFO, "fifo", 1, 1, true, MAX_ATTEMPTS, LEASE_MILLIS, MAX_IN_FLIGHT)),
            catalog,
            new Timeline(WALL, pauses));
    events.forEach(verdict::event);
    dead.forEach(
        (group, offsets) ->
            offsets.forEach(
                offset ->
                    verdict.dead(
                        group, new Stored("n1", 0, 0, true, group, 0, offset, offset + 1))));
    return verdict;
  }

  private long nanos() {
    return TimeUnit.MILLISECONDS.toNanos(nowMillis);
  }
}
