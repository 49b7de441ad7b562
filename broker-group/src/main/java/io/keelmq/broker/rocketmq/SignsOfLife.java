package io.keelmq.broker.rocketmq;

import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.api.LeaderForwarder;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.v2.HeartbeatRequest;
import io.keelmq.rocketmq.v2.HeartbeatResponse;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.NotifyClientTerminationRequest;
import io.keelmq.rocketmq.v2.NotifyClientTerminationResponse;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.Status;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

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
    Optional<Status> refusal = check(from, request.hasGroup(), request.getGroup());
    if (refusal.isPresent()) {
      caller.refuse(refusal.get());
      return;
    }
    served.sessions().seen(from.clientId());
    tellLeader(from, leader -> leader.heartbeat(request, new Unheard<>()));
    caller.answer(HeartbeatResponse.newBuilder().setStatus(Statuses.OK).build());
  }

  private static Optional<Status> check(Caller from, boolean hasGroup, Resource group) {
    return CallerChecks.clientId(from.clientId())
        .or(() -> hasGroup ? ResourceChecks.group(group) : Optional.empty());
  }

  void terminated(
      NotifyClientTerminationRequest request,
      StreamObserver<NotifyClientTerminationResponse> observer) {
    var caller =
        new Answering<NotifyClientTerminationResponse>(
            observer,
            status -> NotifyClientTerminationResponse.newBuilder().setStatus(status).build());
    Caller from = Caller.current();
    Optional<Status> refusal = check(from, request.hasGroup(), request.getGroup());
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
    tellLeader(
        from,
        leader ->
            leader.notifyClientTermination(
                NotifyClientTerminationRequest.getDefaultInstance(), new Unheard<>()));
  }

  private void tellLeader(Caller from, Consumer<MessagingServiceGrpc.MessagingServiceStub> tell) {
    leader(from)
        .ifPresent(
            leader ->
                // In a context of its own: the client's call ends before this one.
                Context.ROOT.run(
                    () ->
                        tell.accept(
                            MessagingServiceGrpc.newStub(leader)
                                .withDeadlineAfter(TOLD_WITHIN_MILLIS, TimeUnit.MILLISECONDS))));
  }

  /** Who has to be told, if that is another replica and nobody has told this one. */
  private Optional<Channel> leader(Caller from) {
    Leadership now = served.edge().replica().leadership();
    return now.isLeader() || LeaderForwarder.isForwarded() || now.leaderAddress().isEmpty()
        ? Optional.empty()
        : Optional.of(
            Onward.of(from).apply(served.edge().forwarder().to(now.leaderAddress().get())));
  }
}
