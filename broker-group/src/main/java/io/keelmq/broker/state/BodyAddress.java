package io.keelmq.broker.state;

/**
 * Where the records of a run lie: the same on every replica.
 *
 * @param position of the first record, in bytes from the start of the entry
 */
public record BodyAddress(long logIndex, int position) {}
