package io.keelmq.broker.api;

import io.keelmq.broker.state.StateView;

/**
 * What the queues of a planner plan from and for. Its records are the planner's pass's own.
 *
 * @param fifo whether the consumer group is
 */
record Planning(
    StateView state,
    long groupId,
    long topicId,
    boolean fifo,
    RecordSource records,
    RecordHead head) {}
