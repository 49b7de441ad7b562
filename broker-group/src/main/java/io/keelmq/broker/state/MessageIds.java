package io.keelmq.broker.state;

import java.util.Optional;

/**
 * The offsets of messages stored lately, by client, topic and message id: what a client's retry is
 * answered with instead of a second copy.
 *
 * <p>Owned by the apply thread. Bounded by age and number; old ones go as new ones come, a few at a
 * time, so that no command pays for many.
 */
final class MessageIds {

  /**
   * Where a message was stored.
   *
   * @param offset {@link Reply.Stored#HELD} with {@code held}
   */
  record Place(int queue, long offset, Optional<HeldId> held) {}

  private final Tables tables;
  private final Counters counters;

  private final OldestRows byAge;

  MessageIds(Tables tables, Counters counters) {
    this.tables = tables;
    this.counters = counters;
    this.byAge = new OldestRows(tables, Table.DEDUP, Keys.prefix('n'));
  }

  Optional<Place> find(long topicId, String clientId, String messageId) {
    return tables
        .get(Table.DEDUP, Keys.messageId(topicId, clientId, messageId))
        .map(MessageIds::place);
  }

  /** Whether {@code more} ids fit without forgetting one that is younger than it may be. */
  boolean hasRoom(LogEntryInfo entry, int more) {
    long count = counters.get(Counters.MESSAGE_IDS);
    if (count + more <= Limits.MAX_MESSAGE_IDS) {
      return true;
    }
    var oldest = byAge.first(more);
    return oldest.size() == more && ageOf(entry, oldest.get(more - 1)) >= Limits.DEDUP_MIN_MILLIS;
  }

  /**
   * @param ordinal the id's place in its entry, so that ages are unique
   */
  void remember(
      LogEntryInfo entry,
      int ordinal,
      long topicId,
      String clientId,
      String messageId,
      Place place) {
    int forgotten = forget(entry);
    byte[] key = Keys.messageId(topicId, clientId, messageId);
    tables.put(Table.DEDUP, key, row(place));
    byte[] age = Keys.messageIdByAge(entry.timeMillis(), entry.index(), ordinal);
    tables.put(Table.DEDUP, age, key);
    byAge.added(age);
    counters.add(Counters.MESSAGE_IDS, 1 - forgotten);
  }

  private static byte[] row(Place place) {
    var row = new RowWriter(12).int32(place.queue()).int64(place.offset());
    place.held().ifPresent(id -> row.int64(id.logIndex()).int32(id.position()));
    return row.done();
  }

  private static Place place(byte[] row) {
    var in = new RowReader(row);
    int queue = in.int32();
    long offset = in.int64();
    return new Place(
        queue,
        offset,
        in.hasMore() ? Optional.of(new HeldId(in.int64(), in.int32())) : Optional.empty());
  }

  private int forget(LogEntryInfo entry) {
    boolean full = counters.get(Counters.MESSAGE_IDS) >= Limits.MAX_MESSAGE_IDS;
    long keepMillis = full ? Limits.DEDUP_MIN_MILLIS : Limits.MESSAGE_ID_MILLIS;
    int forgotten = 0;
    for (var row : byAge.first(Limits.FORGET_PER_INSERT)) {
      if (ageOf(entry, row) < keepMillis) {
        break;
      }
      tables.delete(Table.DEDUP, row.value());
      tables.delete(Table.DEDUP, row.key());
      forgotten++;
    }
    return forgotten;
  }

  private static long ageOf(LogEntryInfo entry, TableReads.Row byAge) {
    return entry.timeMillis() - new RowReader(byAge.key()).skip(1).int64();
  }
}
