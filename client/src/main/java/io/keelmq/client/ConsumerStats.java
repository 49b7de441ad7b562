package io.keelmq.client;

/**
 * What a consumer has done since it was opened; counts only rise, but for the last three. Messages
 * are counted unless it says otherwise.
 *
 * @param deliveredMessages taken from the broker, those of second and later attempts included
 * @param redeliveredMessages of them, second and later attempts
 * @param duplicateMessages delivered under a lease whose messages were here already: dropped
 * @param acknowledgedMessages acks that the broker has stored
 * @param nackedMessages nacks that the broker has stored, those of failed listeners included
 * @param deadLetteredMessages sent to the dead letter topic by a verdict; those whose attempts were
 *     used up are not among them
 * @param lostMessages whose lease ended before they were settled
 * @param unknownMessages whose decision ended in {@link OutcomeUnknown}: stored, most likely, by a
 *     copy whose answer was lost with its stream
 * @param returnedMessages given back because an earlier one of their message group was
 * @param trimmedMessages that retention took before the group had consumed them
 * @param listenerFailures exceptions out of the listener
 * @param settleRequests requests that carried acks, nacks and extensions
 * @param repeatedSettles copies of them after the first, for a broken stream or a leader change
 * @param openedStreams streams opened, the first one included
 * @param pauses times that the broker paused a queue and said so
 * @param heldMessages here and not settled by the application yet
 * @param heldBytes of their records
 * @param credit messages that the broker may still send
 */
public record ConsumerStats(
    long deliveredMessages,
    long redeliveredMessages,
    long duplicateMessages,
    long acknowledgedMessages,
    long nackedMessages,
    long deadLetteredMessages,
    long lostMessages,
    long unknownMessages,
    long returnedMessages,
    long trimmedMessages,
    long listenerFailures,
    long settleRequests,
    long repeatedSettles,
    long openedStreams,
    long pauses,
    long heldMessages,
    long heldBytes,
    long credit) {}
