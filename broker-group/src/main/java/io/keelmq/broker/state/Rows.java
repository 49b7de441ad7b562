package io.keelmq.broker.state;

import io.keelmq.broker.state.StateView.Source;
import io.keelmq.broker.state.StateView.StoredRun;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** The value of every row, read and written. Fields are only ever added at the end. */
final class Rows {

  /**
   * @param lastRun first offset of the queue's last run, to make it longer while its entry is being
   *     applied
   * @param lastRunIndex log index of that run, 0 if the queue has none
   */
  record QueueRow(long firstOffset, long endOffset, long lastRun, long lastRunIndex) {
    static final QueueRow EMPTY = new QueueRow(0, 0, 0, 0);

    /** With the messages before gone. */
    QueueRow from(long offset) {
      return new QueueRow(offset, endOffset, lastRun, lastRunIndex);
    }
  }

  record GroupRow(long id, GroupSettings settings) {
    GroupKind kind() {
      return settings.kind();
    }
  }

  record ProducerRow(long epoch, long lastSequence, long usedMinute) {}

  /**
   * @param held what each run is called whose first offset is {@link Reply.Stored#HELD}; empty if
   *     there is none
   */
  record BatchRow(
      long epoch, long sequence, List<Long> firstOffsets, List<Optional<HeldId>> held) {}

  /**
   * A run without a place in its queue.
   *
   * @param dueMillis when it is delivered, or its producer asked next
   * @param checks how often its producers were asked
   * @param moved where the records lie since they were relocated; before that, where the run's name
   *     says
   */
  record HeldRow(
      int queue,
      int count,
      int bytes,
      long storedMillis,
      long dueMillis,
      boolean half,
      Checks checks,
      Optional<BodyAddress> moved) {

    BodyAddress address(HeldId name) {
      return moved.orElseGet(() -> new BodyAddress(name.logIndex(), name.position()));
    }

    HeldRow dueAt(long nextMillis, Checks now) {
      return new HeldRow(queue, count, bytes, storedMillis, nextMillis, half, now, moved);
    }

    HeldRow movedTo(BodyAddress address) {
      return new HeldRow(
          queue, count, bytes, storedMillis, dueMillis, half, checks, Optional.of(address));
    }
  }

  /** How a half message was decided; {@code offset} is -1 if it was rolled back. */
  record DecisionRow(int queue, long offset) {
    static final long ROLLED_BACK = -1;
  }

  private Rows() {}

  static byte[] int64(long value) {
    return new RowWriter(8).int64(value).done();
  }

  static long int64(Optional<byte[]> row, long absent) {
    return row.map(bytes -> new RowReader(bytes).int64()).orElse(absent);
  }

  static byte[] applied(Applied applied) {
    return new RowWriter(32)
        .int64(applied.index())
        .int64(applied.term())
        .int64(applied.timeMillis())
        .int64(applied.digest())
        .done();
  }

  static Applied applied(byte[] row) {
    var in = new RowReader(row);
    return new Applied(in.int64(), in.int64(), in.int64(), in.int64());
  }

  static byte[] topic(Topic topic) {
    var out =
        new RowWriter(29)
            .int64(topic.id())
            .int8(topic.type().code())
            .int32(topic.queues())
            .int64(topic.retentionMillis());
    // Absent in most rows, and in those of before there was any.
    if (topic.retentionBytes() != 0) {
      out.int64(topic.retentionBytes());
    }
    return out.done();
  }

  static Topic topic(String name, byte[] row) {
    var in = new RowReader(row);
    return new Topic(
        in.int64(),
        name,
        TopicType.ofCode(in.int8()),
        in.int32(),
        in.int64(),
        in.hasMore() ? in.int64() : 0);
  }

  static byte[] queue(QueueRow queue) {
    return new RowWriter(32)
        .int64(queue.firstOffset())
        .int64(queue.endOffset())
        .int64(queue.lastRun())
        .int64(queue.lastRunIndex())
        .done();
  }

  static QueueRow queue(byte[] row) {
    var in = new RowReader(row);
    return new QueueRow(in.int64(), in.int64(), in.int64(), in.int64());
  }

  static byte[] run(StoredRun run) {
    var out =
        new RowWriter(52)
            .int64(run.logIndex())
            .int64(run.timeMillis())
            .int32(run.position())
            .int32(run.bytes())
            .int32(run.count());
    // Absent in most rows, and in those of before there were any.
    if (run.skip() > 0 || run.source().isPresent()) {
      out.int32(run.skip());
    }
    run.source()
        .ifPresent(from -> out.int64(from.topicId()).int32(from.queue()).int64(from.offset()));
    return out.done();
  }

  static StoredRun run(long firstOffset, byte[] row) {
    var in = new RowReader(row);
    long logIndex = in.int64();
    long timeMillis = in.int64();
    int position = in.int32();
    int bytes = in.int32();
    int count = in.int32();
    int skip = in.hasMore() ? in.int32() : 0;
    Optional<Source> source =
        in.hasMore()
            ? Optional.of(new Source(in.int64(), in.int32(), in.int64()))
            : Optional.empty();
    return new StoredRun(firstOffset, count, logIndex, position, bytes, timeMillis, skip, source);
  }

  static byte[] group(GroupRow group) {
    var settings = group.settings();
    var out = new RowWriter(15).int64(group.id()).int8(settings.kind().code());
    if (settings.kind() == GroupKind.LEASE) {
      out.int8(settings.fifo() ? 1 : 0)
          .int32(settings.maxAttempts())
          .int8(settings.fromLatest() ? 1 : 0);
    }
    return out.done();
  }

  static GroupRow group(byte[] row) {
    var in = new RowReader(row);
    long id = in.int64();
    GroupKind kind = GroupKind.ofCode(in.int8());
    if (!in.hasMore()) {
      return new GroupRow(id, GroupSettings.of(kind));
    }
    return new GroupRow(id, new GroupSettings(kind, in.int8() == 1, in.int32(), in.int8() == 1));
  }

  static byte[] producer(ProducerRow producer) {
    return new RowWriter(24)
        .int64(producer.epoch())
        .int64(producer.lastSequence())
        .int64(producer.usedMinute())
        .done();
  }

  static ProducerRow producer(byte[] row) {
    var in = new RowReader(row);
    return new ProducerRow(in.int64(), in.int64(), in.int64());
  }

  static byte[] batch(BatchRow batch) {
    var out = new RowWriter(18 + 8 * batch.firstOffsets().size());
    out.int64(batch.epoch()).int64(batch.sequence()).int16(batch.firstOffsets().size());
    batch.firstOffsets().forEach(out::int64);
    held(out, batch.held());
    return out.done();
  }

  static BatchRow batch(byte[] row) {
    var in = new RowReader(row);
    long epoch = in.int64();
    long sequence = in.int64();
    List<Long> firstOffsets = offsets(in);
    return new BatchRow(epoch, sequence, firstOffsets, held(in, firstOffsets));
  }

  private static final int DELAYED = 0;

  /** A half run of whose checks all were heard, or count as such. */
  private static final int HALF = 1;

  private static final int HALF_WITH_CHECKS = 2;

  static byte[] held(HeldRow held) {
    var out =
        new RowWriter(48)
            .int32(held.queue())
            .int32(held.count())
            .int32(held.bytes())
            .int64(held.storedMillis())
            .int64(held.dueMillis());
    Checks checks = held.checks();
    if (checks.asked() == checks.heard()) {
      out.int8(held.half() ? HALF : DELAYED).int8(checks.asked());
    } else {
      out.int8(HALF_WITH_CHECKS).int8(checks.missed()).int32(checks.asked()).int8(checks.heard());
    }
    held.moved().ifPresent(to -> out.int64(to.logIndex()).int32(to.position()));
    return out.done();
  }

  static HeldRow held(byte[] row) {
    var in = new RowReader(row);
    int queue = in.int32();
    int count = in.int32();
    int bytes = in.int32();
    long storedMillis = in.int64();
    long dueMillis = in.int64();
    int kind = in.int8();
    int last = in.int8();
    Checks checks =
        kind == HALF_WITH_CHECKS
            ? new Checks(in.int32(), in.int8(), last)
            : new Checks(last, last, 0);
    Optional<BodyAddress> moved =
        in.hasMore() ? Optional.of(new BodyAddress(in.int64(), in.int32())) : Optional.empty();
    return new HeldRow(
        queue, count, bytes, storedMillis, dueMillis, kind != DELAYED, checks, moved);
  }

  static byte[] decision(DecisionRow decision) {
    return new RowWriter(12).int32(decision.queue()).int64(decision.offset()).done();
  }

  static DecisionRow decision(byte[] row) {
    var in = new RowReader(row);
    return new DecisionRow(in.int32(), in.int64());
  }

  private static final int STORED = 1;
  private static final int TOPIC_SETTINGS = 2;
  private static final int EPOCH = 3;
  private static final int DONE = 4;
  private static final int REJECTED = 5;
  private static final int LEASED = 6;
  private static final int SETTLED = 7;

  static byte[] reply(Reply reply) {
    var out = new RowWriter(32);
    if (reply instanceof Reply.Stored stored) {
      out.int8(STORED).int8(stored.duplicate() ? 1 : 0).int16(stored.firstOffsets().size());
      stored.firstOffsets().forEach(out::int64);
      stored.queues().forEach(out::int32);
      held(out, stored.held());
    } else if (reply instanceof Reply.TopicSettings settings) {
      out.int8(TOPIC_SETTINGS).text(settings.topic().name()).raw(topic(settings.topic()));
    } else if (reply instanceof Reply.Epoch epoch) {
      out.int8(EPOCH).int64(epoch.epoch());
    } else if (reply instanceof Reply.Rejected rejected) {
      out.int8(REJECTED).int8(rejected.reason().code()).text(rejected.message());
    } else if (reply instanceof Reply.Leased leased) {
      out.int8(LEASED).int16(leased.leases().size());
      leased.leases().forEach(lease -> lease(out, lease));
    } else if (reply instanceof Reply.Settled settled) {
      out.int8(SETTLED).int16(settled.parts().size());
      settled.parts().forEach(part -> part(out, part));
    } else {
      out.int8(DONE);
    }
    return out.done();
  }

  private static void lease(RowWriter out, Reply.Lease lease) {
    out.int64(lease.id().logIndex())
        .int32(lease.id().ordinal())
        .int16(lease.grant())
        .int32(lease.attempt())
        .int64(lease.deadlineMillis());
    LeaseRows.offsets(out, lease.offsets());
  }

  private static Reply.Lease lease(RowReader in) {
    var id = new LeaseId(in.int64(), in.int32());
    int grant = in.int16();
    int attempt = in.int32();
    long deadlineMillis = in.int64();
    return new Reply.Lease(id, grant, LeaseRows.offsets(in), attempt, deadlineMillis);
  }

  private static void part(RowWriter out, Reply.SettledPart part) {
    out.int32(part.messages()).int64(part.deadlineMillis()).int8(part.lease().isPresent() ? 1 : 0);
    part.lease().ifPresent(id -> out.int64(id.logIndex()).int32(id.ordinal()));
  }

  private static Reply.SettledPart part(RowReader in) {
    int messages = in.int32();
    long deadlineMillis = in.int64();
    Optional<LeaseId> lease =
        in.int8() == 1 ? Optional.of(new LeaseId(in.int64(), in.int32())) : Optional.empty();
    return new Reply.SettledPart(messages, lease, deadlineMillis);
  }

  private static <T> List<T> list(RowReader in, Function<RowReader, T> read) {
    int count = in.int16();
    var list = new ArrayList<T>(count);
    for (int i = 0; i < count; i++) {
      list.add(read.apply(in));
    }
    return list;
  }

  static Reply reply(byte[] row) {
    var in = new RowReader(row);
    int kind = in.int8();
    return switch (kind) {
      case STORED -> {
        boolean duplicate = in.int8() == 1;
        List<Long> firstOffsets = offsets(in);
        List<Integer> queues = firstOffsets.stream().map(offset -> in.int32()).toList();
        yield new Reply.Stored(queues, firstOffsets, held(in, firstOffsets), duplicate);
      }
      case TOPIC_SETTINGS -> {
        String name = in.text();
        yield new Reply.TopicSettings(topic(name, in.rest()));
      }
      case EPOCH -> new Reply.Epoch(in.int64());
      case DONE -> new Reply.Done();
      case REJECTED -> new Reply.Rejected(Rejection.ofCode(in.int8()), in.text());
      case LEASED -> new Reply.Leased(list(in, Rows::lease));
      case SETTLED -> new Reply.Settled(list(in, Rows::part));
      default -> throw new IllegalStateException("stored reply of kind " + kind + ", expected 1-7");
    };
  }

  /** One name behind the other: the offsets say whose they are. */
  private static void held(RowWriter out, List<Optional<HeldId>> held) {
    for (Optional<HeldId> name : held) {
      name.ifPresent(id -> out.int64(id.logIndex()).int32(id.position()));
    }
  }

  /** Rows of before there were messages without a place have no such offset, and end here. */
  private static List<Optional<HeldId>> held(RowReader in, List<Long> firstOffsets) {
    if (!firstOffsets.contains(Reply.Stored.HELD)) {
      return List.of();
    }
    var held = new ArrayList<Optional<HeldId>>(firstOffsets.size());
    for (long offset : firstOffsets) {
      held.add(
          offset == Reply.Stored.HELD
              ? Optional.of(new HeldId(in.int64(), in.int32()))
              : Optional.empty());
    }
    return held;
  }

  private static List<Long> offsets(RowReader in) {
    int count = in.int16();
    var offsets = new ArrayList<Long>(count);
    for (int i = 0; i < count; i++) {
      offsets.add(in.int64());
    }
    return offsets;
  }
}
