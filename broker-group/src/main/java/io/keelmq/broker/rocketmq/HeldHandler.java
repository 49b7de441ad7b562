package io.keelmq.broker.rocketmq;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.api.AdminChanges;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.api.HeldCall;
import io.keelmq.broker.api.ReplyMapper;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Reply;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.EndTransactionRequest;
import io.keelmq.rocketmq.v2.EndTransactionResponse;
import io.keelmq.rocketmq.v2.RecallMessageRequest;
import io.keelmq.rocketmq.v2.RecallMessageResponse;
import io.keelmq.rocketmq.v2.Status;
import io.keelmq.rocketmq.v2.TransactionResolution;
import io.keelmq.v1.Origin;
import io.keelmq.v1.RecallRequest;
import io.keelmq.v1.RecallResponse;
import io.keelmq.v1.StreamsGrpc;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.UUID;

/** Messages that wait for their time or their transaction. Thread-safe. */
final class HeldHandler {

  private final Edge edge;
  private final AdminChanges changes;

  HeldHandler(Edge edge, AdminChanges changes) {
    this.edge = edge;
    this.changes = changes;
  }

  void recall(RecallMessageRequest request, StreamObserver<RecallMessageResponse> observer) {
    var caller =
        new Answering<>(
            observer, status -> RecallMessageResponse.newBuilder().setStatus(status).build());
    Optional<Status> refusal =
        CallerChecks.clientId(Caller.current().clientId())
            .or(() -> ResourceChecks.topic(request.getTopic()));
    Optional<HeldHandle> handle = HeldHandle.ofRecallHandle(request.getRecallHandle());
    if (refusal.isPresent() || handle.isEmpty()) {
      caller.refuse(
          refusal.orElseGet(
              () ->
                  Statuses.of(
                      Code.INTERNAL_SERVER_ERROR,
                      "the recall handle is none that a send of a delayed message gave")));
      return;
    }
    String topic = ResourceChecks.name(request.getTopic());
    Origin origin = changes.name(origin(Caller.current(), request.getRecallHandle()));
    HeldCall.AtLeader<RecallResponse> atLeader =
        changes.propose(
            origin,
            new Command.RecallMessage(topic, handle.get().held()),
            reply ->
                reply instanceof Reply.Done
                    ? Optional.of(RecallResponse.getDefaultInstance())
                    : Optional.empty());
    HeldCall.start(
        edge,
        StreamsGrpc.getRecallMethod(),
        RecallRequest.newBuilder()
            .setOrigin(origin)
            .setTopic(topic)
            .setHeldId(handle.get().held().toString())
            .build(),
        atLeader,
        Mapped.to(
            caller,
            response ->
                RecallMessageResponse.newBuilder()
                    .setStatus(Statuses.OK)
                    .setMessageId(handle.get().messageId())
                    .build()));
  }

  /**
   * A name server that does not hear what became of a recall asks another replica: the second must
   * find the answer of the first.
   */
  private static Origin origin(Caller from, String handle) {
    if (from.requestId().isEmpty()) {
      return Origin.getDefaultInstance();
    }
    String call = String.join("\n", from.clientId(), from.requestId(), handle);
    var name = UUID.nameUUIDFromBytes(call.getBytes(StandardCharsets.UTF_8));
    return Origin.newBuilder()
        .setId(name.getMostSignificantBits())
        .setSequence(name.getLeastSignificantBits() & Long.MAX_VALUE)
        .build();
  }

  void endTransaction(
      EndTransactionRequest request, StreamObserver<EndTransactionResponse> observer) {
    var caller =
        new Answering<>(
            observer, status -> EndTransactionResponse.newBuilder().setStatus(status).build());
    Optional<Status> refusal =
        CallerChecks.clientId(Caller.current().clientId())
            .or(() -> ResourceChecks.topic(request.getTopic()))
            .or(() -> checkEnd(request));
    if (refusal.isPresent()) {
      caller.refuse(refusal.get());
      return;
    }
    HeldHandle handle = HeldHandle.ofTransactionId(request.getTransactionId()).orElseThrow();
    String topic = ResourceChecks.name(request.getTopic());
    boolean commit = request.getResolution() == TransactionResolution.COMMIT;
    HeldCall.start(
        edge,
        StreamsGrpc.getEndTransactionMethod(),
        io.keelmq.v1.EndTransactionRequest.newBuilder()
            .setTopic(topic)
            .setHeldId(handle.held().toString())
            .setCommit(commit)
            .build(),
        changes.propose(
            Optional.empty(),
            new Command.EndTransaction(topic, handle.held(), commit),
            ReplyMapper::decided),
        Mapped.to(
            caller,
            response -> EndTransactionResponse.newBuilder().setStatus(Statuses.OK).build()));
  }

  private static Optional<Status> checkEnd(EndTransactionRequest request) {
    if (request.getTransactionId().isBlank()) {
      return Optional.of(
          Statuses.of(
              Code.INVALID_TRANSACTION_ID,
              "transaction_id is empty: expected the one that the send gave"));
    }
    if (request.getResolution() != TransactionResolution.COMMIT
        && request.getResolution() != TransactionResolution.ROLLBACK) {
      return Optional.of(
          Statuses.of(
              Code.BAD_REQUEST,
              "resolution "
                  + request.getResolutionValue()
                  + ": expected COMMIT or ROLLBACK, or no call while it is unknown"));
    }
    return HeldHandle.ofTransactionId(request.getTransactionId()).isPresent()
        ? Optional.empty()
        : Optional.of(
            Statuses.of(
                Code.INTERNAL_SERVER_ERROR,
                "transaction_id is none that a send of a half message gave"));
  }
}
