package io.keelmq.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.keelmq.v1.CloseConsumer;
import io.keelmq.v1.ConsumeRequest;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.Credit;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Settle;
import io.keelmq.v1.StreamsGrpc;

/**
 * One Consume call to one replica, with no more responses asked for than there is memory for. Owned
 * by the loop; gRPC's thread only hands its events over.
 */
final class ConsumeStream {

  /** Responses that may be on their way at once. */
  static final int RESPONSES_ASKED_FOR = 16;

  /** What a stream reports, on the loop; nothing after {@link #cancel}. */
  interface Events {
    void response(ConsumeStream stream, ConsumeResponse response);

    void ended(ConsumeStream stream, Status status, Throwable failure);
  }

  private final ClientLoop loop;
  private final LeaderRouting.Target target;
  private final Events events;
  private final ClientCall<ConsumeRequest, ConsumeResponse> call;
  private boolean over;
  private int askedFor;

  ConsumeStream(ClientLoop loop, Channels channels, LeaderRouting.Target target, Events events) {
    this.loop = loop;
    this.target = target;
    this.events = events;
    call =
        channels.at(target.address()).newCall(StreamsGrpc.getConsumeMethod(), CallOptions.DEFAULT);
  }

  void start(OpenConsumer open) {
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(ConsumeResponse response) {
            loop.execute(() -> take(response));
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            loop.execute(() -> end(status, status.asRuntimeException(trailers)));
          }
        },
        new Metadata());
    call.sendMessage(ConsumeRequest.newBuilder().setOpen(open).build());
  }

  LeaderRouting.Target target() {
    return target;
  }

  void give(int credit) {
    call.sendMessage(
        ConsumeRequest.newBuilder().setCredit(Credit.newBuilder().setMessages(credit)).build());
  }

  void settle(Settle settle) {
    call.sendMessage(ConsumeRequest.newBuilder().setSettle(settle).build());
  }

  /** Gives back what is not settled; the broker then ends the stream. */
  void closeConsumer() {
    call.sendMessage(
        ConsumeRequest.newBuilder().setClose(CloseConsumer.getDefaultInstance()).build());
    call.halfClose();
  }

  /** Asks for more responses, up to the most that may be on their way. */
  void askForMore() {
    if (!over && askedFor <= RESPONSES_ASKED_FOR / 2) {
      int more = RESPONSES_ASKED_FOR - askedFor;
      askedFor += more;
      call.request(more);
    }
  }

  /** True while responses are wanted; the broker's silence says nothing otherwise. */
  boolean isReading() {
    return askedFor > 0;
  }

  void cancel(String reason) {
    if (!over) {
      over = true;
      call.cancel(reason, null);
    }
  }

  private void take(ConsumeResponse response) {
    if (!over) {
      askedFor--;
      events.response(this, response);
    }
  }

  private void end(Status status, Throwable failure) {
    if (!over) {
      over = true;
      events.ended(this, status, failure);
    }
  }
}
