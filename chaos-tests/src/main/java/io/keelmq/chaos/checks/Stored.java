package io.keelmq.chaos.checks;

/**
 * One message of the final read of a replica. Immutable.
 *
 * @param intact false: the body is not one that the workload made, or its checksum is wrong; then
 *     producer, key and seq mean nothing
 * @param bodyHash over all bytes of the body
 */
public record Stored(
    String replica,
    int queue,
    long offset,
    boolean intact,
    int producer,
    int key,
    long seq,
    long bodyHash) {}
