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
import java.util.OptionalLong;
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
    OptionalLong ageMillis = Onward.streamAgeMillis(from);
    if (ageMillis.isPresent()) {
      served.sessions().streamOpenedElsewhere(from.clientId(), ageMillis.getAsLong());
    } else {
      served.sessions().seen(from.clientId());
    }
    // A leader that was just elected learns of the stream in this way.
    tellLeader(
        from,
        served.sessions().streamAgeMillis(from.clientId()),
        leader -> leader.heartbeat(request, new Unheard<>()));
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
    OptionalLong ageMillis = Onward.streamAgeMillis(from);
    if (ageMillis.isPresent()) {
      long openedNanos = served.edge().now() - TimeUnit.MILLISECONDS.toNanos(ageMillis.getAsLong());
      // The replica that passes it on has waited already.
      served
          .sessions()
          .streamBroke(
              from.clientId(), openedNanos, TOLD_GONE_MILLIS, gone -> served.leases().cut(gone));
    } else {
      left(from);
    }
    caller.answer(NotifyClientTerminationResponse.newBuilder().setStatus(Statuses.OK).build());
  }

  private void left(Caller from) {
    // The replica that passes it on has waited already.
    boolean forwarded = LeaderForwarder.isForwarded();
    served
        .sessions()
        .left(
            from.clientId(),
            forwarded ? TOLD_GONE_MILLIS : ClientSessions.GONE_MILLIS,
            gone -> gone(from, forwarded, OptionalLong.empty()));
  }

  /**
   * A client has opened its telemetry stream here. Told to the leader, because the one that it had
   * before may have been at another replica, which will say that it broke.
   */
  void streamOpened(Caller from) {
    if (!from.clientId().isEmpty()) {
      tellLeader(
          from,
          OptionalLong.of(0),
          leader -> leader.heartbeat(HeartbeatRequest.getDefaultInstance(), new Unheard<>()));
    }
  }

  /** A client's telemetry stream has ended: it may be gone. */
  void streamEnded(Caller from, long openedNanos) {
    if (from.clientId().isEmpty()) {
      return;
    }
    served
        .sessions()
        .streamBroke(
            from.clientId(),
            openedNanos,
            ClientSessions.BROKEN_MILLIS,
            gone ->
                gone(
                    from,
                    false,
                    OptionalLong.of(
                        TimeUnit.NANOSECONDS.toMillis(served.edge().now() - openedNanos))));
  }

  private void gone(Caller from, boolean forwarded, OptionalLong streamAgeMillis) {
    served.leases().cut(from.clientId());
    if (forwarded) {
      return;
    }
    tellLeader(
        from,
        streamAgeMillis,
        leader ->
            leader.notifyClientTermination(
                NotifyClientTerminationRequest.getDefaultInstance(), new Unheard<>()));
  }

  private void tellLeader(
      Caller from,
      OptionalLong streamAgeMillis,
      Consumer<MessagingServiceGrpc.MessagingServiceStub> tell) {
    leader(from, streamAgeMillis)
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
  private Optional<Channel> leader(Caller from, OptionalLong streamAgeMillis) {
    Leadership now = served.edge().replica().leadership();
    return now.isLeader() || LeaderForwarder.isForwarded() || now.leaderAddress().isEmpty()
        ? Optional.empty()
        : Optional.of(
            Onward.of(from, streamAgeMillis)
                .apply(served.edge().forwarder().to(now.leaderAddress().get())));
  }
}
