package io.keelmq.nameserver;

import io.grpc.CallOptions;
import io.grpc.MethodDescriptor;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.HostPort;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.ResourceName;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.HeartbeatRequest;
import io.keelmq.rocketmq.v2.HeartbeatResponse;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.NotifyClientTerminationRequest;
import io.keelmq.rocketmq.v2.NotifyClientTerminationResponse;
import io.keelmq.rocketmq.v2.QueryAssignmentRequest;
import io.keelmq.rocketmq.v2.QueryAssignmentResponse;
import io.keelmq.rocketmq.v2.QueryRouteRequest;
import io.keelmq.rocketmq.v2.QueryRouteResponse;
import io.keelmq.rocketmq.v2.RecallMessageRequest;
import io.keelmq.rocketmq.v2.RecallMessageResponse;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.Status;
import io.keelmq.rocketmq.v2.TelemetryCommand;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Function;
import java.util.function.LongSupplier;

/**
 * What RocketMQ 5 SDKs ask of an access point: routes, and, some of them, to recall a message or
 * what their consumers are assigned. Everything else they send to the brokers of the routes. Should
 * one greet its access point too, it is answered, its settings by a broker; the rest ends
 * UNIMPLEMENTED. Thread-safe.
 */
final class SdkService extends MessagingServiceGrpc.MessagingServiceImplBase {

  private final RouteDirectory directory;
  private final RouteQueries queries;
  private final BrokerChannels channels;
  private final ScheduledExecutorService timer;
  private final LongSupplier clockMillis;

  SdkService(
      RouteDirectory directory,
      RouteQueries queries,
      BrokerChannels channels,
      ScheduledExecutorService timer,
      LongSupplier clockMillis) {
    this.directory = directory;
    this.queries = queries;
    this.channels = channels;
    this.timer = timer;
    this.clockMillis = clockMillis;
  }

  @Override
  public void queryRoute(QueryRouteRequest request, StreamObserver<QueryRouteResponse> out) {
    bearWithCancellation(out);
    queries.query(request, Caller.current().sdk(), out);
  }

  /** Go's SDK asks here. What a group is like only brokers know. */
  @Override
  public void queryAssignment(
      QueryAssignmentRequest request, StreamObserver<QueryAssignmentResponse> out) {
    passOn(
        MessagingServiceGrpc.getQueryAssignmentMethod(),
        request,
        request.getTopic(),
        out,
        status -> QueryAssignmentResponse.newBuilder().setStatus(status).build());
  }

  /** The broker says whether there is such a topic; this name server may not know it yet. */
  @Override
  public void recallMessage(
      RecallMessageRequest request, StreamObserver<RecallMessageResponse> out) {
    passOn(
        MessagingServiceGrpc.getRecallMessageMethod(),
        request,
        request.getTopic(),
        out,
        status -> RecallMessageResponse.newBuilder().setStatus(status).build());
  }

  private <Q, R> void passOn(
      MethodDescriptor<Q, R> method,
      Q request,
      Resource topic,
      StreamObserver<R> out,
      Function<Status, R> unreached) {
    bearWithCancellation(out);
    new PassedOn<>(
            method,
            request,
            Caller.current(),
            () -> replicas(ResourceName.of(topic)),
            channels,
            timer,
            clockMillis,
            out,
            reason -> unreached.apply(status(Code.HA_NOT_AVAILABLE, reason)))
        .start();
  }

  private List<HostPort> replicas(String topic) {
    List<TopicPlace> places = directory.places(topic);
    return places.isEmpty() ? directory.calls() : places.get(0).calls();
  }

  @Override
  public void heartbeat(HeartbeatRequest request, StreamObserver<HeartbeatResponse> out) {
    out.onNext(HeartbeatResponse.newBuilder().setStatus(status(Code.OK, "OK")).build());
    out.onCompleted();
  }

  @Override
  public void notifyClientTermination(
      NotifyClientTerminationRequest request, StreamObserver<NotifyClientTerminationResponse> out) {
    out.onNext(
        NotifyClientTerminationResponse.newBuilder().setStatus(status(Code.OK, "OK")).build());
    out.onCompleted();
  }

  @Override
  public StreamObserver<TelemetryCommand> telemetry(StreamObserver<TelemetryCommand> out) {
    List<HostPort> replicas = directory.calls();
    if (replicas.isEmpty()) {
      throw io.grpc.Status.UNAVAILABLE
          .withDescription("no replica is heard here")
          .asRuntimeException();
    }
    return ClientCalls.asyncBidiStreamingCall(
        channels
            .to(replicas.get(0), Caller.current())
            .newCall(MessagingServiceGrpc.getTelemetryMethod(), CallOptions.DEFAULT),
        out);
  }

  private static Status status(Code code, String message) {
    return Status.newBuilder().setCode(code).setMessage(message).build();
  }

  /** With a handler, an answer that comes too late is dropped instead of being an error. */
  private static void bearWithCancellation(StreamObserver<?> out) {
    ((ServerCallStreamObserver<?>) out).setOnCancelHandler(() -> {});
  }
}
