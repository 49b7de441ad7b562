package io.keelmq.chaos.checks;

/**
 * One promise, checked over a run. Owned by one thread.
 *
 * <p>Called in this order: the whole history as it happened; then for each replica {@link
 * #replicaBegins}, its messages with rising offsets within a queue, {@link #replicaEnds}; then
 * {@link #end}. The {@link Ledger} holds the whole history by the time the first replica begins.
 */
public interface Check {

  /** What is promised, in a few words. */
  String promise();

  default void event(Event event, Findings findings) {}

  default void replicaBegins(String replica) {}

  default void stored(Stored message, Findings findings) {}

  default void replicaEnds(String replica, Findings findings) {}

  default void end(Findings findings) {}
}
