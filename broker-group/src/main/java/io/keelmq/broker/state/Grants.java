package io.keelmq.broker.state;

import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.FromCursor;
import io.keelmq.broker.state.Command.FromReady;
import io.keelmq.broker.state.Command.Grant;
import io.keelmq.broker.state.Command.GrantLeases;
import io.keelmq.broker.state.StateView.ConsumerGroup;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Judges what planners want to lease. A planner may be late, or one of two: whatever it says, no
 * message is leased that is not beyond the cursor or ready, none twice, and in a FIFO group none
 * before an earlier one of its message group.
 *
 * <p>Owned by the apply thread.
 */
final class Grants {

  /** Of one command: what it grants, and how. */
  private record Granting(
      GrantLeases command, QueueLeases queue, long deadlineMillis, List<Reply.Lease> leases) {}

  private final Tables tables;
  private final Leases leases;

  Grants(Tables tables, Leases leases) {
    this.tables = tables;
    this.leases = leases;
  }

  Outcome apply(LogEntryInfo entry, GrantLeases command) {
    Optional<Topic> topic = Topics.find(tables, command.topic());
    if (topic.isEmpty()) {
      return Topics.notFound(command.topic());
    }
    Optional<ConsumerGroup> group = ConsumerGroups.findNamed(tables, command.consumerGroup());
    Optional<Outcome> wrong =
        ConsumerGroups.checkLeases(topic.get(), command.consumerGroup(), group, command.queue())
            .or(() -> check(topic.get(), command));
    if (wrong.isPresent()) {
      return wrong.get();
    }
    LeaseStep step = leases.begin(entry);
    var granted = new ArrayList<Reply.Lease>();
    step.open(topic.get(), group.get(), command.queue())
        .filter(queue -> queue.generation() == command.generation())
        .ifPresent(
            queue ->
                grant(
                    new Granting(
                        command, queue, entry.timeMillis() + command.invisibleMillis(), granted)));
    return new Outcome(new Reply.Leased(granted), step.end());
  }

  private static void grant(Granting granting) {
    long gapLeft = Limits.MAX_GRANT_SPAN;
    for (int i = 0; i < granting.command().grants().size(); i++) {
      Grant grant = granting.command().grants().get(i);
      if (grant instanceof FromCursor fromCursor) {
        gapLeft -= fromCursor(granting, i, fromCursor, gapLeft);
      } else {
        fromReady(granting, i, (FromReady) grant);
      }
    }
  }

  /**
   * Returns how many offsets between the cursor and the grant became ready.
   *
   * @param gapMost this many at most
   */
  private static long fromCursor(Granting granting, int number, FromCursor grant, long gapMost) {
    QueueLeases queue = granting.queue();
    if (grant.toOffset() <= queue.nextOffset() || queue.isFull()) {
      return 0;
    }
    // What retention has taken is gone, planned or not.
    long retained = Math.max(queue.nextOffset(), queue.firstOffset());
    long gap = Math.max(0, grant.fromOffset() - retained);
    // In a FIFO group nobody knows the message groups of a gap: a later message of one could get
    // ahead. The grant before this one was lost, and the planner has to begin at the cursor again.
    if (gap > (queue.isFifo() ? 0 : gapMost)) {
      return 0;
    }
    for (long from = retained; from < grant.fromOffset(); from += Limits.GAP_BATCH_MESSAGES) {
      long count = Math.min(Limits.GAP_BATCH_MESSAGES, grant.fromOffset() - from);
      queue.add(LeaseBatch.ready(queue.nextId(), OffsetSet.range(from, (int) count), 0, 0));
    }
    long from = Math.max(retained, grant.fromOffset());
    queue.moveTo(grant.toOffset());
    if (from >= grant.toOffset()) {
      return gap;
    }
    OffsetSet left = OffsetSet.range(from, (int) (grant.toOffset() - from));
    for (Candidates candidates : grant.candidates()) {
      OffsetSet taken = candidates.offsets().and(left);
      if (!taken.isEmpty()) {
        left = left.minus(taken);
        long hash = queue.isFifo() ? candidates.messageGroupHash() : 0;
        if (hash != 0 && queue.messageGroups().isHeld(hash)) {
          queue.messageGroups().block(hash, taken, 0);
        } else {
          lease(granting, number, taken, 1, hash);
        }
      }
    }
    return gap;
  }

  private static void fromReady(Granting granting, int number, FromReady grant) {
    QueueLeases queue = granting.queue();
    Optional<LeaseBatch> found = queue.find(grant.batch()).filter(LeaseBatch::isReady);
    if (found.isEmpty()) {
      return;
    }
    LeaseBatch batch = found.get();
    OffsetSet left =
        batch.offsets().minus(grant.done()).between(queue.firstOffset(), Long.MAX_VALUE);
    if (left.isEmpty()) {
      queue.take(batch, batch.offsets());
    } else if (batch.hash() != 0) {
      fromMessageGroup(granting, number, grant, batch, left);
    } else {
      for (Candidates candidates : grant.candidates()) {
        OffsetSet taken = candidates.offsets().and(left);
        if (!taken.isEmpty() && (!queue.isFifo() || candidates.messageGroupHash() == 0)) {
          left = left.minus(taken);
          lease(granting, number, taken, batch.attempt() + 1, 0);
        }
      }
      keep(queue, batch, left);
    }
  }

  /** Leases the first messages of a batch that holds a message group; none can be left out. */
  private static void fromMessageGroup(
      Granting granting, int number, FromReady grant, LeaseBatch batch, OffsetSet left) {
    QueueLeases queue = granting.queue();
    OffsetSet wanted = OffsetSet.EMPTY;
    for (Candidates candidates : grant.candidates()) {
      if (candidates.messageGroupHash() == batch.hash()) {
        wanted = wanted.plus(candidates.offsets().and(left));
      }
    }
    OffsetSet missing = left.minus(wanted);
    OffsetSet taken = missing.isEmpty() ? left : left.between(0, missing.first());
    if (taken.isEmpty()) {
      keep(queue, batch, left);
      return;
    }
    queue.remove(batch);
    lease(granting, number, taken, batch.attempt() + 1, batch.hash());
    queue.messageGroups().block(batch.hash(), left.minus(taken), batch.attempt());
  }

  private static void keep(QueueLeases queue, LeaseBatch batch, OffsetSet left) {
    if (left.isEmpty()) {
      queue.remove(batch);
    } else if (left.size() < batch.offsets().size()) {
      queue.replace(batch, batch.with(left));
    }
  }

  private static void lease(
      Granting granting, int number, OffsetSet offsets, int attempt, long hash) {
    LeaseId id = granting.queue().nextId();
    granting
        .queue()
        .add(
            new LeaseBatch(
                id,
                LeaseBatch.State.LEASED,
                offsets,
                attempt,
                hash,
                granting.command().clientId(),
                granting.command().attemptId(),
                granting.deadlineMillis()));
    if (hash != 0) {
      granting.queue().messageGroups().hold(hash, id);
    }
    granting.leases().add(new Reply.Lease(id, number, offsets, attempt, granting.deadlineMillis()));
  }

  private Optional<Outcome> check(Topic topic, GrantLeases command) {
    if (command.invisibleMillis() < Limits.MIN_INVISIBLE_MILLIS
        || command.invisibleMillis() > Limits.MAX_INVISIBLE_MILLIS) {
      return Settlements.invisibleRejected(command.invisibleMillis(), Limits.MIN_INVISIBLE_MILLIS);
    }
    if (command.clientId().length() > Limits.MAX_CLIENT_ID
        || command.attemptId().length() > Limits.MAX_ATTEMPT_ID) {
      return invalid(
          "client id of "
              + command.clientId().length()
              + " and attempt id of "
              + command.attemptId().length()
              + " characters: expected at most "
              + Limits.MAX_CLIENT_ID
              + " and "
              + Limits.MAX_ATTEMPT_ID);
    }
    long messages = 0;
    long parts = 0;
    for (Grant grant : command.grants()) {
      parts += 1 + grant.candidates().size();
      for (Candidates candidates : grant.candidates()) {
        messages += candidates.offsets().size();
      }
    }
    if (messages > Limits.MAX_GRANT_MESSAGES || parts > Limits.MAX_GRANT_PARTS) {
      return invalid(
          messages
              + " messages in "
              + parts
              + " grants and candidates: expected at most "
              + Limits.MAX_GRANT_MESSAGES
              + " in "
              + Limits.MAX_GRANT_PARTS);
    }
    long end = Queues.find(tables, topic.id(), command.queue()).endOffset();
    for (Grant grant : command.grants()) {
      if (grant instanceof FromCursor from
          && (from.fromOffset() < 0
              || from.toOffset() < from.fromOffset()
              || from.toOffset() - from.fromOffset() > Limits.MAX_GRANT_SPAN
              || from.toOffset() > end)) {
        return invalid(
            "a grant from "
                + from.fromOffset()
                + " to "
                + from.toOffset()
                + ": expected at most "
                + Limits.MAX_GRANT_SPAN
                + " offsets below the queue's end, which is "
                + end);
      }
    }
    return Optional.empty();
  }

  private static Optional<Outcome> invalid(String message) {
    return Optional.of(Outcome.rejected(Rejection.INVALID, message));
  }
}
