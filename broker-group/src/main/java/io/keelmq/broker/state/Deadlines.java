package io.keelmq.broker.state;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What is due, by log time. A row says only where to look; what is really due there is judged when
 * its time has come, so a row that no longer means anything does no harm.
 *
 * <p>Owned by the apply thread.
 */
final class Deadlines {

  /** What a deadline is about. The codes are stored and never change. */
  enum Kind {
    QUEUE_RETENTION(1),
    SWEEP_TOPIC(2),
    SWEEP_CONSUMER_GROUP(3),
    HELD(4),
    LEASE(5),
    SWEEP_LEASES(6);

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    static Kind ofCode(int code) {
      for (Kind kind : values()) {
        if (kind.code == code) {
          return kind;
        }
      }
      throw new IllegalStateException("stored deadline of kind " + code + ", expected 1 to 6");
    }
  }

  /**
   * @param id of a topic or consumer group
   * @param queue 0 where the kind has no queue
   * @param held with {@link Kind#HELD}
   */
  record Deadline(
      long timeMillis, Kind kind, long id, int queue, LeaseSubject lease, Optional<HeldId> held) {

    Deadline(long timeMillis, Kind kind, long id, int queue) {
      this(timeMillis, kind, id, queue, LeaseSubject.NONE, Optional.empty());
    }

    Deadline(long timeMillis, Kind kind, long id, int queue, LeaseSubject lease) {
      this(timeMillis, kind, id, queue, lease, Optional.empty());
    }

    static Deadline ofHeld(long timeMillis, long topicId, HeldId held) {
      return new Deadline(timeMillis, Kind.HELD, topicId, 0, LeaseSubject.NONE, Optional.of(held));
    }

    static Deadline ofLease(long timeMillis, Subscription at, int generation, LeaseId lease) {
      return new Deadline(
          timeMillis,
          Kind.LEASE,
          at.topicId(),
          at.queue(),
          new LeaseSubject(at.groupId(), generation, lease));
    }

    /** Of rows of {@code at} of generations below {@code generation}. */
    static Deadline sweepOf(long timeMillis, Subscription at, int generation) {
      return new Deadline(
          timeMillis,
          Kind.SWEEP_LEASES,
          at.topicId(),
          at.queue(),
          new LeaseSubject(at.groupId(), generation, LeaseSubject.NONE.lease()));
    }

    Deadline at(long otherTimeMillis) {
      return new Deadline(otherTimeMillis, kind, id, queue, lease, held);
    }

    /** With {@link Kind#LEASE} and {@link Kind#SWEEP_LEASES}. */
    Subscription subscription() {
      return new Subscription(id, lease.groupId(), queue);
    }
  }

  /** What deadlines of leases name beside the topic and queue. */
  record LeaseSubject(long groupId, int generation, LeaseId lease) {
    static final LeaseSubject NONE = new LeaseSubject(0, 0, new LeaseId(0, 0));
  }

  private static final byte[] END = new RowWriter(8).int64(Long.MAX_VALUE).done();

  private final Tables tables;
  private final OldestRows oldest;

  Deadlines(Tables tables) {
    this.tables = tables;
    this.oldest = new OldestRows(tables, Table.DEADLINES, new byte[0], END);
  }

  Effect add(Deadline deadline) {
    byte[] key = key(deadline);
    tables.put(Table.DEADLINES, key, new byte[0]);
    oldest.added(key);
    return new Effect.DueAt(deadline.timeMillis());
  }

  void remove(Deadline deadline) {
    tables.delete(Table.DEADLINES, key(deadline));
  }

  /** The oldest deadlines that are not after {@code nowMillis}. */
  List<Deadline> due(long nowMillis, int limit) {
    var due = new ArrayList<Deadline>();
    byte[] end = new RowWriter(8).int64(nowMillis + 1).done();
    for (var row : oldest.below(end, limit)) {
      due.add(read(row.key()));
    }
    return due;
  }

  OptionalLong earliest() {
    return timeOfFirst(oldest.first(1));
  }

  /** The same for those who own no place in the table: walks over all that was deleted in front. */
  static OptionalLong earliest(TableReads tables) {
    return timeOfFirst(tables.range(Table.DEADLINES, new byte[0], END, 1));
  }

  private static OptionalLong timeOfFirst(List<TableReads.Row> rows) {
    return rows.isEmpty()
        ? OptionalLong.empty()
        : OptionalLong.of(read(rows.get(0).key()).timeMillis());
  }

  private static byte[] key(Deadline deadline) {
    var key =
        new RowWriter(45)
            .int64(deadline.timeMillis())
            .int8(deadline.kind().code)
            .int64(deadline.id());
    if (deadline.held().isPresent()) {
      HeldId held = deadline.held().get();
      return key.int64(held.logIndex()).int32(held.position()).done();
    }
    key.int32(deadline.queue());
    if (isOfLeases(deadline.kind())) {
      key.int64(deadline.lease().groupId())
          .int32(deadline.lease().generation())
          .int64(deadline.lease().lease().logIndex())
          .int32(deadline.lease().lease().ordinal());
    }
    return key.done();
  }

  private static Deadline read(byte[] key) {
    var in = new RowReader(key);
    long timeMillis = in.int64();
    Kind kind = Kind.ofCode(in.int8());
    long id = in.int64();
    if (kind == Kind.HELD) {
      return Deadline.ofHeld(timeMillis, id, new HeldId(in.int64(), in.int32()));
    }
    int queue = in.int32();
    return isOfLeases(kind)
        ? new Deadline(
            timeMillis,
            kind,
            id,
            queue,
            new LeaseSubject(in.int64(), in.int32(), new LeaseId(in.int64(), in.int32())))
        : new Deadline(timeMillis, kind, id, queue);
  }

  private static boolean isOfLeases(Kind kind) {
    return kind == Kind.LEASE || kind == Kind.SWEEP_LEASES;
  }
}
