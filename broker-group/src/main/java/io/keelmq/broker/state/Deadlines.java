package io.keelmq.broker.state;

import java.util.ArrayList;
import java.util.List;
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
    HELD(4);

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
      throw new IllegalStateException("stored deadline of kind " + code + ", expected 1 to 4");
    }
  }

  /**
   * @param id of a topic or consumer group
   * @param queue 0 where the kind has no queue; of a held run its position
   * @param index of a held run
   */
  record Deadline(long timeMillis, Kind kind, long id, int queue, long index) {
    Deadline(long timeMillis, Kind kind, long id, int queue) {
      this(timeMillis, kind, id, queue, 0);
    }
  }

  private final Tables tables;

  Deadlines(Tables tables) {
    this.tables = tables;
  }

  Effect add(Deadline deadline) {
    tables.put(Table.DEADLINES, key(deadline), new byte[0]);
    return new Effect.DueAt(deadline.timeMillis());
  }

  void remove(Deadline deadline) {
    tables.delete(Table.DEADLINES, key(deadline));
  }

  /** The oldest deadlines that are not after {@code nowMillis}. */
  List<Deadline> due(long nowMillis, int limit) {
    var due = new ArrayList<Deadline>();
    byte[] end = new RowWriter(8).int64(nowMillis + 1).done();
    for (var row : tables.range(Table.DEADLINES, new byte[0], end, limit)) {
      due.add(read(row.key()));
    }
    return due;
  }

  static OptionalLong earliest(TableReads tables) {
    byte[] end = new RowWriter(8).int64(Long.MAX_VALUE).done();
    var rows = tables.range(Table.DEADLINES, new byte[0], end, 1);
    return rows.isEmpty()
        ? OptionalLong.empty()
        : OptionalLong.of(read(rows.get(0).key()).timeMillis());
  }

  private static byte[] key(Deadline deadline) {
    var key = new RowWriter(29).int64(deadline.timeMillis()).int8(deadline.kind().code);
    key.int64(deadline.id());
    if (deadline.kind() == Kind.HELD) {
      key.int64(deadline.index());
    }
    return key.int32(deadline.queue()).done();
  }

  private static Deadline read(byte[] key) {
    var in = new RowReader(key);
    long timeMillis = in.int64();
    Kind kind = Kind.ofCode(in.int8());
    long id = in.int64();
    long index = kind == Kind.HELD ? in.int64() : 0;
    return new Deadline(timeMillis, kind, id, in.int32(), index);
  }
}
