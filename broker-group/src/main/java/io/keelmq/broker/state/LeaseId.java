package io.keelmq.broker.state;

/**
 * What a lease is called: where in the log it was granted, so that all replicas agree on it without
 * a counter.
 *
 * @param ordinal among the leases of the entry, from 0
 */
public record LeaseId(long logIndex, int ordinal) {}
