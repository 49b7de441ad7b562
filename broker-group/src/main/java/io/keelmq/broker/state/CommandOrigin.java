package io.keelmq.broker.state;

/**
 * Names a command over its repeats.
 *
 * @param id random, kept by a caller for its life time; not 0
 * @param sequence raised by the caller with every new call
 */
public record CommandOrigin(long id, long sequence) {}
