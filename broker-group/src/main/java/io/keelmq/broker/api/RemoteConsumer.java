package io.keelmq.broker.api;

import io.grpc.Channel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.CloseConsumer;
import io.keelmq.v1.ConsumeRequest;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.Credit;
import io.keelmq.v1.ErrorDetail;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Settle;
import io.keelmq.v1.StreamsGrpc;

/**
 * A consumer that is served by the replica that leads, over a stream of its own. Events are asked
 * for one by one as the consumer takes those before, so that no more than {@link #WINDOW} of them
 * wait here.
 *
 * <p>Fields that are not final are owned by the session's turn.
 */
final class RemoteConsumer implements ConsumeTarget {

  /** Events on their way from the leader. */
  private static final int WINDOW = 8;

  private final Channel leader;
  private final OpenConsumer open;
  private final Events events;
  private final Responses responses = new Responses();
  private ClientCallStreamObserver<ConsumeRequest> upstream;
  private int taken;

  RemoteConsumer(Channel leader, OpenConsumer open, Events events) {
    this.leader = leader;
    this.open = open;
    this.events = events;
  }

  @Override
  public void open() {
    upstream =
        (ClientCallStreamObserver<ConsumeRequest>) StreamsGrpc.newStub(leader).consume(responses);
    upstream.onNext(ConsumeRequest.newBuilder().setOpen(open).build());
  }

  @Override
  public void credit(int messages) {
    upstream.onNext(
        ConsumeRequest.newBuilder().setCredit(Credit.newBuilder().setMessages(messages)).build());
  }

  @Override
  public void settle(Settle settle) {
    upstream.onNext(ConsumeRequest.newBuilder().setSettle(settle).build());
  }

  @Override
  public void closeConsumer() {
    upstream.onNext(
        ConsumeRequest.newBuilder().setClose(CloseConsumer.getDefaultInstance()).build());
  }

  @Override
  public boolean isReady() {
    return upstream.isReady();
  }

  @Override
  public boolean isLocal() {
    return false;
  }

  @Override
  public void taken(ConsumeResponse event) {
    taken++;
  }

  @Override
  public void missed(ConsumeResponse event) {
    // The leader learns it from the end of the stream, or from what the next one says is held.
  }

  @Override
  public void callerIsReady() {
    if (taken > 0) {
      int events = taken;
      taken = 0;
      upstream.request(events);
    }
  }

  @Override
  public void abandon() {
    if (upstream != null) {
      upstream.cancel("the session has ended or has another target", null);
    }
  }

  /** False for ends after which another try at the next leader may go well. */
  private static boolean endsSession(ErrorDetail detail) {
    return switch (detail.getCode()) {
      case NO_LEADER, SHUTTING_DOWN, NOT_INITIALIZED, OUTCOME_UNKNOWN, CODE_UNSPECIFIED -> false;
      default -> true;
    };
  }

  private final class Responses implements ClientResponseObserver<ConsumeRequest, ConsumeResponse> {

    @Override
    public void beforeStart(ClientCallStreamObserver<ConsumeRequest> requests) {
      requests.disableAutoRequestWithInitial(WINDOW);
      requests.setOnReadyHandler(() -> events.ready(RemoteConsumer.this));
    }

    @Override
    public void onNext(ConsumeResponse event) {
      events.event(RemoteConsumer.this, event);
    }

    @Override
    public void onError(Throwable failure) {
      ErrorDetail detail = StatusDetails.fromThrowable(failure);
      if (endsSession(detail)) {
        events.refused(RemoteConsumer.this, new Refusal(detail.getCode(), detail.getMessage()));
      } else {
        events.broken(RemoteConsumer.this, Refusal.noLeader(detail.getMessage()));
      }
    }

    @Override
    public void onCompleted() {
      events.completed(RemoteConsumer.this);
    }
  }
}
