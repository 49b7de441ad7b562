package io.keelmq.broker.state;

import io.keelmq.broker.state.Command.HeldKey;
import io.keelmq.broker.state.Command.RunKey;
import io.keelmq.broker.state.StateView.StoredRun;

/**
 * Where rows say that the bodies of messages lie. Of an entry that no row of these two tables names
 * nothing is needed any more: a body gets a new address only by a new entry, so what is not named
 * once is not named later.
 */
public final class BodyAddresses {

  /**
   * A row of {@link Table#RUNS}.
   *
   * @param run with its address
   */
  public record OfRun(RunKey key, StoredRun run) {}

  /** A row of {@link Table#HELD}. */
  public record OfHeld(HeldKey key, BodyAddress address, int bytes) {}

  private BodyAddresses() {}

  /** The log index in a row of {@link Table#RUNS}. */
  public static long ofRun(byte[] value) {
    return new RowReader(value).int64();
  }

  /** The log index in a row of {@link Table#HELD}: of its name, unless its body was relocated. */
  public static long ofHeld(byte[] key, byte[] value) {
    return held(key, value).address().logIndex();
  }

  public static OfRun run(byte[] key, byte[] value) {
    var in = new RowReader(key);
    var name = new RunKey(in.int64(), in.int32(), in.int64());
    return new OfRun(name, Rows.run(name.firstOffset(), value));
  }

  public static OfHeld held(byte[] key, byte[] value) {
    var in = new RowReader(key);
    var name = new HeldKey(in.int64(), new HeldId(in.int64(), in.int32()));
    var row = Rows.held(value);
    return new OfHeld(name, row.address(name.held()), row.bytes());
  }
}
