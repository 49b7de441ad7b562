package io.keelmq.broker.api;

import io.grpc.MethodDescriptor;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.Reply;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumeRequest;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.EndTransactionRequest;
import io.keelmq.v1.EndTransactionResponse;
import io.keelmq.v1.Origin;
import io.keelmq.v1.PublishRequest;
import io.keelmq.v1.PublishResponse;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.ReadResponse;
import io.keelmq.v1.RecallRequest;
import io.keelmq.v1.RecallResponse;
import io.keelmq.v1.SendRequest;
import io.keelmq.v1.SendResponse;
import io.keelmq.v1.StreamsGrpc;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * {@code keelmq.v1.Streams} of one replica. Thread-safe; its methods run on the event loop, check
 * and hand over.
 */
final class StreamsService extends StreamsGrpc.StreamsImplBase {

  static final int MAX_READ_STREAMS = 20_000;
  static final int MAX_PUBLISH_STREAMS = 10_000;
  static final int MAX_CONSUME_STREAMS = 20_000;

  /** Of batches without a receipt, all producers together. */
  static final long MAX_IN_FLIGHT_BYTES = 48L << 20;

  private final Edge edge;
  private final ParkedReads parked;
  private final DeliveryPlanners planners;
  private final Executor readers;
  private final InFlightBytes inFlight;
  private final AdminChanges changes;
  private final TransactionChecks checks;
  private final Set<PublishSession> sessions = ConcurrentHashMap.newKeySet();
  private final Set<ConsumeSession> consumers = ConcurrentHashMap.newKeySet();
  private final Set<ReadStream> reads = ConcurrentHashMap.newKeySet();
  private volatile boolean stopping;

  /**
   * @param readers takes as many tasks as there can be read streams
   */
  StreamsService(
      Edge edge,
      ParkedReads parked,
      DeliveryPlanners planners,
      Executor readers,
      AdminChanges changes,
      TransactionChecks checks) {
    this.changes = changes;
    this.checks = checks;
    this.edge = edge;
    this.parked = parked;
    this.planners = planners;
    this.readers = readers;
    this.inFlight = new InFlightBytes(MAX_IN_FLIGHT_BYTES, edge.stats().inFlightBytes);
  }

  @Override
  public StreamObserver<PublishRequest> publish(StreamObserver<PublishResponse> producerSide) {
    var session = new PublishSession[1];
    session[0] =
        new PublishSession(edge, inFlight, checks, producerSide, () -> sessions.remove(session[0]));
    sessions.add(session[0]);
    session[0].start(sessions.size() > MAX_PUBLISH_STREAMS);
    if (stopping) {
      session[0].stop();
    }
    return session[0];
  }

  @Override
  public void send(SendRequest request, StreamObserver<SendResponse> caller) {
    ((ServerCallStreamObserver<SendResponse>) caller).setOnCancelHandler(() -> {});
    byte[] message = request.getMessage().toByteArray();
    Optional<Refusal> refusal =
        stopping ? Optional.of(Refusal.shuttingDown()) : RequestChecks.send(request, message);
    refusal.ifPresentOrElse(
        why -> caller.onError(edge.refuse(why)),
        () ->
            HeldCall.start(
                edge,
                StreamsGrpc.getSendMethod(),
                request,
                new SendCall(edge, request, message),
                caller));
  }

  @Override
  public void recall(RecallRequest request, StreamObserver<RecallResponse> caller) {
    Origin origin = changes.name(request.getOrigin());
    change(
        caller,
        RequestChecks.held(request.getTopic(), request.getHeldId()),
        StreamsGrpc.getRecallMethod(),
        request.toBuilder().setOrigin(origin).build(),
        () ->
            changes.propose(
                origin,
                new Command.RecallMessage(request.getTopic(), id(request.getHeldId())),
                reply ->
                    reply instanceof Reply.Done
                        ? Optional.of(RecallResponse.getDefaultInstance())
                        : Optional.empty()));
  }

  @Override
  public void endTransaction(
      EndTransactionRequest request, StreamObserver<EndTransactionResponse> caller) {
    // Without an origin: the state machine knows how it decided, for longer than it keeps replies,
    // of which it has room for fewer than there may be decisions.
    change(
        caller,
        RequestChecks.held(request.getTopic(), request.getHeldId()),
        StreamsGrpc.getEndTransactionMethod(),
        request,
        () ->
            changes.propose(
                Optional.empty(),
                new Command.EndTransaction(
                    request.getTopic(), id(request.getHeldId()), request.getCommit()),
                ReplyMapper::decided));
  }

  private static HeldId id(String checked) {
    return HeldId.parse(checked).orElseThrow();
  }

  private <Q, R> void change(
      StreamObserver<R> caller,
      Optional<Refusal> refusal,
      MethodDescriptor<Q, R> method,
      Q request,
      Supplier<HeldCall.AtLeader<R>> atLeader) {
    ((ServerCallStreamObserver<R>) caller).setOnCancelHandler(() -> {});
    Optional<Refusal> why = stopping ? Optional.of(Refusal.shuttingDown()) : refusal;
    why.ifPresentOrElse(
        refused -> caller.onError(edge.refuse(refused)),
        () -> HeldCall.start(edge, method, request, atLeader.get(), caller));
  }

  @Override
  public StreamObserver<ConsumeRequest> consume(StreamObserver<ConsumeResponse> consumerSide) {
    var session = new ConsumeSession[1];
    session[0] =
        new ConsumeSession(edge, planners, consumerSide, () -> consumers.remove(session[0]));
    consumers.add(session[0]);
    session[0].start(consumers.size() > MAX_CONSUME_STREAMS);
    if (stopping) {
      session[0].stop();
    }
    return session[0];
  }

  @Override
  public void read(ReadRequest request, StreamObserver<ReadResponse> caller) {
    Optional<Refusal> refusal = RequestChecks.read(request);
    if (stopping) {
      refusal = Optional.of(Refusal.shuttingDown());
    } else if (refusal.isEmpty() && !edge.initialized()) {
      refusal = Optional.of(Refusal.notInitialized());
    } else if (refusal.isEmpty() && reads.size() >= MAX_READ_STREAMS) {
      refusal =
          Optional.of(
              new Refusal(
                  Code.TOO_MANY_REQUESTS,
                  MAX_READ_STREAMS + " read streams are open here: go to another replica"));
    }
    if (refusal.isPresent()) {
      caller.onError(edge.refuse(refusal.get()));
      return;
    }
    var read = new ReadStream[1];
    read[0] = new ReadStream(edge, parked, readers, request, caller, () -> reads.remove(read[0]));
    reads.add(read[0]);
    read[0].start();
    if (stopping) {
      read[0].stop();
    }
  }

  /** Refuses what is new, ends streams that wait for more, lets producers have their receipts. */
  void stop() {
    stopping = true;
    reads.forEach(ReadStream::stop);
    consumers.forEach(ConsumeSession::stop);
    sessions.forEach(PublishSession::stop);
  }
}
