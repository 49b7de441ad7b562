package io.keelmq.client;

/**
 * What a producer has done since it was opened; counts only rise, but for the last two.
 *
 * @param acceptedMessages taken by {@code send}
 * @param acknowledgedMessages stored, with a receipt
 * @param failedMessages ended by an exception
 * @param acknowledgedBatches batches that were stored
 * @param republishedBatches copies of batches sent after the first, for a broken stream or a leader
 *     change
 * @param duplicateBatches batches of which a retry found an earlier copy stored
 * @param openedStreams streams opened, the first one included
 * @param bufferedBytes bytes of messages that are not settled yet
 * @param bufferedMessages messages that are not settled yet
 */
public record ProducerStats(
    long acceptedMessages,
    long acknowledgedMessages,
    long failedMessages,
    long acknowledgedBatches,
    long republishedBatches,
    long duplicateBatches,
    long openedStreams,
    long bufferedBytes,
    long bufferedMessages) {}
