package io.keelmq.broker.rocketmq;

import io.grpc.Channel;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.api.LeaderForwarder;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.v2.HeartbeatRequest;
import io.keelmq.rocketmq.v2.HeartbeatResponse;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.NotifyClientTerminationRequest;
import io.keelmq.rocketmq.v2.NotifyClientTerminationResponse;
import io.keelmq.rocketmq.v2.Status;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * What clients say and show of being alive. The leader, who keeps their leases up, is told by the
 * other replicas; nobody waits for that, because it comes again. Thread-safe.
 */
record SignsOfLife(Served served) {

  private static final long TOLD_WITHIN_MILLIS = 2_000;
  private static final long TOLD_GONE_MILLIS = 100;

  void heartbeat(HeartbeatRequest request, StreamObserver<HeartbeatResponse> observer) {
    var caller =
        new Answering<HeartbeatResponse>(
            observer, status -> HeartbeatResponse.newBuilder().setStatus(status).build());
    Caller from = Caller.current();
    Optional<Status> refusal = check(from, request.hasGroup(), request);
    if (refusal.isPresent()) {
      caller.refuse(refusal.get());
      return;
    }
    served.sessions().seen(from.clientId());
    leader(from)
        .ifPresent(
            leader ->
                MessagingServiceGrpc.newStub(leader)
                    .withDeadlineAfter(TOLD_WITHIN_MILLIS, TimeUnit.MILLISECONDS)
                    .heartbeat(request, new Unheard<>()));
    caller.answer(HeartbeatResponse.newBuilder().setStatus(Statuses.OK).build());
  }

  private static Optional<Status> check(Caller from, boolean hasGroup, HeartbeatRequest request) {
    return CallerChecks.clientId(from.clientId())
        .or(() -> hasGroup ? ResourceChecks.group(request.getGroup()) : Optional.empty());
  }

  void terminated(
      NotifyClientTerminationRequest request,
      StreamObserver<NotifyClientTerminationResponse> observer) {
    var caller =
        new Answering<NotifyClientTerminationResponse>(
            observer,
            status -> NotifyClientTerminationResponse.newBuilder().setStatus(status).build());
    Caller from = Caller.current();
    Optional<Status> refusal =
        CallerChecks.clientId(from.clientId())
            .or(
                () ->
                    request.hasGroup()
                        ? ResourceChecks.group(request.getGroup())
                        : Optional.empty());
    if (refusal.isPresent()) {
      caller.refuse(refusal.get());
      return;
    }
    left(from);
    caller.answer(NotifyClientTerminationResponse.newBuilder().setStatus(Statuses.OK).build());
  }

  /** A client's telemetry stream has ended: it may be gone. */
  void streamEnded(Caller from) {
    if (!from.clientId().isEmpty()) {
      left(from);
    }
  }

  private void left(Caller from) {
    // The replica that passes it on has waited already.
    boolean forwarded = LeaderForwarder.isForwarded();
    served
        .sessions()
        .left(
            from.clientId(),
            forwarded ? TOLD_GONE_MILLIS : ClientSessions.GONE_MILLIS,
            gone -> gone(from, forwarded));
  }

  private void gone(Caller from, boolean forwarded) {
    served.leases().cut(from.clientId());
    if (forwarded) {
      return;
    }
    leader(from)
        .ifPresent(
            leader ->
                MessagingServiceGrpc.newStub(leader)
                    .withDeadlineAfter(TOLD_WITHIN_MILLIS, TimeUnit.MILLISECONDS)
                    .notifyClientTermination(
                        NotifyClientTerminationRequest.getDefaultInstance(), new Unheard<>()));
  }

  /** Who has to be told, if that is another replica and nobody has told this one. */
  private Optional<Channel> leader(Caller from) {
    Leadership now = served.edge().replica().leadership();
    return now.isLeader() || LeaderForwarder.isForwarded() || now.leaderAddress().isEmpty()
        ? Optional.empty()
        : Optional.of(
            Onward.of(from).apply(served.edge().forwarder().to(now.leaderAddress().get())));
  }

  /** Nobody waits for the answer. */
  private static final class Unheard<R> implements StreamObserver<R> {
    @Override
    public void onNext(R response) {}

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onCompleted() {}
  }
}
