package io.keelmq.broker.rocketmq;

import io.grpc.Context;
import io.grpc.MethodDescriptor;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.api.HeldCall;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Limits;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.v2.AckMessageEntry;
import io.keelmq.rocketmq.v2.AckMessageRequest;
import io.keelmq.rocketmq.v2.AckMessageResponse;
import io.keelmq.rocketmq.v2.AckMessageResultEntry;
import io.keelmq.rocketmq.v2.ChangeInvisibleDurationRequest;
import io.keelmq.rocketmq.v2.ChangeInvisibleDurationResponse;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.ForwardMessageToDeadLetterQueueRequest;
import io.keelmq.rocketmq.v2.ForwardMessageToDeadLetterQueueResponse;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.Status;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** What consumers decide about what they were delivered. Thread-safe. */
final class SettleHandler {

  /** SDKs name one. */
  static final int MAX_ENTRIES = 1_024;

  private final Served served;

  SettleHandler(Served served) {
    this.served = served;
  }

  void ack(AckMessageRequest request, StreamObserver<AckMessageResponse> observer) {
    var caller =
        new Answering<>(
            observer, status -> AckMessageResponse.newBuilder().setStatus(status).build());
    Caller from = Caller.current();
    Optional<Status> refusal =
        check(from, request.getGroup(), request.getTopic()).or(() -> checkEntries(request));
    if (refusal.isPresent()) {
      caller.refuse(refusal.get());
    } else {
      ack(from, request, Onward.isRelease(from), caller);
    }
  }

  /** Gives back what a poll was given by the leader and could not hand on. */
  void giveBack(Caller from, Resource group, Resource topic, List<String> handles) {
    var request = AckMessageRequest.newBuilder().setGroup(group).setTopic(topic);
    handles.forEach(
        handle -> request.addEntries(AckMessageEntry.newBuilder().setReceiptHandle(handle)));
    // If it does not go well, the leases end by their deadlines. In a context of its own: that of
    // the
    // client's call has come to its end.
    Context.ROOT.run(() -> ack(from, request.build(), true, new Unheard<>()));
  }

  private void ack(
      Caller from,
      AckMessageRequest request,
      boolean release,
      StreamObserver<AckMessageResponse> caller) {
    start(
        from,
        MessagingServiceGrpc.getAckMessageMethod(),
        request,
        new Wanted(
            request.getGroup(),
            request.getTopic(),
            request.getEntriesList().stream()
                .map(entry -> ReceiptHandle.parse(entry.getReceiptHandle()))
                .toList(),
            release ? Command.SettlementKind.RELEASE : Command.SettlementKind.ACK,
            0),
        results -> acked(request, results),
        caller);
  }

  private static Optional<Status> checkEntries(AckMessageRequest request) {
    return request.getEntriesCount() < 1 || request.getEntriesCount() > MAX_ENTRIES
        ? Optional.of(
            Statuses.of(
                Code.BAD_REQUEST,
                request.getEntriesCount() + " entries: expected 1 to " + MAX_ENTRIES))
        : Optional.empty();
  }

  private static AckMessageResponse acked(
      AckMessageRequest request, List<Settling.Result> results) {
    var response =
        AckMessageResponse.newBuilder()
            .setStatus(Statuses.ofAll(results.stream().map(Settling.Result::status).toList()));
    for (int i = 0; i < results.size(); i++) {
      AckMessageEntry entry = request.getEntries(i);
      response.addEntries(
          AckMessageResultEntry.newBuilder()
              .setMessageId(entry.getMessageId())
              .setReceiptHandle(entry.getReceiptHandle())
              .setStatus(results.get(i).status()));
    }
    return response.build();
  }

  void change(
      ChangeInvisibleDurationRequest request,
      StreamObserver<ChangeInvisibleDurationResponse> observer) {
    var caller =
        new Answering<>(
            observer,
            status -> ChangeInvisibleDurationResponse.newBuilder().setStatus(status).build());
    Caller from = Caller.current();
    long millis = Times.millis(request.getInvisibleDuration());
    Optional<Status> refusal =
        check(from, request.getGroup(), request.getTopic())
            .or(() -> checkInvisible(request, millis));
    if (refusal.isPresent()) {
      caller.refuse(refusal.get());
      return;
    }
    Optional<ReceiptHandle> handle = ReceiptHandle.parse(request.getReceiptHandle());
    // So short a lease is none: the message is given back, and comes again when the time is over.
    // Where the server keeps the lease up, a client says so only to give the message up. Extended,
    // the lease would still bear the client's name, and the next leader would keep it up again.
    boolean nack =
        millis < Limits.MIN_INVISIBLE_MILLIS || handle.filter(ReceiptHandle::renewed).isPresent();
    start(
        from,
        MessagingServiceGrpc.getChangeInvisibleDurationMethod(),
        request,
        new Wanted(
            request.getGroup(),
            request.getTopic(),
            List.of(handle),
            nack ? Command.SettlementKind.NACK : Command.SettlementKind.EXTEND,
            millis),
        results -> changed(request, results.get(0)),
        caller);
  }

  private static Optional<Status> checkInvisible(
      ChangeInvisibleDurationRequest request, long millis) {
    return Times.isSound(request.getInvisibleDuration()) && millis <= Limits.MAX_INVISIBLE_MILLIS
        ? Optional.empty()
        : Optional.of(
            Statuses.of(
                Code.ILLEGAL_INVISIBLE_TIME,
                "invisible_duration of "
                    + millis
                    + " ms: expected 0 to "
                    + Limits.MAX_INVISIBLE_MILLIS));
  }

  /** What was given back keeps its name: until it goes to others, the old handle still says it. */
  private static ChangeInvisibleDurationResponse changed(
      ChangeInvisibleDurationRequest request, Settling.Result result) {
    return ChangeInvisibleDurationResponse.newBuilder()
        .setStatus(result.status())
        .setReceiptHandle(
            result.handle().map(ReceiptHandle::encode).orElse(request.getReceiptHandle()))
        .build();
  }

  void forwardToDeadLetters(
      ForwardMessageToDeadLetterQueueRequest request,
      StreamObserver<ForwardMessageToDeadLetterQueueResponse> observer) {
    Function<Status, ForwardMessageToDeadLetterQueueResponse> response =
        status -> ForwardMessageToDeadLetterQueueResponse.newBuilder().setStatus(status).build();
    var caller = new Answering<>(observer, response);
    Caller from = Caller.current();
    Optional<Status> refusal = check(from, request.getGroup(), request.getTopic());
    if (refusal.isPresent()) {
      caller.refuse(refusal.get());
      return;
    }
    start(
        from,
        MessagingServiceGrpc.getForwardMessageToDeadLetterQueueMethod(),
        request,
        new Wanted(
            request.getGroup(),
            request.getTopic(),
            List.of(ReceiptHandle.parse(request.getReceiptHandle())),
            Command.SettlementKind.DEAD_LETTER,
            0),
        results -> response.apply(results.get(0).status()),
        caller);
  }

  private static Optional<Status> check(Caller from, Resource group, Resource topic) {
    return CallerChecks.clientId(from.clientId())
        .or(() -> ResourceChecks.group(group))
        .or(() -> ResourceChecks.topic(topic));
  }

  private record Wanted(
      Resource group,
      Resource topic,
      List<Optional<ReceiptHandle>> handles,
      Command.SettlementKind kind,
      long millis) {}

  private <Q, R> void start(
      Caller from,
      MethodDescriptor<Q, R> method,
      Q request,
      Wanted wanted,
      Function<List<Settling.Result>, R> answer,
      StreamObserver<R> caller) {
    long arrivedNanos = served.edge().now();
    served.sessions().seen(from.clientId());
    boolean waited = Onward.hasWaited(from);
    HeldCall.AtLeader<R> atLeader =
        done ->
            new Settling<>(
                    served.edge(),
                    served.leases(),
                    ResourceChecks.name(wanted.group()),
                    ResourceChecks.name(wanted.topic()),
                    wanted.handles(),
                    wanted.kind(),
                    wanted.millis(),
                    waited || Onward.hasWaited(arrivedNanos, served.edge()::now),
                    answer)
                .run(done);
    boolean release = wanted.kind() == Command.SettlementKind.RELEASE;
    HeldCall.start(
        served.edge(),
        method,
        request,
        atLeader,
        caller,
        Onward.of(from, release, arrivedNanos, served.edge()::now));
  }
}
