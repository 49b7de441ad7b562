package io.keelmq.broker.state;

import io.keelmq.broker.state.Command.SettleLeases;
import io.keelmq.broker.state.Command.Settlement;
import io.keelmq.broker.state.Command.SettlementKind;
import io.keelmq.broker.state.Reply.SettledPart;
import io.keelmq.broker.state.StateView.ConsumerGroup;
import java.util.ArrayList;
import java.util.Optional;

/**
 * Decides what becomes of leased messages. A lease that has ended can still be settled while nobody
 * else was granted its messages: they stand under its name until then.
 *
 * <p>In a FIFO group messages are settled in order. One that is given back takes all later ones of
 * its batch along: they come again behind it, and count as not delivered.
 *
 * <p>Owned by the apply thread.
 */
final class Settlements {

  private static final SettledPart NOTHING = new SettledPart(0, Optional.empty(), 0);

  private final Tables tables;
  private final Leases leases;

  Settlements(Tables tables, Leases leases) {
    this.tables = tables;
    this.leases = leases;
  }

  Outcome apply(LogEntryInfo entry, SettleLeases command) {
    Optional<Topic> topic = Topics.find(tables, command.topic());
    if (topic.isEmpty()) {
      return Topics.notFound(command.topic());
    }
    Optional<ConsumerGroup> group = ConsumerGroups.findNamed(tables, command.consumerGroup());
    Optional<Outcome> wrong =
        ConsumerGroups.checkLeases(topic.get(), command.consumerGroup(), group, command.queue())
            .or(() -> check(command));
    if (wrong.isPresent()) {
      return wrong.get();
    }
    LeaseStep step = leases.begin(entry);
    Optional<QueueLeases> queue =
        step.open(topic.get(), group.get(), command.queue())
            .filter(open -> open.generation() == command.generation());
    var parts = new ArrayList<SettledPart>(command.settlements().size());
    for (Settlement settlement : command.settlements()) {
      parts.add(queue.map(open -> settle(open, settlement)).orElse(NOTHING));
    }
    return new Outcome(new Reply.Settled(parts), step.end());
  }

  private static SettledPart settle(QueueLeases queue, Settlement settlement) {
    Optional<LeaseBatch> found = queue.find(settlement.lease());
    // A batch without an attempt was never delivered under its name.
    if (found.isEmpty() || found.get().attempt() == 0) {
      return NOTHING;
    }
    LeaseBatch batch = found.get();
    OffsetSet chosen =
        settlement.offsets().isEmpty()
            ? batch.offsets()
            : batch.offsets().and(settlement.offsets());
    boolean doomed = batch.state() == LeaseBatch.State.DOOMED;
    if (chosen.isEmpty() || (doomed && settlement.kind() != SettlementKind.ACK)) {
      return NOTHING;
    }
    switch (settlement.kind()) {
      case ACK -> queue.take(batch, chosen);
      case NACK -> nack(queue, batch, chosen, settlement.millis());
      case RELEASE -> release(queue, batch, chosen);
      case DEAD_LETTER -> {
        queue.take(batch, chosen);
        queue.bury(chosen, batch.attempt());
      }
      case DISOWN -> {
        return disown(queue, batch, settlement.millis());
      }
      case EXTEND -> {
        // What was given back is nobody's: a renewal that was under way meanwhile would hide it.
        return batch.clientId().isEmpty()
            ? NOTHING
            : extend(queue, batch, chosen, settlement.millis());
      }
    }
    return new SettledPart(chosen.size(), Optional.empty(), 0);
  }

  private static void nack(QueueLeases queue, LeaseBatch batch, OffsetSet chosen, long millis) {
    boolean last = batch.attempt() >= queue.maxAttempts();
    if (batch.hash() != 0) {
      nackInOrder(queue, unheld(queue, batch, chosen.first()), chosen.first(), millis, last);
    } else if (last) {
      queue.take(batch, chosen);
      queue.bury(chosen, batch.attempt());
    } else {
      apart(queue, batch, chosen, givenBack(queue, batch.ofNobody(), millis));
    }
  }

  /**
   * Of a message group, when its lowest message is given back: the batch gets another name. Its
   * consumer may believe that it has the others still, and a renewal of the lease would hide the
   * lowest from everybody for as long as that consumer lives.
   */
  private static LeaseBatch unheld(QueueLeases queue, LeaseBatch batch, long offset) {
    if (batch.offsets().first() != offset) {
      return batch;
    }
    LeaseBatch renamed = batch.ofNobody().named(queue.nextId());
    queue.replace(batch, renamed);
    queue.messageGroups().hold(batch.hash(), renamed.id());
    return renamed;
  }

  /** Of a message group: what lies above {@code offset} was not worked on. */
  static void nackInOrder(
      QueueLeases queue, LeaseBatch batch, long offset, long millis, boolean last) {
    MessageGroups groups = queue.messageGroups();
    OffsetSet one = OffsetSet.of(offset);
    OffsetSet below = batch.offsets().between(0, offset);
    OffsetSet above = batch.offsets().between(offset + 1, Long.MAX_VALUE);
    groups.block(batch.hash(), above, batch.attempt() - 1);
    if (last) {
      queue.take(batch, one.plus(above));
      queue.bury(one, batch.attempt());
    } else if (below.isEmpty()) {
      queue.replace(batch, givenBack(queue, batch.with(one), millis));
    } else {
      groups.block(batch.hash(), one, batch.attempt());
      queue.replace(batch, batch.with(below));
    }
  }

  private static LeaseBatch givenBack(QueueLeases queue, LeaseBatch batch, long millis) {
    return millis == 0 ? batch.madeReady() : batch.waiting(queue.nowMillis() + millis);
  }

  /** What is released gets another name: its consumer has no hold on it any more. */
  private static void release(QueueLeases queue, LeaseBatch batch, OffsetSet chosen) {
    LeaseBatch released = batch.ofNobody().madeReady().after(batch.attempt() - 1);
    if (batch.hash() == 0) {
      queue.take(batch, chosen);
      queue.add(released.with(chosen).named(queue.nextId()));
      return;
    }
    OffsetSet below = batch.offsets().between(0, chosen.first());
    OffsetSet rest = batch.offsets().minus(below);
    if (below.isEmpty()) {
      LeaseBatch renamed = released.named(queue.nextId());
      queue.replace(batch, renamed);
      queue.messageGroups().hold(batch.hash(), renamed.id());
    } else {
      queue.messageGroups().block(batch.hash(), rest, batch.attempt() - 1);
      queue.replace(batch, batch.with(below));
    }
  }

  private static SettledPart disown(QueueLeases queue, LeaseBatch batch, long millis) {
    if (batch.clientId().isEmpty() || batch.isReady()) {
      return NOTHING;
    }
    long deadline = Math.min(batch.deadlineMillis(), queue.nowMillis() + millis);
    queue.replace(batch, batch.waiting(deadline));
    return new SettledPart(batch.offsets().size(), Optional.of(batch.id()), deadline);
  }

  /**
   * A message group is extended as a whole, or a part of its batch could overtake the rest. What is
   * said of a part of it shortens nothing: the rest may have been promised more.
   */
  private static SettledPart extend(
      QueueLeases queue, LeaseBatch batch, OffsetSet chosen, long millis) {
    long deadline = queue.nowMillis() + millis;
    if (batch.hash() != 0 && chosen.size() < batch.offsets().size()) {
      deadline = Math.max(deadline, batch.deadlineMillis());
    }
    OffsetSet extended = batch.hash() == 0 ? chosen : batch.offsets();
    LeaseBatch part = apart(queue, batch, extended, batch.leasedUntil(deadline));
    return new SettledPart(chosen.size(), Optional.of(part.id()), deadline);
  }

  /** Turns messages of a batch into {@code into}: a batch of its own if others are left. */
  private static LeaseBatch apart(
      QueueLeases queue, LeaseBatch batch, OffsetSet chosen, LeaseBatch into) {
    if (chosen.size() == batch.offsets().size()) {
      queue.replace(batch, into);
      return into;
    }
    queue.replace(batch, batch.with(batch.offsets().minus(chosen)));
    LeaseBatch part = into.with(chosen).named(queue.nextId());
    queue.add(part);
    return part;
  }

  private static Optional<Outcome> check(SettleLeases command) {
    if (command.settlements().size() > Limits.MAX_SETTLEMENTS) {
      return Optional.of(
          Outcome.rejected(
              Rejection.INVALID,
              command.settlements().size()
                  + " settlements: expected at most "
                  + Limits.MAX_SETTLEMENTS));
    }
    for (Settlement settlement : command.settlements()) {
      long millis = settlement.millis();
      if (settlement.kind() == SettlementKind.NACK
          && (millis < 0 || millis > Limits.MAX_INVISIBLE_MILLIS)) {
        return invisibleRejected(millis, 0);
      }
      if ((settlement.kind() == SettlementKind.EXTEND || settlement.kind() == SettlementKind.DISOWN)
          && (millis < Limits.MIN_INVISIBLE_MILLIS || millis > Limits.MAX_INVISIBLE_MILLIS)) {
        return invisibleRejected(millis, Limits.MIN_INVISIBLE_MILLIS);
      }
    }
    return Optional.empty();
  }

  static Optional<Outcome> invisibleRejected(long millis, long least) {
    return Optional.of(
        Outcome.rejected(
            Rejection.ILLEGAL_INVISIBLE_TIME,
            "invisible for "
                + millis
                + " ms: expected "
                + least
                + " to "
                + Limits.MAX_INVISIBLE_MILLIS));
  }
}
