package io.keelmq.broker.state;

import io.keelmq.broker.state.Deadlines.Deadline;

/**
 * Deletes rows of leases that nobody can meet any more: of older generations of a queue, of a
 * deleted consumer group, of a deleted topic. In steps, each as long as it is told to be.
 *
 * <p>Owned by the apply thread.
 */
final class LeaseSweeps {

  private final Tables tables;
  private final Deadlines deadlines;

  LeaseSweeps(Tables tables, Deadlines deadlines) {
    this.tables = tables;
    this.deadlines = deadlines;
  }

  /**
   * Deletes what stands below {@code generation}.
   *
   * @return how many of {@code rows} are left; none if there may be more to do
   */
  int generations(Subscription at, int generation, int rows) {
    int left = rows;
    for (char letter : LeaseKeys.OF_GENERATION) {
      left =
          range(LeaseKeys.all(at, letter, 0), LeaseKeys.all(at, letter, generation), left, false);
    }
    return left;
  }

  /** The same for all of a group at a topic. */
  int group(long topicId, long groupId, int rows) {
    byte[] prefix = LeaseKeys.ofGroup(topicId, groupId);
    return range(prefix, Keys.after(prefix), rows, false);
  }

  /** The same for all of a topic, and what {@link ConsumerGroups} keeps of its groups there. */
  int topic(long topicId, int rows) {
    byte[] prefix = LeaseKeys.ofTopic(topicId);
    return range(prefix, Keys.after(prefix), rows, true);
  }

  private int range(byte[] from, byte[] to, int rows, boolean epochsToo) {
    int left = rows;
    // A batch has a deadline beside it.
    int limit = rows / 2;
    if (limit < 1) {
      return 0;
    }
    var found = tables.range(Table.LEASES, from, to, limit);
    for (var row : found) {
      tables.delete(Table.LEASES, row.key());
      left--;
      var in = new RowReader(row.key()).skip(LeaseKeys.PREFIX_BYTES);
      int letter = in.int8();
      Subscription at = LeaseKeys.subscription(row.key());
      if (letter == LeaseKeys.CURSOR && epochsToo) {
        // Wherever a group has an epoch it has a cursor.
        tables.delete(Table.CATALOG, Keys.epoch(at.groupId(), at.topicId()));
        left--;
      } else if (letter == LeaseKeys.BATCH) {
        int generation = in.int32();
        LeaseBatch batch = LeaseRows.batch(LeaseKeys.batchId(row.key()), row.value());
        if (!batch.isReady()) {
          deadlines.remove(Deadline.ofLease(batch.deadlineMillis(), at, generation, batch.id()));
          left--;
        }
      }
    }
    return found.size() == limit ? 0 : left;
  }
}
