package io.keelmq.client;

/**
 * A place in a topic.
 *
 * @param topic empty when it was deleted
 */
public record MessagePlace(String topic, int queue, long offset) {}
