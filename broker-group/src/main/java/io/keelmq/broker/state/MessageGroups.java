package io.keelmq.broker.state;

import io.keelmq.broker.state.LeaseRows.BlockedRow;
import io.keelmq.broker.state.LeaseRows.MessageGroupRow;
import java.util.Optional;

/**
 * The message groups of a FIFO consumer group at one queue. One batch at a time holds a message
 * group; later messages of it are blocked, in the order of their offsets, until that batch is used
 * up, and then a part of them becomes the next batch.
 *
 * <p>A message group's row tells where its blocked rows begin and end, so that nothing is searched:
 * a store would walk over all that was delivered before. Owned by the apply thread, for one
 * command.
 */
final class MessageGroups {

  private final Tables tables;
  private final QueueLeases queue;

  MessageGroups(Tables tables, QueueLeases queue) {
    this.tables = tables;
    this.queue = queue;
  }

  /** Whether a batch holds the message group. */
  boolean isHeld(long hash) {
    return find(hash).isPresent();
  }

  /** Lets a batch hold a message group, instead of the one that held it before, if any. */
  void hold(long hash, LeaseId holder) {
    put(
        hash,
        find(hash)
            .map(row -> new MessageGroupRow(holder, row.firstBlocked(), row.lastBlocked()))
            .orElse(new MessageGroupRow(holder, MessageGroupRow.NONE, MessageGroupRow.NONE)));
  }

  /** Blocks messages of a message group that is held. */
  void block(long hash, OffsetSet offsets, int attempt) {
    if (offsets.isEmpty()) {
      return;
    }
    MessageGroupRow row = find(hash).orElseThrow();
    queue.addBlocked(offsets.size());
    OffsetSet rest = offsets;
    if (row.hasBlocked()) {
      rest = append(hash, row, offsets, attempt);
    }
    while (!rest.isEmpty()) {
      OffsetSet part = rest.lowest(Limits.BLOCKED_PER_ROW);
      putBlocked(hash, new BlockedRow(part, attempt));
      long first = part.first();
      row =
          new MessageGroupRow(
              row.holder(),
              row.hasBlocked() ? Math.min(row.firstBlocked(), first) : first,
              Math.max(row.lastBlocked(), first));
      rest = rest.minus(part);
    }
    put(hash, row);
  }

  /** To be called when the batch that held a message group is used up. */
  void free(long hash) {
    MessageGroupRow row = find(hash).orElseThrow();
    // What retention has taken needs no delivery; a bounded number of rows, the planner finds
    // others.
    for (int i = 0; i < Limits.BLOCKED_ROWS_DROPPED && row.hasBlocked(); i++) {
      BlockedRow first = firstBlocked(hash, row);
      if (first.offsets().last() >= queue.firstOffset()) {
        break;
      }
      queue.addBlocked(-first.offsets().size());
      row = withoutFirst(hash, row, OffsetSet.EMPTY, first.attempt());
    }
    if (!row.hasBlocked()) {
      tables.delete(Table.LEASES, key(hash));
      return;
    }
    BlockedRow first = firstBlocked(hash, row);
    OffsetSet next = first.offsets().lowest(Limits.FREED_MESSAGES);
    row = withoutFirst(hash, row, first.offsets().minus(next), first.attempt());
    queue.addBlocked(-next.size());
    var batch = LeaseBatch.ready(queue.nextId(), next, first.attempt(), hash);
    queue.add(batch);
    put(hash, new MessageGroupRow(batch.id(), row.firstBlocked(), row.lastBlocked()));
  }

  /** Puts what fits, and comes behind it, into the last row; returns the rest. */
  private OffsetSet append(long hash, MessageGroupRow row, OffsetSet offsets, int attempt) {
    byte[] key = LeaseKeys.blocked(queue.at(), queue.generation(), hash, row.lastBlocked());
    BlockedRow last = LeaseRows.blocked(tables.get(Table.LEASES, key).orElseThrow());
    int room = Limits.BLOCKED_PER_ROW - last.offsets().size();
    if (room <= 0 || last.attempt() != attempt || offsets.first() < last.offsets().last()) {
      return offsets;
    }
    OffsetSet part = offsets.lowest(room);
    putBlocked(hash, new BlockedRow(last.offsets().plus(part), attempt));
    return offsets.minus(part);
  }

  private MessageGroupRow withoutFirst(
      long hash, MessageGroupRow row, OffsetSet left, int attempt) {
    byte[] key = LeaseKeys.blocked(queue.at(), queue.generation(), hash, row.firstBlocked());
    tables.delete(Table.LEASES, key);
    if (!left.isEmpty()) {
      putBlocked(hash, new BlockedRow(left, attempt));
    }
    if (row.firstBlocked() == row.lastBlocked()) {
      long only = left.isEmpty() ? MessageGroupRow.NONE : left.first();
      return new MessageGroupRow(row.holder(), only, only);
    }
    byte[] from = LeaseKeys.blocked(queue.at(), queue.generation(), hash, row.firstBlocked() + 1);
    byte[] end = Keys.after(LeaseKeys.blockedOf(queue.at(), queue.generation(), hash));
    var next = tables.range(Table.LEASES, from, end, 1).get(0);
    return new MessageGroupRow(
        row.holder(),
        LeaseRows.blocked(next.value()).offsets().first(),
        left.isEmpty() ? row.lastBlocked() : Math.max(row.lastBlocked(), left.first()));
  }

  private BlockedRow firstBlocked(long hash, MessageGroupRow row) {
    byte[] key = LeaseKeys.blocked(queue.at(), queue.generation(), hash, row.firstBlocked());
    return LeaseRows.blocked(tables.get(Table.LEASES, key).orElseThrow());
  }

  private void putBlocked(long hash, BlockedRow row) {
    byte[] key = LeaseKeys.blocked(queue.at(), queue.generation(), hash, row.offsets().first());
    tables.put(Table.LEASES, key, LeaseRows.blocked(row));
  }

  private Optional<MessageGroupRow> find(long hash) {
    return tables.get(Table.LEASES, key(hash)).map(LeaseRows::messageGroup);
  }

  private void put(long hash, MessageGroupRow row) {
    tables.put(Table.LEASES, key(hash), LeaseRows.messageGroup(row));
  }

  private byte[] key(long hash) {
    return LeaseKeys.messageGroup(queue.at(), queue.generation(), hash);
  }
}
