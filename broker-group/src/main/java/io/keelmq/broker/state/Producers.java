package io.keelmq.broker.state;

import io.keelmq.broker.state.Command.ProducerSequence;
import io.keelmq.broker.state.Rows.BatchRow;
import io.keelmq.broker.state.Rows.ProducerRow;
import java.util.List;
import java.util.Optional;

/**
 * Streaming producers and the receipts of their last {@link Limits#PRODUCER_WINDOW} batches, by
 * which a batch that comes again is told from a new one.
 *
 * <p>Owned by the apply thread.
 */
final class Producers {

  private static final long MINUTE_MILLIS = 60_000;

  private final Tables tables;
  private final Counters counters;
  private final OldestRows byUse;

  Producers(Tables tables, Counters counters) {
    this.tables = tables;
    this.counters = counters;
    this.byUse = new OldestRows(tables, Table.DEDUP, Keys.prefix('u'));
  }

  static Optional<ProducerRow> find(TableReads tables, String producerId) {
    return tables.get(Table.DEDUP, Keys.producer(producerId)).map(Rows::producer);
  }

  /**
   * Judges a batch by its number.
   *
   * @param queues of its runs; a repeat has the same as the first copy
   * @return how to answer it without storing anything; empty if it is the next one
   */
  Optional<Outcome> judge(LogEntryInfo entry, ProducerSequence batch, List<Integer> queues) {
    if (!Names.isPrintable(batch.producerId(), Limits.MAX_PRODUCER_ID)
        || batch.epoch() < 0
        || batch.sequence() < 1) {
      return reject(
          Rejection.INVALID,
          batch,
          "expected an id of 1 to "
              + Limits.MAX_PRODUCER_ID
              + " printable characters, an epoch from 0 and a sequence from 1");
    }
    Optional<ProducerRow> known = find(tables, batch.producerId());
    if (known.isEmpty()) {
      if (batch.sequence() != 1) {
        return reject(
            Rejection.PRODUCER_UNKNOWN,
            batch,
            "its earlier batches are forgotten: go on under a new producer id");
      }
      return makeRoom(entry)
          ? Optional.empty()
          : reject(
              Rejection.TOO_MANY,
              batch,
              "there are " + Limits.MAX_PRODUCERS + " producers, all in use: try again later");
    }
    ProducerRow producer = known.get();
    if (batch.epoch() < producer.epoch()) {
      return reject(Rejection.PRODUCER_FENCED, batch, "epoch " + producer.epoch() + " has begun");
    }
    long last = batch.epoch() > producer.epoch() ? 0 : producer.lastSequence();
    if (batch.sequence() == last + 1) {
      return Optional.empty();
    }
    if (batch.sequence() > last) {
      return reject(
          Rejection.SEQUENCE_GAP,
          batch,
          "the last stored sequence is " + last + ": publish " + (last + 1) + " first");
    }
    return Optional.of(
        receipt(batch)
            .filter(row -> row.firstOffsets().size() == queues.size())
            .map(row -> new Reply.Stored(queues, row.firstOffsets(), row.held(), true))
            .map(reply -> Outcome.of(reply))
            .orElseGet(
                () ->
                    Outcome.rejected(
                        Rejection.SEQUENCE_TOO_OLD,
                        text(
                            batch,
                            "it was stored, but receipts are kept for the last "
                                + Limits.PRODUCER_WINDOW
                                + " batches only, and the last is "
                                + last))));
  }

  /** Remembers a batch that has been stored. */
  void remember(LogEntryInfo entry, ProducerSequence batch, Reply.Stored stored) {
    long minute = entry.timeMillis() / MINUTE_MILLIS;
    Optional<ProducerRow> before = find(tables, batch.producerId());
    if (before.isEmpty()) {
      counters.add(Counters.PRODUCERS, 1);
    }
    if (before.isEmpty() || before.get().usedMinute() != minute) {
      before.ifPresent(
          row ->
              tables.delete(Table.DEDUP, Keys.producerByUse(row.usedMinute(), batch.producerId())));
      byte[] use = Keys.producerByUse(minute, batch.producerId());
      tables.put(Table.DEDUP, use, new byte[0]);
      byUse.added(use);
    }
    tables.put(
        Table.DEDUP,
        Keys.producer(batch.producerId()),
        Rows.producer(new ProducerRow(batch.epoch(), batch.sequence(), minute)));
    tables.put(
        Table.DEDUP,
        slot(batch),
        Rows.batch(
            new BatchRow(batch.epoch(), batch.sequence(), stored.firstOffsets(), stored.held())));
  }

  private Optional<BatchRow> receipt(ProducerSequence batch) {
    return tables
        .get(Table.DEDUP, slot(batch))
        .map(Rows::batch)
        .filter(row -> row.epoch() == batch.epoch() && row.sequence() == batch.sequence());
  }

  /**
   * Forgets the producer that has been idle longest, if it has been for long or the room is needed.
   *
   * @return false if one more producer is too many
   */
  private boolean makeRoom(LogEntryInfo entry) {
    boolean full = counters.get(Counters.PRODUCERS) >= Limits.MAX_PRODUCERS;
    var oldest = byUse.first(1);
    if (oldest.isEmpty()) {
      return true;
    }
    var in = new RowReader(oldest.get(0).key()).skip(1);
    long idleMillis = entry.timeMillis() - in.int64() * MINUTE_MILLIS;
    // The minute may have just begun when the producer was last used.
    long shortest = Limits.DEDUP_MIN_MILLIS + MINUTE_MILLIS;
    if (idleMillis < (full ? shortest : Limits.PRODUCER_IDLE_MILLIS)) {
      return !full;
    }
    String producerId = in.text();
    tables.delete(Table.DEDUP, oldest.get(0).key());
    tables.delete(Table.DEDUP, Keys.producer(producerId));
    for (int slot = 0; slot < Limits.PRODUCER_WINDOW; slot++) {
      tables.delete(Table.DEDUP, Keys.producerSlot(producerId, slot));
    }
    counters.add(Counters.PRODUCERS, -1);
    return true;
  }

  private static byte[] slot(ProducerSequence batch) {
    return Keys.producerSlot(batch.producerId(), (int) (batch.sequence() % Limits.PRODUCER_WINDOW));
  }

  private static Optional<Outcome> reject(Rejection reason, ProducerSequence batch, String why) {
    return Optional.of(Outcome.rejected(reason, text(batch, why)));
  }

  private static String text(ProducerSequence batch, String why) {
    return "producer "
        + batch.producerId()
        + " epoch "
        + batch.epoch()
        + " sequence "
        + batch.sequence()
        + ": "
        + why;
  }
}
