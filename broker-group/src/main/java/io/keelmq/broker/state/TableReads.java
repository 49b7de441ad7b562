package io.keelmq.broker.state;

import java.util.List;
import java.util.Optional;

/**
 * Rows ordered by key, keys compared as unsigned bytes. Arrays that go in or come out are not
 * changed afterwards by either side.
 */
public interface TableReads {

  /** A key with its value. Not compared, so that arrays may be its parts. */
  @SuppressWarnings("ArrayRecordComponent")
  record Row(byte[] key, byte[] value) {}

  Optional<byte[]> get(Table table, byte[] key);

  /** The row with the greatest key that is not above {@code key}. */
  Optional<Row> floor(Table table, byte[] key);

  /**
   * Rows in ascending order.
   *
   * @param fromKey inclusive
   * @param toKey exclusive
   * @param limit at most this many, from 1
   */
  List<Row> range(Table table, byte[] fromKey, byte[] toKey, int limit);
}
