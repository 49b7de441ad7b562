package io.keelmq.broker.rocketmq;

import io.keelmq.broker.api.DeliveryPlanners;
import io.keelmq.broker.api.Edge;

/** What the handlers of this protocol share. Immutable. */
record Served(
    Edge edge,
    DeliveryPlanners planners,
    TopicLookup topics,
    GroupMaker groups,
    ClientSessions sessions,
    LeaseBook leases,
    ReachedPolls reached) {}
