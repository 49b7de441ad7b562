package io.keelmq.broker.state;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Questions about the applied state.
 *
 * <p>Thread-safe if its rows are. Each answer holds for itself: between two of them more may have
 * been applied, never less.
 */
public final class StateView {

  /** Oldest retained offset, and one after the last. */
  public record QueueBounds(long firstOffset, long endOffset) {}

  /**
   * Consecutive messages of a queue that stand together in one log entry. The address may change at
   * any time: where nothing is found any more, the run has to be looked up again.
   *
   * @param position of the first record, in bytes from the start of the entry
   * @param bytes of all records, those that are passed over too, each with its length in front
   * @param timeMillis log time at which they got their offsets
   * @param skip records at {@code position} that are passed over before the first one
   * @param source where a dead letter comes from
   */
  public record StoredRun(
      long firstOffset,
      int count,
      long logIndex,
      int position,
      int bytes,
      long timeMillis,
      int skip,
      Optional<Source> source) {

    public StoredRun(
        long firstOffset, int count, long logIndex, int position, int bytes, long timeMillis) {
      this(firstOffset, count, logIndex, position, bytes, timeMillis, 0, Optional.empty());
    }

    public BodyAddress address() {
      return new BodyAddress(logIndex, position);
    }

    StoredRun movedTo(BodyAddress to) {
      return new StoredRun(
          firstOffset, count, to.logIndex(), to.position(), bytes, timeMillis, skip, source);
    }
  }

  /** The queue and offset under which a dead letter was consumed. */
  public record Source(long topicId, int queue, long offset) {}

  public record ConsumerGroup(String name, long id, GroupSettings settings) {

    public GroupKind kind() {
      return settings.kind();
    }
  }

  /**
   * Where a consumer group of kind lease stands in a queue.
   *
   * @param generation raised by each seek, which makes all leases of before void
   * @param nextOffset the first offset that was never granted, filtered or blocked
   * @param batches leased or ready
   * @param leased messages; with {@code ready} and {@code blocked} all that are neither done nor
   *     beyond {@code nextOffset}
   */
  public record Cursor(
      int generation, long nextOffset, int batches, long leased, long ready, long blocked) {}

  /**
   * Messages of one queue that were granted together and are not settled yet.
   *
   * @param attempt deliveries so far, the present one included; 0 if there was none
   * @param messageGroupHash 0 if unknown or without a message group
   * @param clientId who had it last; empty if nobody did, and while it waits to become ready
   * @param deadlineMillis log time; 0 while ready
   */
  public record Batch(
      LeaseId id,
      OffsetSet offsets,
      int attempt,
      long messageGroupHash,
      String clientId,
      String attemptId,
      long deadlineMillis) {}

  /**
   * A run that has no place in its queue yet.
   *
   * @param dueMillis delivery, or next check-back
   * @param checks check-backs so far, {@code heard} of which count
   */
  public record HeldRun(
      HeldId id, int queue, StoredRun run, boolean half, long dueMillis, int checks, int heard) {}

  /**
   * @param waiting delayed and half runs, all topics together
   * @param unanswered half runs that were rolled back because nobody answered checks; only rises
   */
  public record HeldCounts(long waiting, long unanswered) {}

  /** One queue of a consumer group. */
  public record Progress(long topicId, int queue, long epoch, long committedOffset) {}

  /** How far a streaming producer has come. */
  public record Producer(long epoch, long lastSequence) {}

  /** The digest of all entries below a log index. */
  public record DigestAt(long index, long digest) {}

  private final TableReads tables;

  public StateView(TableReads tables) {
    this.tables = tables;
  }

  public Applied applied() {
    return tables.get(Table.META, Keys.APPLIED).map(Rows::applied).orElse(Applied.NOTHING);
  }

  public Optional<Topic> topic(String name) {
    return Topics.find(tables, name);
  }

  public Optional<Topic> topic(long topicId) {
    return Topics.find(tables, topicId);
  }

  /** All topics by name. */
  public List<Topic> topics() {
    byte[] all = Keys.prefix('T');
    var topics = new ArrayList<Topic>();
    for (var row : tables.range(Table.CATALOG, all, Keys.after(all), Topics.MOST)) {
      topics.add(Rows.topic(new RowReader(row.key()).skip(1).text(), row.value()));
    }
    topics.sort(Comparator.comparing(Topic::name));
    return topics;
  }

  /** Log index of the last change of any topic, 0 if there was none. */
  public long topicsVersion() {
    return Rows.int64(tables.get(Table.META, Keys.TOPICS_VERSION), 0);
  }

  /** Of a queue that exists; a queue never written to is 0 to 0. */
  public QueueBounds bounds(long topicId, int queue) {
    var row = Queues.find(tables, topicId, queue);
    return new QueueBounds(row.firstOffset(), row.endOffset());
  }

  /**
   * The runs that hold {@code fromOffset} and what follows, in order. The first may begin below
   * {@code fromOffset}; empty at or beyond the end.
   *
   * @param fromOffset not below the queue's first offset
   * @param limit at most this many runs, from 1
   */
  public List<StoredRun> runs(long topicId, int queue, long fromOffset, int limit) {
    byte[] queuePrefix = Keys.runs(topicId, queue);
    long from =
        Queues.runAt(tables, topicId, queue, fromOffset)
            .map(StoredRun::firstOffset)
            .orElse(fromOffset);
    var runs = new ArrayList<StoredRun>();
    for (var row :
        tables.range(Table.RUNS, Keys.run(topicId, queue, from), Keys.after(queuePrefix), limit)) {
      runs.add(Queues.read(row));
    }
    return runs;
  }

  /** The first offset whose log time is {@code timeMillis} or later; the end if there is none. */
  public long offsetAt(long topicId, int queue, long timeMillis) {
    QueueBounds bounds = bounds(topicId, queue);
    long low = bounds.firstOffset();
    long high = bounds.endOffset();
    // Log time never goes back, so runs are in the order of their times as of their offsets.
    while (low < high) {
      long middle = low + (high - low) / 2;
      Optional<StoredRun> run = Queues.runAt(tables, topicId, queue, middle);
      if (run.isEmpty()) {
        // Trimmed since the bounds were read.
        low = middle + 1;
      } else if (run.get().timeMillis() >= timeMillis) {
        high = Math.max(low, run.get().firstOffset());
      } else {
        low = run.get().firstOffset() + run.get().count();
      }
    }
    return low;
  }

  public Optional<ConsumerGroup> consumerGroup(String name) {
    return ConsumerGroups.find(tables, name)
        .map(row -> new ConsumerGroup(name, row.id(), row.settings()));
  }

  /** All consumer groups by name. */
  public List<ConsumerGroup> consumerGroups() {
    byte[] all = Keys.prefix('G');
    var groups = new ArrayList<ConsumerGroup>();
    for (var row : tables.range(Table.CATALOG, all, Keys.after(all), Limits.MAX_CONSUMER_GROUPS)) {
      String name = new RowReader(row.key()).skip(1).text();
      var group = Rows.group(row.value());
      groups.add(new ConsumerGroup(name, group.id(), group.settings()));
    }
    groups.sort(Comparator.comparing(ConsumerGroup::name));
    return groups;
  }

  /** The epoch of a consumer group at a topic; 0 if it was never moved there. */
  public long epoch(String consumerGroup, long topicId) {
    return ConsumerGroups.find(tables, consumerGroup)
        .map(group -> ConsumerGroups.epoch(tables, group.id(), topicId))
        .orElse(0L);
  }

  /**
   * What a consumer group has committed, by topic and queue; of kind lease, the lowest offset that
   * is not settled.
   */
  public List<Progress> progress(String consumerGroup) {
    var progress = new ArrayList<Progress>();
    Optional<Rows.GroupRow> group = ConsumerGroups.find(tables, consumerGroup);
    if (group.isEmpty()) {
      return progress;
    }
    byte[] epochs = Keys.epochs(group.get().id());
    for (var row : tables.range(Table.CATALOG, epochs, Keys.after(epochs), Topics.MOST)) {
      long topicId = new RowReader(row.key()).skip(9).int64();
      long epoch = Rows.int64(Optional.of(row.value()), 0);
      if (group.get().kind() == GroupKind.LEASE) {
        int queues = Topics.find(tables, topicId).map(Topic::queues).orElse(0);
        for (int queue = 0; queue < queues; queue++) {
          progress.add(
              new Progress(
                  topicId, queue, epoch, lowestOutstanding(group.get().id(), topicId, queue)));
        }
        continue;
      }
      byte[] offsets = Keys.committedOfGroup(topicId, group.get().id());
      for (var offset :
          tables.range(Table.CATALOG, offsets, Keys.after(offsets), Limits.MAX_QUEUES)) {
        int queue = new RowReader(offset.key()).skip(17).int32();
        progress.add(
            new Progress(topicId, queue, epoch, Rows.int64(Optional.of(offset.value()), 0)));
      }
    }
    return progress;
  }

  /** Where a consumer group of kind lease stands; absent before it subscribed to the topic. */
  public Optional<Cursor> cursor(long groupId, long topicId, int queue) {
    return Subscriptions.cursor(tables, new Subscription(topicId, groupId, queue));
  }

  /**
   * What waits to be delivered again, by lowest offset.
   *
   * @param fromOffset batches that begin below are passed over. Who knows that there are none
   *     spares the store the way over those that were
   * @param limit as many are told if there are so many
   */
  public List<Batch> ready(long groupId, long topicId, int queue, long fromOffset, int limit) {
    return LeaseQueries.ready(tables, new Subscription(topicId, groupId, queue), fromOffset, limit);
  }

  /** What is leased, in the order of being granted, after {@code after}. */
  public List<Batch> leased(
      long groupId, long topicId, int queue, Optional<LeaseId> after, int limit) {
    return LeaseQueries.leased(tables, new Subscription(topicId, groupId, queue), after, limit);
  }

  /** A batch by its name, leased or ready, in the queue's present generation. */
  public Optional<Batch> batch(long groupId, long topicId, int queue, LeaseId id) {
    return LeaseQueries.batch(tables, new Subscription(topicId, groupId, queue), id);
  }

  /** Whether messages of a message group have to wait, because earlier ones are not settled. */
  public boolean messageGroupHeld(long groupId, long topicId, int queue, long hash) {
    return LeaseQueries.isHeld(tables, new Subscription(topicId, groupId, queue), hash);
  }

  /** The lowest offset that is not settled; the cursor's if everything before is. */
  public long lowestOutstanding(long groupId, long topicId, int queue) {
    return LeaseQueries.lowestOutstanding(tables, new Subscription(topicId, groupId, queue));
  }

  /**
   * Those of {@code offsets} that are not settled: they are leased, ready, blocked, on their way to
   * a dead letter topic, or were never granted. Looks at everything the group has out of the queue.
   *
   * @param generation none are told in another than the queue's present one
   */
  public OffsetSet outstanding(
      long groupId, long topicId, int queue, int generation, OffsetSet offsets) {
    return LeaseQueries.outstanding(
        tables, new Subscription(topicId, groupId, queue), generation, offsets);
  }

  /** Messages that could not be moved to a dead letter topic, because they were gone before. */
  public long deadLettersDropped() {
    return Rows.int64(tables.get(Table.META, Keys.counter(Counters.DEAD_LETTERS_DROPPED)), 0);
  }

  /** Delayed or half messages of a topic after {@code after}, in the order of being stored. */
  public List<HeldRun> held(long topicId, Optional<HeldId> after, int limit) {
    return HeldMessages.runs(tables, topicId, after, limit);
  }

  /** Whether that a producer was handed a check-back is known already, or matters no more. */
  public boolean isOldNews(Command.HeardCheck check) {
    // Before the row: where that is missing, what stores it may be on its way here.
    long applied = applied().index();
    return HeldMessages.find(tables, check.topicId(), check.held())
        .map(row -> !row.half() || row.checks().isPast(check.check()))
        .orElse(applied >= check.held().logIndex());
  }

  public Optional<HeldRun> held(long topicId, HeldId id) {
    return HeldMessages.run(tables, topicId, id);
  }

  public HeldCounts heldCounts() {
    return new HeldCounts(
        Rows.int64(tables.get(Table.META, Keys.counter(Counters.HELD)), 0),
        Rows.int64(tables.get(Table.META, Keys.counter(Counters.UNANSWERED)), 0));
  }

  public Optional<Producer> producer(String producerId) {
    return Producers.find(tables, producerId)
        .map(row -> new Producer(row.epoch(), row.lastSequence()));
  }

  /** The last few digests, oldest first. */
  public List<DigestAt> digests() {
    byte[] all = Keys.prefix('D');
    var digests = new ArrayList<DigestAt>();
    for (var row : tables.range(Table.META, all, Keys.after(all), Limits.DIGESTS_KEPT)) {
      long index = new RowReader(row.key()).skip(1).int64();
      digests.add(new DigestAt(index, Rows.int64(Optional.of(row.value()), 0)));
    }
    return digests;
  }

  /** When the next {@link Command.AdvanceTime} has something to do, in log time. */
  public OptionalLong nextDueMillis() {
    return Deadlines.earliest(tables);
  }

  /** What the group may use. */
  public Features features() {
    return FeatureLevels.read(tables);
  }

  /** The group's members by node; empty until the first change of members. */
  public List<Members.Seat> members() {
    return Members.all(tables);
  }

  public Optional<Members.Seat> member(String node) {
    return Members.find(tables, node);
  }
}
