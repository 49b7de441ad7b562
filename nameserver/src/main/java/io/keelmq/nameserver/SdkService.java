package io.keelmq.nameserver;

import io.grpc.CallOptions;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.HostPort;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.HeartbeatRequest;
import io.keelmq.rocketmq.v2.HeartbeatResponse;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.NotifyClientTerminationRequest;
import io.keelmq.rocketmq.v2.NotifyClientTerminationResponse;
import io.keelmq.rocketmq.v2.QueryRouteRequest;
import io.keelmq.rocketmq.v2.QueryRouteResponse;
import io.keelmq.rocketmq.v2.RecallMessageRequest;
import io.keelmq.rocketmq.v2.RecallMessageResponse;
import io.keelmq.rocketmq.v2.Status;
import io.keelmq.rocketmq.v2.TelemetryCommand;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.LongSupplier;

/**
 * What RocketMQ 5 SDKs ask of an access point: routes, and, some of them, to recall a message.
 * Everything else they send to the brokers of the routes. Should one greet its access point too, it
 * is answered, its settings by a broker; the rest ends UNIMPLEMENTED. Thread-safe.
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
    queries.query(request, SdkCaller.current().sdk(), out);
  }

  /** The broker says whether there is such a topic; this name server may not know it yet. */
  @Override
  public void recallMessage(
      RecallMessageRequest request, StreamObserver<RecallMessageResponse> out) {
    bearWithCancellation(out);
    new PassedOn<>(
            MessagingServiceGrpc.getRecallMessageMethod(),
            request,
            SdkCaller.current(),
            () -> replicas(request.getTopic().getName()),
            channels,
            timer,
            clockMillis,
            out,
            reason ->
                RecallMessageResponse.newBuilder()
                    .setStatus(status(Code.HA_NOT_AVAILABLE, reason))
                    .build())
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
        SdkCaller.current()
            .passedOnBy(channels.to(replicas.get(0)))
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
