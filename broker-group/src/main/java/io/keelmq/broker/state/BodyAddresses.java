package io.keelmq.broker.state;

/**
 * Where rows say that the bodies of messages lie. Of an entry that no row of these two tables names
 * nothing is needed any more: a body gets a new address only by a new entry, so what is not named
 * once is not named later.
 */
public final class BodyAddresses {

  private BodyAddresses() {}

  /** The log index in a row of {@link Table#RUNS}. */
  public static long ofRun(byte[] value) {
    return new RowReader(value).int64();
  }

  /** The log index in the key of a row of {@link Table#HELD}. */
  public static long ofHeld(byte[] key) {
    return new RowReader(key).skip(8).int64();
  }
}
