package io.keelmq.broker.state;

import io.keelmq.broker.state.StateView.Batch;
import io.keelmq.broker.state.StateView.Cursor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What is leased, ready and outstanding. Stateless. Other threads ask while more is applied: a row
 * that an index names may be gone, and is left out.
 */
final class LeaseQueries {

  private static final int PAGE = 1_000;

  private LeaseQueries() {}

  static List<Batch> ready(TableReads tables, Subscription at, long fromOffset, int limit) {
    var batches = new ArrayList<Batch>();
    Optional<Cursor> cursor = Subscriptions.cursor(tables, at);
    // Without a look where nothing stands: a store would walk over what was delivered before.
    if (cursor.isEmpty() || cursor.get().ready() == 0) {
      return batches;
    }
    int generation = cursor.get().generation();
    byte[] all = LeaseKeys.all(at, LeaseKeys.READY, generation);
    byte[] from = LeaseKeys.readyFrom(at, generation, fromOffset);
    while (batches.size() < limit) {
      int asked = limit - batches.size();
      var rows = tables.range(Table.LEASES, from, Keys.after(all), asked);
      for (var row : rows) {
        LeaseId id = LeaseKeys.readyId(row.key());
        tables
            .get(Table.LEASES, LeaseKeys.batch(at, generation, id))
            .map(value -> LeaseRows.batch(id, value))
            .filter(LeaseBatch::isReady)
            .ifPresent(batch -> batches.add(batch.view()));
      }
      if (rows.size() < asked) {
        break;
      }
      from = behind(rows.get(asked - 1).key());
    }
    return batches;
  }

  static List<Batch> leased(
      TableReads tables, Subscription at, Optional<LeaseId> after, int limit) {
    var batches = new ArrayList<Batch>();
    Optional<Cursor> cursor = Subscriptions.cursor(tables, at);
    if (cursor.isEmpty() || cursor.get().leased() == 0) {
      return batches;
    }
    int generation = cursor.get().generation();
    byte[] all = LeaseKeys.all(at, LeaseKeys.BATCH, generation);
    byte[] from = after.map(id -> behind(LeaseKeys.batch(at, generation, id))).orElse(all);
    while (batches.size() < limit) {
      var rows = tables.range(Table.LEASES, from, Keys.after(all), PAGE);
      for (var row : rows) {
        LeaseBatch batch = LeaseRows.batch(LeaseKeys.batchId(row.key()), row.value());
        if (batch.state() == LeaseBatch.State.LEASED && batches.size() < limit) {
          batches.add(batch.view());
        }
      }
      if (rows.size() < PAGE) {
        break;
      }
      from = behind(rows.get(PAGE - 1).key());
    }
    return batches;
  }

  static Optional<Batch> batch(TableReads tables, Subscription at, LeaseId id) {
    return Subscriptions.cursor(tables, at)
        .flatMap(cursor -> tables.get(Table.LEASES, LeaseKeys.batch(at, cursor.generation(), id)))
        .map(row -> LeaseRows.batch(id, row).view());
  }

  static boolean isHeld(TableReads tables, Subscription at, long hash) {
    return Subscriptions.cursor(tables, at)
        .flatMap(
            cursor ->
                tables.get(Table.LEASES, LeaseKeys.messageGroup(at, cursor.generation(), hash)))
        .isPresent();
  }

  static long lowestOutstanding(TableReads tables, Subscription at) {
    Optional<Cursor> cursor = Subscriptions.cursor(tables, at);
    if (cursor.isEmpty()) {
      return 0;
    }
    long[] lowest = {cursor.get().nextOffset()};
    int generation = cursor.get().generation();
    if (cursor.get().batches() > 0) {
      forEach(
          tables,
          LeaseKeys.all(at, LeaseKeys.BATCH, generation),
          row -> {
            LeaseBatch batch = LeaseRows.batch(LeaseKeys.batchId(row.key()), row.value());
            lowest[0] = Math.min(lowest[0], batch.offsets().first());
          });
    }
    if (cursor.get().blocked() > 0) {
      forEach(
          tables,
          LeaseKeys.all(at, LeaseKeys.MESSAGE_GROUP, generation),
          row -> {
            var group = LeaseRows.messageGroup(row.value());
            if (group.hasBlocked()) {
              lowest[0] = Math.min(lowest[0], group.firstBlocked());
            }
          });
    }
    return lowest[0];
  }

  static OffsetSet outstanding(
      TableReads tables, Subscription at, int generation, OffsetSet wanted) {
    Optional<Cursor> cursor =
        Subscriptions.cursor(tables, at).filter(found -> found.generation() == generation);
    if (cursor.isEmpty() || wanted.isEmpty()) {
      return OffsetSet.EMPTY;
    }
    OffsetSet[] found = {wanted.between(cursor.get().nextOffset(), Long.MAX_VALUE)};
    // What is blocked first: when it is freed meanwhile, it becomes the newest batch.
    if (cursor.get().blocked() > 0) {
      forEach(
          tables,
          LeaseKeys.all(at, LeaseKeys.MESSAGE_GROUP, generation),
          row -> found[0] = found[0].plus(blocked(tables, at, generation, row, wanted)));
    }
    forEach(
        tables,
        LeaseKeys.all(at, LeaseKeys.BATCH, generation),
        row -> {
          LeaseBatch batch = LeaseRows.batch(LeaseKeys.batchId(row.key()), row.value());
          found[0] = found[0].plus(batch.offsets().and(wanted));
        });
    return found[0];
  }

  private static OffsetSet blocked(
      TableReads tables, Subscription at, int generation, TableReads.Row row, OffsetSet wanted) {
    var group = LeaseRows.messageGroup(row.value());
    if (!group.hasBlocked() || group.firstBlocked() > wanted.last()) {
      return OffsetSet.EMPTY;
    }
    long hash = LeaseKeys.messageGroupHash(row.key());
    OffsetSet[] found = {OffsetSet.EMPTY};
    forEach(
        tables,
        LeaseKeys.blocked(at, generation, hash, group.firstBlocked()),
        LeaseKeys.blocked(at, generation, hash, wanted.last() + 1),
        one -> found[0] = found[0].plus(LeaseRows.blocked(one.value()).offsets().and(wanted)));
    return found[0];
  }

  private static void forEach(TableReads tables, byte[] prefix, Consumer<TableReads.Row> action) {
    forEach(tables, prefix, Keys.after(prefix), action);
  }

  private static void forEach(
      TableReads tables, byte[] fromKey, byte[] toKey, Consumer<TableReads.Row> action) {
    byte[] from = fromKey;
    while (true) {
      var rows = tables.range(Table.LEASES, from, toKey, PAGE);
      rows.forEach(action);
      if (rows.size() < PAGE) {
        return;
      }
      from = behind(rows.get(PAGE - 1).key());
    }
  }

  /** The least key above. */
  private static byte[] behind(byte[] key) {
    return new RowWriter(key.length + 1).raw(key).int8(0).done();
  }
}
