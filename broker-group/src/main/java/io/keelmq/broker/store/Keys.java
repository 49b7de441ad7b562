package io.keelmq.broker.store;

import io.keelmq.broker.state.TableReads.Row;
import java.util.Arrays;

/** The order of keys. */
final class Keys {

  private Keys() {}

  static int compare(byte[] left, byte[] right) {
    return Arrays.compareUnsigned(left, right);
  }

  static boolean above(Row left, Row right) {
    return compare(left.key(), right.key()) > 0;
  }
}
