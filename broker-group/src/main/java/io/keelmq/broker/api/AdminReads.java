package io.keelmq.broker.api;

import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.state.StateView;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The calls of {@link AdminService} that change nothing. Any replica answers them. Thread-safe. */
record AdminReads(Edge edge) {

  private static final Logger LOG = LoggerFactory.getLogger(AdminReads.class);

  /** A query of the state that may find that it does not fit. */
  @FunctionalInterface
  interface Query<R> {
    R of(StateView state) throws ReadStarts.Unfit;
  }

  /** Answers from this replica's state once it holds all that was acknowledged before the call. */
  <R> void query(StreamObserver<R> caller, Optional<Refusal> refusal, Query<R> query) {
    afterReadPoint(
        caller,
        refusal,
        point ->
            edge.call(
                () -> answer(caller, point, query), full -> caller.onError(edge.refuse(full))));
  }

  /** Hands on the point at which this replica holds what was acknowledged before, or its lack. */
  void afterReadPoint(
      StreamObserver<?> caller, Optional<Refusal> refusal, Consumer<ReadPoint> then) {
    Optional<Refusal> why =
        refusal.or(
            () -> edge.initialized() ? Optional.empty() : Optional.of(Refusal.notInitialized()));
    if (why.isPresent()) {
      caller.onError(edge.refuse(why.get()));
      return;
    }
    edge.replica().readPoint(holdMillis(), then);
  }

  private static long holdMillis() {
    Deadline deadline = Context.current().getDeadline();
    long hold = Edge.HOLD.toMillis();
    return deadline == null
        ? hold
        : Math.max(
            1,
            Math.min(
                hold,
                deadline.timeRemaining(TimeUnit.MILLISECONDS) - Edge.DEADLINE_MARGIN.toMillis()));
  }

  private <R> void answer(StreamObserver<R> caller, ReadPoint point, Query<R> query) {
    R response;
    try {
      if (point instanceof ReadPoint.NotReached notReached) {
        caller.onError(
            edge.refuse(
                Refusal.noLeader("no leader confirmed what is stored: " + notReached.message())));
        return;
      }
      response = query.of(edge.replica().state());
    } catch (ReadStarts.Unfit unfit) {
      caller.onError(edge.refuse(unfit.why()));
      return;
    } catch (RuntimeException e) {
      LOG.error("an admin query failed", e);
      caller.onError(edge.refuse(Refusal.internal(e)));
      return;
    }
    caller.onNext(response);
    caller.onCompleted();
  }
}
