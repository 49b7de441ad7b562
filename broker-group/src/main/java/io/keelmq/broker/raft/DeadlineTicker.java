package io.keelmq.broker.raft;

import io.keelmq.broker.Proposal;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Effect;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Lets log time pass: when something is due, the leader proposes {@link Command.AdvanceTime}, at
 * most one at a time and ten a second, and none in a group that rests.
 *
 * <p>Every replica remembers the earliest deadline that it heard of, so a new leader goes on where
 * the old one stopped. What was due before this process began is not known, so each leadership
 * begins with one proposal, whose effects tell. Thread-safe.
 */
final class DeadlineTicker {

  private static final long LEAST_MILLIS_BETWEEN = 100;
  private static final long NONE = Long.MAX_VALUE;

  private final LogClock clock;
  private final LongSupplier nanos;
  private final BooleanSupplier leads;
  private final Consumer<Proposal> proposer;

  private long earliestMillis = NONE;
  private boolean proposed;
  private long lastProposedNanos;

  DeadlineTicker(
      LogClock clock, LongSupplier nanos, BooleanSupplier leads, Consumer<Proposal> proposer) {
    this.clock = clock;
    this.nanos = nanos;
    this.leads = leads;
    this.proposer = proposer;
    this.lastProposedNanos = nanos.getAsLong() - LEAST_MILLIS_BETWEEN * 1_000_000;
  }

  /** Remembers what the state machine said is due. */
  synchronized void observe(List<Effect> effects) {
    for (Effect effect : effects) {
      if (effect instanceof Effect.DueAt due) {
        earliestMillis = Math.min(earliestMillis, due.timeMillis());
      }
    }
  }

  /** To be called when this replica begins to lead. */
  synchronized void leads() {
    earliestMillis = 0;
  }

  /** Called often by the timer. */
  void tick() {
    if (!leads.getAsBoolean() || !takeDue()) {
      return;
    }
    // Not under this object's lock: the outcome may come at once.
    proposer.accept(
        new Proposal(Optional.empty(), new Command.AdvanceTime(), List.of(), this::ended));
  }

  private synchronized boolean takeDue() {
    long now = nanos.getAsLong();
    if (proposed
        || earliestMillis == NONE
        || now - lastProposedNanos < LEAST_MILLIS_BETWEEN * 1_000_000
        || clock.now() < earliestMillis) {
      return false;
    }
    proposed = true;
    lastProposedNanos = now;
    // What is still due afterwards, the command's own effects tell.
    earliestMillis = NONE;
    return true;
  }

  private synchronized void ended(ProposalOutcome outcome) {
    proposed = false;
    if (!(outcome instanceof ProposalOutcome.Applied)) {
      earliestMillis = 0;
    }
  }
}
