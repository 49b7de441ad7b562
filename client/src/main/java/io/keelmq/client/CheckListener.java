package io.keelmq.client;

/** Answers what became of half messages; see {@link Producer.Builder#onCheck}. */
@FunctionalInterface
public interface CheckListener {

  /**
   * Called on a thread of the producer's own, for one check at a time; may block. What it throws
   * counts as {@link TransactionDecision#UNKNOWN}.
   */
  TransactionDecision decide(CheckBack check);
}
