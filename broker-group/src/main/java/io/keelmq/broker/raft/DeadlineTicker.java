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
 * Lets log time pass: when something is due, the leader proposes {@link Command.AdvanceTime}, one
 * at a time and ten a second at most, and none in a group that rests. Only while a command left a
 * part of what it found due, the next follows without a pause.
 *
 * <p>Every replica remembers the earliest deadline that it heard of, so a new leader goes on where
 * the old one stopped. What was due before this process began is not known, so each leadership
 * begins with one proposal, whose effects tell. Thread-safe.
 */
final class DeadlineTicker {

  private static final long LEAST_MILLIS_BETWEEN = 100;
  private static final long NONE = Long.MAX_VALUE;
  private static final long NOTHING_SERVED = -1;

  private final LogClock clock;
  private final LongSupplier nanos;
  private final BooleanSupplier leads;
  private final Consumer<Proposal> proposer;

  private long earliestMillis = NONE;
  private boolean proposed;
  private long lastProposedNanos;

  /** Log time of the last command that was carried out: what was due by then, it has left. */
  private long servedMillis = NOTHING_SERVED;

  DeadlineTicker(
      LogClock clock, LongSupplier nanos, BooleanSupplier leads, Consumer<Proposal> proposer) {
    this.clock = clock;
    this.nanos = nanos;
    this.leads = leads;
    this.proposer = proposer;
    this.lastProposedNanos = nanos.getAsLong() - LEAST_MILLIS_BETWEEN * 1_000_000;
  }

  /** Remembers what the state machine said is due. */
  void observe(List<Effect> effects) {
    if (learn(effects)) {
      tick();
    }
  }

  /** True if something was left that can be gone on with. */
  private synchronized boolean learn(List<Effect> effects) {
    for (Effect effect : effects) {
      if (effect instanceof Effect.DueAt due) {
        earliestMillis = Math.min(earliestMillis, due.timeMillis());
      }
    }
    return !proposed && leftDue();
  }

  private boolean leftDue() {
    return earliestMillis <= servedMillis;
  }

  /** To be called when this replica begins to lead. */
  synchronized void leads() {
    earliestMillis = 0;
    servedMillis = NOTHING_SERVED;
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
    boolean rested = now - lastProposedNanos >= LEAST_MILLIS_BETWEEN * 1_000_000;
    long logMillis = clock.now();
    if (proposed
        || earliestMillis == NONE
        || logMillis < earliestMillis
        || !(rested || leftDue())) {
      return false;
    }
    proposed = true;
    lastProposedNanos = now;
    servedMillis = logMillis;
    // What is still due afterwards, the command's own effects tell.
    earliestMillis = NONE;
    return true;
  }

  private void ended(ProposalOutcome outcome) {
    if (settle(outcome)) {
      tick();
    }
  }

  /** True if something was left; its effects may be told before the outcome, or behind it. */
  private synchronized boolean settle(ProposalOutcome outcome) {
    proposed = false;
    if (!(outcome instanceof ProposalOutcome.Applied)) {
      earliestMillis = 0;
      servedMillis = NOTHING_SERVED;
    }
    return leftDue();
  }
}
