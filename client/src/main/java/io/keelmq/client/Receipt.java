package io.keelmq.client;

/**
 * Where a message is stored. The message is on the disks of a majority of the group.
 *
 * @param offset the message's offset in its queue, from 0
 * @param duplicate true when an earlier copy of the message's batch had been stored already, that
 *     is, a retry found it; the message is stored once all the same
 */
public record Receipt(String topic, int queue, long offset, String messageId, boolean duplicate) {}
