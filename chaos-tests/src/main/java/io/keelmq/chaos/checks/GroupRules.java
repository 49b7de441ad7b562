package io.keelmq.chaos.checks;

/**
 * A consumer group of a run, as it was made. Immutable.
 *
 * @param group its number
 * @param firstQueue of its topic, numbered over the run
 * @param queues how many queues its topic has
 * @param leaseMillis how long its leases last if nobody renews or extends them
 * @param maxInFlight messages that one of its consumers has undecided at the most
 */
public record GroupRules(
    int group,
    String name,
    int firstQueue,
    int queues,
    boolean fifo,
    int maxAttempts,
    long leaseMillis,
    int maxInFlight) {

  boolean has(int queue) {
    return queue >= firstQueue && queue < firstQueue + queues;
  }
}
