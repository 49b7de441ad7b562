package io.keelmq.broker.rocketmq;

import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.api.GrpcServers;
import io.keelmq.broker.api.LeaderForwarder;
import io.keelmq.broker.api.TransactionChecks;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.v2.AckMessageRequest;
import io.keelmq.rocketmq.v2.AckMessageResponse;
import io.keelmq.rocketmq.v2.ChangeInvisibleDurationRequest;
import io.keelmq.rocketmq.v2.ChangeInvisibleDurationResponse;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.EndTransactionRequest;
import io.keelmq.rocketmq.v2.EndTransactionResponse;
import io.keelmq.rocketmq.v2.ForwardMessageToDeadLetterQueueRequest;
import io.keelmq.rocketmq.v2.ForwardMessageToDeadLetterQueueResponse;
import io.keelmq.rocketmq.v2.GetOffsetRequest;
import io.keelmq.rocketmq.v2.GetOffsetResponse;
import io.keelmq.rocketmq.v2.HeartbeatRequest;
import io.keelmq.rocketmq.v2.HeartbeatResponse;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.NotifyClientTerminationRequest;
import io.keelmq.rocketmq.v2.NotifyClientTerminationResponse;
import io.keelmq.rocketmq.v2.PullMessageRequest;
import io.keelmq.rocketmq.v2.PullMessageResponse;
import io.keelmq.rocketmq.v2.QueryAssignmentRequest;
import io.keelmq.rocketmq.v2.QueryAssignmentResponse;
import io.keelmq.rocketmq.v2.QueryOffsetRequest;
import io.keelmq.rocketmq.v2.QueryOffsetResponse;
import io.keelmq.rocketmq.v2.QueryRouteRequest;
import io.keelmq.rocketmq.v2.QueryRouteResponse;
import io.keelmq.rocketmq.v2.RecallMessageRequest;
import io.keelmq.rocketmq.v2.RecallMessageResponse;
import io.keelmq.rocketmq.v2.ReceiveMessageRequest;
import io.keelmq.rocketmq.v2.ReceiveMessageResponse;
import io.keelmq.rocketmq.v2.SendMessageRequest;
import io.keelmq.rocketmq.v2.SendMessageResponse;
import io.keelmq.rocketmq.v2.Status;
import io.keelmq.rocketmq.v2.SyncLiteSubscriptionRequest;
import io.keelmq.rocketmq.v2.SyncLiteSubscriptionResponse;
import io.keelmq.rocketmq.v2.TelemetryCommand;
import io.keelmq.rocketmq.v2.UpdateOffsetRequest;
import io.keelmq.rocketmq.v2.UpdateOffsetResponse;
import java.time.InstantSource;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * {@code apache.rocketmq.v2.MessagingService} of one replica. Thread-safe; its methods run on the
 * event loop, check and hand over.
 */
final class MessagingService extends MessagingServiceGrpc.MessagingServiceImplBase {

  static final int MAX_POLLS = 50_000;
  static final int MAX_TELEMETRY_STREAMS = 50_000;

  private static final Status NOT_IMPLEMENTED =
      Statuses.of(
          Code.NOT_IMPLEMENTED,
          "not served here: use SimpleConsumer or PushConsumer, or keelmq.v1");

  private final Served served;
  private final InstantSource wall;
  private final SendHandler sends;
  private final HeldHandler held;
  private final RouteHandler routes;
  private final SettleHandler settles;
  private final SettingsAnswers answers;
  private final TransactionChecks checks;
  private final SignsOfLife life;
  private final Set<ReceiveCall> polls = ConcurrentHashMap.newKeySet();
  private final Set<TelemetrySession> streams = ConcurrentHashMap.newKeySet();
  private volatile boolean stopping;

  MessagingService(
      Served served, GrpcServers.Shared shared, RocketmqOptions options, InstantSource wall) {
    this.served = served;
    this.wall = wall;
    this.sends = new SendHandler(shared.edge(), served.topics(), options, wall);
    this.held = new HeldHandler(shared.edge(), shared.changes());
    this.routes =
        new RouteHandler(shared.edge(), shared.identity(), shared.control(), served.topics());
    this.settles = new SettleHandler(served);
    this.answers = new SettingsAnswers(shared.edge());
    this.checks = shared.checks();
    this.life = new SignsOfLife(served);
  }

  @Override
  public void queryRoute(QueryRouteRequest request, StreamObserver<QueryRouteResponse> caller) {
    routes.route(request, calm(caller));
  }

  @Override
  public void queryAssignment(
      QueryAssignmentRequest request, StreamObserver<QueryAssignmentResponse> caller) {
    routes.assignment(request, calm(caller));
  }

  @Override
  public void sendMessage(SendMessageRequest request, StreamObserver<SendMessageResponse> caller) {
    sends.send(request, calm(caller));
  }

  @Override
  public void endTransaction(
      EndTransactionRequest request, StreamObserver<EndTransactionResponse> caller) {
    held.endTransaction(request, calm(caller));
  }

  @Override
  public void recallMessage(
      RecallMessageRequest request, StreamObserver<RecallMessageResponse> caller) {
    held.recall(request, calm(caller));
  }

  @Override
  public void ackMessage(AckMessageRequest request, StreamObserver<AckMessageResponse> caller) {
    settles.ack(request, calm(caller));
  }

  @Override
  public void changeInvisibleDuration(
      ChangeInvisibleDurationRequest request,
      StreamObserver<ChangeInvisibleDurationResponse> caller) {
    settles.change(request, calm(caller));
  }

  @Override
  public void forwardMessageToDeadLetterQueue(
      ForwardMessageToDeadLetterQueueRequest request,
      StreamObserver<ForwardMessageToDeadLetterQueueResponse> caller) {
    settles.forwardToDeadLetters(request, calm(caller));
  }

  /** A caller that goes away is no reason to throw. */
  private static <R> StreamObserver<R> calm(StreamObserver<R> caller) {
    ((ServerCallStreamObserver<R>) caller).setOnCancelHandler(() -> {});
    return caller;
  }

  @Override
  public void receiveMessage(
      ReceiveMessageRequest request, StreamObserver<ReceiveMessageResponse> observer) {
    var client = (ServerCallStreamObserver<ReceiveMessageResponse>) observer;
    Caller caller = Caller.current();
    boolean forwarded = LeaderForwarder.isForwarded();
    PollRequest wanted;
    try {
      Optional<Status> refusal = CallerChecks.clientId(caller.clientId()).or(this::full);
      if (refusal.isPresent()) {
        throw new PollRequest.Unfit(refusal.get());
      }
      wanted =
          PollRequest.of(request, caller.version(), Context.current().getDeadline(), forwarded);
      if (wanted.messages() == 0) {
        throw new PollRequest.Unfit(
            Statuses.of(Code.MESSAGE_NOT_FOUND, "a batch of 0 messages was asked for"));
      }
    } catch (PollRequest.Unfit unfit) {
      client.setOnCancelHandler(() -> {});
      client.onNext(ReceiveMessageResponse.newBuilder().setStatus(unfit.status()).build());
      client.onCompleted();
      return;
    }
    var call = new ReceiveCall[1];
    call[0] =
        new ReceiveCall(
            served, settles, wall, caller, request, wanted, client, () -> polls.remove(call[0]));
    polls.add(call[0]);
    call[0].start();
    if (stopping) {
      call[0].stop();
    }
  }

  private Optional<Status> full() {
    return polls.size() >= MAX_POLLS
        ? Optional.of(
            Statuses.of(
                Code.TOO_MANY_REQUESTS, MAX_POLLS + " polls wait here: go to another replica"))
        : Optional.empty();
  }

  @Override
  public StreamObserver<TelemetryCommand> telemetry(StreamObserver<TelemetryCommand> observer) {
    var client = (ServerCallStreamObserver<TelemetryCommand>) observer;
    Caller caller = Caller.current();
    var session = new TelemetrySession[1];
    session[0] =
        new TelemetrySession(
            served,
            answers,
            checks,
            caller,
            client,
            () -> {
              streams.remove(session[0]);
              life.streamEnded(caller);
            });
    streams.add(session[0]);
    session[0].start();
    if (stopping || streams.size() > MAX_TELEMETRY_STREAMS) {
      session[0].stop();
    }
    return session[0];
  }

  @Override
  public void heartbeat(HeartbeatRequest request, StreamObserver<HeartbeatResponse> caller) {
    life.heartbeat(request, calm(caller));
  }

  @Override
  public void notifyClientTermination(
      NotifyClientTerminationRequest request,
      StreamObserver<NotifyClientTerminationResponse> caller) {
    life.terminated(request, calm(caller));
  }

  @Override
  public void pullMessage(PullMessageRequest request, StreamObserver<PullMessageResponse> caller) {
    answer(calm(caller), PullMessageResponse.newBuilder().setStatus(NOT_IMPLEMENTED).build());
  }

  @Override
  public void updateOffset(
      UpdateOffsetRequest request, StreamObserver<UpdateOffsetResponse> caller) {
    answer(calm(caller), UpdateOffsetResponse.newBuilder().setStatus(NOT_IMPLEMENTED).build());
  }

  @Override
  public void getOffset(GetOffsetRequest request, StreamObserver<GetOffsetResponse> caller) {
    answer(calm(caller), GetOffsetResponse.newBuilder().setStatus(NOT_IMPLEMENTED).build());
  }

  @Override
  public void queryOffset(QueryOffsetRequest request, StreamObserver<QueryOffsetResponse> caller) {
    answer(calm(caller), QueryOffsetResponse.newBuilder().setStatus(NOT_IMPLEMENTED).build());
  }

  @Override
  public void syncLiteSubscription(
      SyncLiteSubscriptionRequest request, StreamObserver<SyncLiteSubscriptionResponse> caller) {
    answer(
        calm(caller), SyncLiteSubscriptionResponse.newBuilder().setStatus(NOT_IMPLEMENTED).build());
  }

  private static <R> void answer(StreamObserver<R> caller, R response) {
    caller.onNext(response);
    caller.onCompleted();
  }

  void leadershipChanged() {
    Leadership now = served.edge().replica().leadership();
    if (now.isLeader()) {
      served.sessions().leadershipChanged();
    }
    served.leases().leadershipChanged();
  }

  /** Ends what waits: clients go on at another replica. */
  void stop() {
    stopping = true;
    polls.forEach(ReceiveCall::stop);
    streams.forEach(TelemetrySession::stop);
  }
}
