package io.keelmq.client;

import io.keelmq.v1.ReplicaPlan;

/**
 * What {@link Admin#initGroup} did.
 *
 * @param plan the cluster id and the members under which the group runs
 * @param alreadyInitialized true: all replicas were started before; nothing was changed
 * @param resumed true: an earlier attempt had prepared some replicas, and its plan was finished
 */
public record InitResult(ReplicaPlan plan, boolean alreadyInitialized, boolean resumed) {}
