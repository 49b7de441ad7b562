package io.keelmq.broker.api;

import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.LeaseId;
import io.keelmq.broker.state.StateView.StoredRun;
import java.util.List;
import java.util.Set;

/**
 * What a planner proposes to lease to one consumer from one queue, and what it needs to deliver it.
 * Immutable.
 *
 * @param messages that are expected to be leased; the consumer's credit for them is used
 * @param bytes about as many as these messages have
 * @param fromCursor whether offsets behind the cursor are among it
 * @param ready batches that are in it and in no other plan meanwhile
 * @param hashes message groups that this plan expects to hold
 * @param runs by grant, those that hold its offsets
 */
record GrantPlan(
    PlannedQueue queue,
    int generation,
    Attachment consumer,
    int messages,
    long bytes,
    boolean fromCursor,
    List<LeaseId> ready,
    Set<Long> hashes,
    List<Command.Grant> grants,
    List<List<StoredRun>> runs) {}
