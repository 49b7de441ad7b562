package io.keelmq.broker.api;

import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumeResponse;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * The streams of a planner's consumers, and whose turn it is. Owned by the pass of the planner.
 *
 * <p>Leases that a client does not know of come first: they are in nobody's hands, and no queue
 * says that there is something to do.
 */
final class PlannerStreams {

  /** A consumer that took nothing for so long makes room when others have none. */
  private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(10);

  /** Polls come one after the other: between two of them what is known is kept. */
  private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final Edge edge;
  private final InFlightBytes unsent;

  /** Those that have not ended. */
  private final Set<Attachment> open = new LinkedHashSet<>();

  /** Those that can take messages, the one whose turn it is first. */
  private final LinkedHashSet<Attachment> waiting = new LinkedHashSet<>();

  /** Those of them whose clients have leases that have to be delivered again. */
  private final LinkedHashSet<Attachment> owed = new LinkedHashSet<>();

  private boolean lingers;
  private long lingerUntilNanos;

  /**
   * @param unsent gets back what a stream leaves behind
   */
  PlannerStreams(Edge edge, InFlightBytes unsent) {
    this.edge = edge;
    this.unsent = unsent;
  }

  void add(Attachment stream) {
    open.add(stream);
    if (stream.isPoll()) {
      lingers = true;
      lingerUntilNanos = edge.now() + LINGER_NANOS;
    }
  }

  boolean isOpen(Attachment stream) {
    return open.contains(stream);
  }

  /** Whether nobody is here and nobody is expected. */
  boolean areOver() {
    return open.isEmpty() && !(lingers && lingerUntilNanos - edge.now() > 0);
  }

  /** When {@link #areOver} may have changed by itself; a day from now if nothing is foreseen. */
  long nextDueNanos() {
    return lingers && open.isEmpty() ? lingerUntilNanos : edge.now() + TimeUnit.DAYS.toNanos(1);
  }

  boolean anybodyWaits() {
    return !waiting.isEmpty();
  }

  boolean anybodyIsOwed() {
    return !owed.isEmpty();
  }

  Optional<Attachment> any() {
    return open.stream().findFirst();
  }

  List<Attachment> all() {
    return new ArrayList<>(open);
  }

  /** Whose turn it is; to be called when somebody waits. */
  Attachment next() {
    return (owed.isEmpty() ? waiting : owed).iterator().next();
  }

  /** Lets a stream wait for its turn if it can take messages, behind the others if it is new. */
  void await(Attachment stream) {
    if (!stream.canTake()) {
      passOver(stream);
      return;
    }
    if (waiting.add(stream)) {
      edge.stats().parkedConsumers.increment();
    }
    if (!stream.again.isEmpty()) {
      owed.add(stream);
    }
  }

  /** The others have their turn first. */
  void goBehind(Attachment stream) {
    passOver(stream);
    await(stream);
  }

  void passOver(Attachment stream) {
    owed.remove(stream);
    if (waiting.remove(stream)) {
      edge.stats().parkedConsumers.decrement();
    }
  }

  void leave(Attachment stream) {
    stream.gone = true;
    open.remove(stream);
    passOver(stream);
    unsent.release(stream.unsentBytes);
    stream.unsentBytes = 0;
  }

  /** Ends those whose consumers read nothing, so that they cannot starve all others. */
  void endStuck() {
    long now = edge.now();
    for (Attachment stream : all()) {
      if (stream.unsentBytes > 0 && !stream.gone && now - stream.movedNanos > STUCK_NANOS) {
        stream.gone = true;
        passOver(stream);
        stream
            .consumer()
            .stuck(
                new Refusal(
                    Code.TOO_MANY_REQUESTS,
                    "the consumer has taken nothing for a while, and others need the room: open"
                        + " again to go on, with less credit"));
      }
    }
  }

  void tellAll(ConsumeResponse event) {
    open.forEach(stream -> stream.consumer().tell(event));
  }
}
