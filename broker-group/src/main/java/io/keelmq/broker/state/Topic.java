package io.keelmq.broker.state;

/**
 * A topic's settings.
 *
 * @param id never reused, so that rows of a deleted topic are not taken for those of its successor
 * @param queues queues are numbered 0 to {@code queues - 1}
 * @param retentionMillis how long a message can be read; 0: for ever
 * @param retentionBytes of the records of one queue, beyond which its oldest go; 0: any number
 */
public record Topic(
    long id, String name, TopicType type, int queues, long retentionMillis, long retentionBytes) {}
