package io.keelmq.client;

/** What becomes of a half message. */
public enum TransactionDecision {
  /** It gets its place in its queue now. */
  COMMIT,
  /** It goes, and nobody ever sees it. */
  ROLLBACK,
  /** Not known yet: the broker asks again. */
  UNKNOWN
}
