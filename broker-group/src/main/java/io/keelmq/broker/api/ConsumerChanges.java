package io.keelmq.broker.api;

import java.util.ArrayList;
import java.util.List;

/**
 * What a consumer's stream has to tell its planner, gathered until the planner looks.
 *
 * <p>Thread-safe: guarded by its lock, under which nobody is called.
 */
final class ConsumerChanges {

  /**
   * What a settlement did to a lease.
   *
   * @param decided messages that are the consumer's no more
   * @param divided an extended part that has a name of its own now, with its messages
   * @param extendedMillis of an extension, for so long from now
   * @param over nothing of the lease is left
   */
  record LeaseChange(
      LeaseKey lease, int decided, List<LeaseKey> divided, long extendedMillis, boolean over) {}

  /**
   * @param credit messages
   * @param sentBytes that have left
   * @param undelivered leases that could not be handed over any more
   * @param closing the consumer has said that it wants no more
   * @param gone the stream has ended
   */
  record Taken(
      long credit,
      long sentBytes,
      List<LeaseChange> leases,
      List<LeaseKey> undelivered,
      boolean closing,
      boolean gone) {}

  private long credit;
  private long sentBytes;
  private List<LeaseChange> leases = new ArrayList<>();
  private List<LeaseKey> undelivered = new ArrayList<>();
  private boolean closing;
  private boolean gone;
  private boolean queued;

  // Each says whether the planner has to be told that there is something to take.

  synchronized boolean credit(int messages) {
    credit += messages;
    return queue();
  }

  synchronized boolean sent(long bytes) {
    sentBytes += bytes;
    return queue();
  }

  synchronized boolean lease(LeaseChange change) {
    leases.add(change);
    return queue();
  }

  synchronized boolean undelivered(LeaseKey lease, long bytes) {
    undelivered.add(lease);
    sentBytes += bytes;
    return queue();
  }

  synchronized boolean close() {
    closing = true;
    return queue();
  }

  synchronized boolean gone() {
    gone = true;
    return queue();
  }

  private boolean queue() {
    boolean wasQueued = queued;
    queued = true;
    return !wasQueued;
  }

  synchronized Taken take() {
    var taken = new Taken(credit, sentBytes, leases, undelivered, closing, gone);
    credit = 0;
    sentBytes = 0;
    leases = new ArrayList<>();
    undelivered = new ArrayList<>();
    queued = false;
    return taken;
  }
}
