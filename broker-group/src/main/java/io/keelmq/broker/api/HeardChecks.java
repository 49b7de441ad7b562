package io.keelmq.broker.api;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Command.HeardCheck;
import io.keelmq.broker.state.Feature;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.StateView;
import io.keelmq.v1.ChecksGrpc;
import io.keelmq.v1.ReportHeardRequest;
import io.keelmq.v1.ReportHeardResponse;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings to the log which check-backs producers of this replica have been handed: proposes it as
 * the leader, tells the leader as a follower. Nothing is said twice: a check-back that is taken for
 * one that nobody heard is followed by another one. Thread-safe; guarded by its lock, under which
 * nobody is called.
 */
final class HeardChecks {

  /** Those beyond it are not told of. */
  static final int MAX_WAITING = 10_000;

  private static final long GATHERED_MILLIS = 500;

  private static final long CALL_MILLIS = 2_000;

  private static final Logger LOG = LoggerFactory.getLogger(HeardChecks.class);

  private final Edge edge;
  private final ArrayDeque<HeardCheck> waiting = new ArrayDeque<>();
  private boolean ticking;

  HeardChecks(Edge edge) {
    this.edge = edge;
  }

  /** A producer was handed a check-back. */
  void add(HeardCheck check) {
    if (!mayTell()) {
      // All of them count.
      return;
    }
    synchronized (this) {
      if (waiting.size() < MAX_WAITING) {
        waiting.add(check);
      }
      if (ticking) {
        return;
      }
      ticking = true;
    }
    tickLater();
  }

  private void tickLater() {
    try {
      edge.timer()
          .schedule(
              () -> edge.call(this::tick, full -> drop()), GATHERED_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      LOG.debug("the server stops: nobody is told which checks were heard", e);
    }
  }

  private synchronized void drop() {
    waiting.clear();
    ticking = false;
  }

  private void tick() {
    List<HeardCheck> some = take();
    Leadership now = edge.replica().leadership();
    if (!mayTell()) {
      return;
    }
    for (int from = 0; from < some.size(); from += Limits.MAX_HEARD_CHECKS) {
      var part = some.subList(from, Math.min(some.size(), from + Limits.MAX_HEARD_CHECKS));
      if (now.isLeader()) {
        propose(part);
      } else {
        now.leaderAddress().ifPresent(leader -> tell(leader, part));
      }
    }
  }

  private boolean mayTell() {
    return edge.initialized() && edge.replica().state().features().allows(Feature.HEARD_CHECKS);
  }

  private synchronized List<HeardCheck> take() {
    List<HeardCheck> all = List.copyOf(waiting);
    waiting.clear();
    ticking = false;
    return all;
  }

  /**
   * @param checks at most {@link Limits#MAX_HEARD_CHECKS}
   */
  void propose(List<HeardCheck> checks) {
    StateView state = edge.replica().state();
    // Each replica tells of the same check, and the first of them was enough.
    List<HeardCheck> news =
        checks.stream().filter(check -> !state.isOldNews(check)).distinct().toList();
    if (news.isEmpty()) {
      return;
    }
    edge.replica()
        .propose(
            new Proposal(
                Optional.empty(),
                new Command.HeardChecks(news),
                List.of(),
                outcome -> LOG.debug("{} checks were heard: {}", news.size(), outcome)));
  }

  private void tell(String leader, List<HeardCheck> checks) {
    var request = ReportHeardRequest.newBuilder();
    for (HeardCheck check : checks) {
      request.addChecks(
          ReportHeardRequest.HeardCheck.newBuilder()
              .setTopicId(check.topicId())
              .setHeldId(check.held().toString())
              .setCheck(check.check()));
    }
    edge.forwarder()
        .<ReportHeardResponse>tell(
            leader,
            (channel, answer) ->
                ChecksGrpc.newStub(channel)
                    .withDeadlineAfter(CALL_MILLIS, TimeUnit.MILLISECONDS)
                    .reportHeard(request.build(), answer),
            () -> LOG.debug("the leader was told of {} heard checks", checks.size()),
            why -> LOG.debug("the leader was not told of {} heard checks", checks.size(), why));
  }
}
