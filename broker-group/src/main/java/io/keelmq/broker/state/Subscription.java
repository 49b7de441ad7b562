package io.keelmq.broker.state;

/** A queue as a consumer group of kind lease sees it: what its rows stand under. Immutable. */
record Subscription(long topicId, long groupId, int queue) {}
