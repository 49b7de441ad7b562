package io.keelmq.broker.raft;

import io.keelmq.broker.state.StateView;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Consumer;

/** What a replica has whether or not Raft runs, and lends to its {@link RaftMember}. */
record ReplicaParts(
    StateView view,
    LogClock clock,
    Replies replies,
    AppliedTerms terms,
    ScheduledExecutorService timer,
    AckPolicy acks,
    ApplyLoop.Restorer restorer,
    Consumer<Throwable> onFatal) {}
