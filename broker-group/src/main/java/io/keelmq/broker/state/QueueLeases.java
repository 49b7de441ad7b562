package io.keelmq.broker.state;

import io.keelmq.broker.state.Deadlines.Deadline;
import io.keelmq.broker.state.Rows.QueueRow;
import io.keelmq.broker.state.StateView.ConsumerGroup;
import io.keelmq.broker.state.StateView.Cursor;
import java.util.Optional;

/**
 * What a consumer group of kind lease has out of one queue. Each message below the cursor that is
 * not done stands in exactly one batch, or is blocked behind one; the counts of the cursor row say
 * how many there are of each.
 *
 * <p>Owned by the apply thread, for one command.
 */
final class QueueLeases {

  private final LeaseStep step;
  private final Tables tables;
  private final Topic topic;
  private final ConsumerGroup group;
  private final Subscription at;
  private final MessageGroups messageGroups;
  private final Cursor before;

  private long nextOffset;
  private int batches;
  private long leased;
  private long ready;
  private long blocked;
  private long madeReadyFrom = Long.MAX_VALUE;
  private Optional<QueueRow> bounds = Optional.empty();

  QueueLeases(
      LeaseStep step,
      Tables tables,
      Topic topic,
      ConsumerGroup group,
      Subscription at,
      Cursor cursor) {
    this.step = step;
    this.tables = tables;
    this.topic = topic;
    this.group = group;
    this.at = at;
    this.messageGroups = new MessageGroups(tables, this);
    this.before = cursor;
    this.nextOffset = cursor.nextOffset();
    this.batches = cursor.batches();
    this.leased = cursor.leased();
    this.ready = cursor.ready();
    this.blocked = cursor.blocked();
  }

  Topic topic() {
    return topic;
  }

  ConsumerGroup group() {
    return group;
  }

  Subscription at() {
    return at;
  }

  boolean isFifo() {
    return group.settings().fifo();
  }

  int maxAttempts() {
    return group.settings().maxAttempts();
  }

  int generation() {
    return before.generation();
  }

  long nextOffset() {
    return nextOffset;
  }

  void moveTo(long offset) {
    nextOffset = Math.max(nextOffset, offset);
  }

  /** The queue's oldest retained offset. */
  long firstOffset() {
    return bounds().firstOffset();
  }

  long endOffset() {
    return bounds().endOffset();
  }

  MessageGroups messageGroups() {
    return messageGroups;
  }

  LeaseId nextId() {
    return step.nextId();
  }

  long nowMillis() {
    return step.nowMillis();
  }

  /** Whether so much is out that nothing more is granted from the cursor. */
  boolean isFull() {
    return isFull(batches, blocked);
  }

  Optional<LeaseBatch> find(LeaseId id) {
    return tables
        .get(Table.LEASES, LeaseKeys.batch(at, generation(), id))
        .map(row -> LeaseRows.batch(id, row));
  }

  void add(LeaseBatch batch) {
    change(Optional.empty(), Optional.of(batch));
  }

  void replace(LeaseBatch old, LeaseBatch with) {
    change(Optional.of(old), Optional.of(with));
  }

  void remove(LeaseBatch batch) {
    change(Optional.of(batch), Optional.empty());
  }

  /** Ends messages of a batch. A message group goes on when its batch is used up. */
  void take(LeaseBatch batch, OffsetSet offsets) {
    OffsetSet left = batch.offsets().minus(offsets);
    if (!left.isEmpty()) {
      replace(batch, batch.with(left));
      return;
    }
    remove(batch);
    if (batch.hash() != 0) {
      messageGroups.free(batch.hash());
    }
  }

  /**
   * Moves messages that stand in no batch any more to the dead letter topic, now or step by step.
   */
  void bury(OffsetSet offsets, int attempt) {
    OffsetSet left = offsets.minus(step.bury(this, offsets));
    if (!left.isEmpty()) {
      add(LeaseBatch.doomed(nextId(), left, attempt, step.buryAgainMillis(this)));
    }
  }

  /** Goes on with a batch that is on its way to the dead letter topic, and whose time has come. */
  void buryMore(LeaseBatch doomed) {
    OffsetSet left = doomed.offsets().minus(step.bury(this, doomed.offsets()));
    // Not replaced: its deadline was taken away when it was served, and may be the same again.
    remove(doomed);
    if (!left.isEmpty()) {
      add(LeaseBatch.doomed(doomed.id(), left, doomed.attempt(), step.buryAgainMillis(this)));
    }
  }

  void addBlocked(long messages) {
    blocked += messages;
  }

  /** Whether there is more to be delivered than before the command. */
  boolean hasMore() {
    return madeReadyFrom != Long.MAX_VALUE
        || (isFull(before.batches(), before.blocked()) && !isFull());
  }

  /** The lowest offset with which a batch began that became ready; none became so below. */
  long madeReadyFrom() {
    return madeReadyFrom;
  }

  void end() {
    var after = new Cursor(before.generation(), nextOffset, batches, leased, ready, blocked);
    if (!after.equals(before)) {
      tables.put(Table.LEASES, LeaseKeys.cursor(at), LeaseRows.cursor(after));
    }
  }

  private void change(Optional<LeaseBatch> old, Optional<LeaseBatch> now) {
    if (old.isPresent() && now.map(batch -> !batch.id().equals(old.get().id())).orElse(true)) {
      tables.delete(Table.LEASES, LeaseKeys.batch(at, generation(), old.get().id()));
    }
    now.ifPresent(
        batch ->
            tables.put(
                Table.LEASES,
                LeaseKeys.batch(at, generation(), batch.id()),
                LeaseRows.batch(batch)));
    Optional<Deadline> oldDeadline = old.flatMap(this::deadline);
    Optional<Deadline> newDeadline = now.flatMap(this::deadline);
    if (!oldDeadline.equals(newDeadline)) {
      oldDeadline.ifPresent(step::remove);
      newDeadline.ifPresent(step::add);
    }
    changeIndex(old.filter(LeaseBatch::isReady), now.filter(LeaseBatch::isReady));
    old.ifPresent(batch -> count(batch, -1));
    now.ifPresent(batch -> count(batch, 1));
  }

  private void changeIndex(Optional<LeaseBatch> old, Optional<LeaseBatch> now) {
    if (old.isPresent()
        && now.isPresent()
        && old.get().id().equals(now.get().id())
        && old.get().offsets().first() == now.get().offsets().first()) {
      return;
    }
    old.ifPresent(batch -> tables.delete(Table.LEASES, indexKey(batch)));
    now.ifPresent(batch -> tables.put(Table.LEASES, indexKey(batch), new byte[0]));
    // Under another name it is another batch to whoever looks by the index.
    if (now.isPresent() && old.filter(batch -> batch.id().equals(now.get().id())).isEmpty()) {
      madeReadyFrom = Math.min(madeReadyFrom, now.get().offsets().first());
    }
  }

  private void count(LeaseBatch batch, int sign) {
    batches += sign;
    if (batch.isReady()) {
      ready += sign * (long) batch.offsets().size();
    } else {
      leased += sign * (long) batch.offsets().size();
    }
  }

  private byte[] indexKey(LeaseBatch batch) {
    return LeaseKeys.ready(at, generation(), batch.offsets().first(), batch.id());
  }

  private Optional<Deadline> deadline(LeaseBatch batch) {
    return batch.isReady()
        ? Optional.empty()
        : Optional.of(Deadline.ofLease(batch.deadlineMillis(), at, generation(), batch.id()));
  }

  private QueueRow bounds() {
    if (bounds.isEmpty()) {
      bounds = Optional.of(Queues.find(tables, at.topicId(), at.queue()));
    }
    return bounds.get();
  }

  private static boolean isFull(int batches, long blocked) {
    return batches >= Limits.MAX_BATCHES_PER_QUEUE || blocked >= Limits.MAX_BLOCKED_PER_QUEUE;
  }
}
