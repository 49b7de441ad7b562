package io.keelmq.broker.api;

import io.keelmq.v1.BatchReceipt;

/** Where a producer's batches go for as long as one replica leads. Used in the session's turn. */
interface PublishTarget {

  /** What a target tells its session, on any thread. */
  interface Answers {

    /** A copy was judged. Codes 1xx and 2xx: nothing of it was stored. */
    void judged(PendingBatch batch, int copy, BatchReceipt.Builder receipt);

    /** A copy was not taken, and the target takes none any more. */
    void notTaken(PendingBatch batch, int copy, Refusal why);

    /** A copy was not taken because too much is in flight. */
    void overloaded(PendingBatch batch, int copy, Refusal why);

    /** Nobody knows whether a copy was or will be stored. */
    void lost(PendingBatch batch, int copy, String why);

    /** The target is gone for good, and with it the session: another try would end alike. */
    void refused(PublishTarget target, Refusal why);

    /** The target is gone. The copies it had are told one by one. */
    void broken(PublishTarget target, String why);
  }

  /** Copies are handed over in the order of the calls. Does not block. */
  void publish(PendingBatch batch, int copy);

  /** Lets go of the target; copies that wait for an answer may still get one. */
  void close();
}
