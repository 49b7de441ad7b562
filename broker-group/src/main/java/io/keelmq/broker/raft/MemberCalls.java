package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.Membership.Arrival;
import io.keelmq.broker.Membership.Standing;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.LevelRange;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings what is said and asked about members to the timer, which owns those who answer.
 * Thread-safe.
 */
final class MemberCalls {

  private static final Logger LOG = LoggerFactory.getLogger(MemberCalls.class);

  private final MembershipDriver membership;
  private final LevelDriver levels;
  private final Executor timer;

  MemberCalls(MembershipDriver membership, LevelDriver levels, Executor timer) {
    this.membership = membership;
    this.levels = levels;
    this.timer = timer;
  }

  CompletableFuture<ProposalOutcome> arrive(Arrival arrival) {
    return onTimer(done -> membership.arrive(arrival, done));
  }

  CompletableFuture<ProposalOutcome> change(
      CommandOrigin origin, Command.Membership change, boolean force) {
    return onTimer(done -> membership.change(origin, change, force, done));
  }

  CompletableFuture<List<Standing>> standings() {
    return onTimer(membership::standings);
  }

  /** See {@link io.keelmq.broker.ReplicaControl#heardLevels}. */
  void heardLevels(String peer, LevelRange supported) {
    PeerId parsed = PeerId.parsePeer(peer);
    if (parsed != null) {
      later(() -> levels.heard(parsed, supported));
    }
  }

  /** To be called every second, by the timer. */
  void look() {
    membership.look();
    levels.look(membership.isChanging());
  }

  void membersChanged() {
    later(membership::step);
  }

  private <T> CompletableFuture<T> onTimer(Consumer<CompletableFuture<T>> task) {
    var done = new CompletableFuture<T>();
    try {
      timer.execute(
          () -> {
            try {
              task.accept(done);
            } catch (RuntimeException e) {
              LOG.error("a call about members failed", e);
              done.completeExceptionally(e);
            }
          });
    } catch (RejectedExecutionException e) {
      done.completeExceptionally(
          new Refused(Refused.Reason.NOT_LEADER, "this replica is shutting down"));
    }
    return done;
  }

  private void later(Runnable task) {
    try {
      timer.execute(task);
    } catch (RejectedExecutionException e) {
      LOG.debug("shutting down", e);
    }
  }
}
