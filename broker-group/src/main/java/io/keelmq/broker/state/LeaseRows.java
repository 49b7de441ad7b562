package io.keelmq.broker.state;

import io.keelmq.broker.state.StateView.Cursor;

/**
 * The values of {@link Table#LEASES}, read and written. Fields are only ever added at the end of a
 * row; a set of offsets is the number of its ranges, then gap and count of each, as varints.
 */
final class LeaseRows {

  /**
   * Who holds a message group, and what waits behind.
   *
   * @param firstBlocked offset by which the first blocked row is found; -1 if there is none
   * @param lastBlocked offset by which the last blocked row is found; -1 if there is none
   */
  record MessageGroupRow(LeaseId holder, long firstBlocked, long lastBlocked) {
    static final long NONE = -1;

    boolean hasBlocked() {
      return firstBlocked != NONE;
    }
  }

  /** Messages that wait until their message group is free. */
  record BlockedRow(OffsetSet offsets, int attempt) {}

  private LeaseRows() {}

  static byte[] cursor(Cursor cursor) {
    return new RowWriter(40)
        .int32(cursor.generation())
        .int64(cursor.nextOffset())
        .int32(cursor.batches())
        .int64(cursor.leased())
        .int64(cursor.ready())
        .int64(cursor.blocked())
        .done();
  }

  static Cursor cursor(byte[] row) {
    var in = new RowReader(row);
    return new Cursor(in.int32(), in.int64(), in.int32(), in.int64(), in.int64(), in.int64());
  }

  static byte[] batch(LeaseBatch batch) {
    var out =
        new RowWriter(
                32
                    + batch.clientId().length()
                    + batch.attemptId().length()
                    + 4 * batch.offsets().ranges())
            .int8(batch.state().code())
            .int32(batch.attempt())
            .int64(batch.hash())
            .int64(batch.deadlineMillis())
            .text(batch.clientId())
            .text(batch.attemptId());
    return offsets(out, batch.offsets()).done();
  }

  static LeaseBatch batch(LeaseId id, byte[] row) {
    var in = new RowReader(row);
    var state = LeaseBatch.State.ofCode(in.int8());
    int attempt = in.int32();
    long hash = in.int64();
    long deadlineMillis = in.int64();
    String clientId = in.text();
    String attemptId = in.text();
    return new LeaseBatch(
        id, state, offsets(in), attempt, hash, clientId, attemptId, deadlineMillis);
  }

  static byte[] messageGroup(MessageGroupRow group) {
    return new RowWriter(28)
        .int64(group.holder().logIndex())
        .int32(group.holder().ordinal())
        .int64(group.firstBlocked())
        .int64(group.lastBlocked())
        .done();
  }

  static MessageGroupRow messageGroup(byte[] row) {
    var in = new RowReader(row);
    return new MessageGroupRow(new LeaseId(in.int64(), in.int32()), in.int64(), in.int64());
  }

  static byte[] blocked(BlockedRow blocked) {
    var out = new RowWriter(12 + 4 * blocked.offsets().ranges()).int32(blocked.attempt());
    return offsets(out, blocked.offsets()).done();
  }

  static BlockedRow blocked(byte[] row) {
    var in = new RowReader(row);
    int attempt = in.int32();
    return new BlockedRow(offsets(in), attempt);
  }

  static RowWriter offsets(RowWriter out, OffsetSet offsets) {
    out.varint(offsets.ranges());
    long end = 0;
    for (int range = 0; range < offsets.ranges(); range++) {
      out.varint(offsets.rangeFirst(range) - end);
      end = offsets.rangeEnd(range);
      out.varint(end - offsets.rangeFirst(range));
    }
    return out;
  }

  static OffsetSet offsets(RowReader in) {
    var offsets = new OffsetSet.Builder();
    long end = 0;
    for (long ranges = in.varint(); ranges > 0; ranges--) {
      long first = end + in.varint();
      end = first + in.varint();
      offsets.add(first, end);
    }
    return offsets.build();
  }
}
