package io.keelmq.broker;

import io.keelmq.broker.state.StateView.DigestAt;
import java.util.List;

/** What others need, beside the digests, to tell whose rows are wrong. Thread-safe. */
public interface RowEvidence {

  /**
   * The last entry whose rows are another replica's work, as far as is known: they came by a
   * snapshot, or nothing says where they come from. 0: there are none.
   */
  long inheritedUpTo();

  /**
   * Others were seen to have the same rows. Blocks on disk.
   *
   * @param upTo as in {@link #inheritedUpTo}; nothing happens if it is another by now
   */
  void confirm(long upTo);

  /** The last few hashes over all rows that this replica has read, each with its entry. */
  List<DigestAt> sums();

  /** How often all rows were hashed since the process began. */
  long sumsTaken();

  /** How long that took the last time; 0: never. */
  long lastSumMillis();
}
