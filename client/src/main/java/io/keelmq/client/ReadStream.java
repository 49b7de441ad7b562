package io.keelmq.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.ReadResponse;
import io.keelmq.v1.StreamsGrpc;

/**
 * One Read call to one replica, with no more responses asked for than the buffer has room for.
 * Owned by the loop; gRPC's thread only hands its events over.
 */
final class ReadStream {

  /** Responses that may be on their way at once. */
  static final int RESPONSES_ASKED_FOR = 8;

  /** What a stream reports, on the loop; nothing after {@link #cancel}. */
  interface Events {
    void response(ReadStream stream, ReadResponse response);

    void ended(ReadStream stream, Status status, Throwable failure);
  }

  private final ClientLoop loop;
  private final LeaderRouting.Target target;
  private final Events events;
  private final ClientCall<ReadRequest, ReadResponse> call;
  private boolean over;
  private int askedFor;

  ReadStream(ClientLoop loop, Channels channels, LeaderRouting.Target target, Events events) {
    this.loop = loop;
    this.target = target;
    this.events = events;
    call = channels.at(target.address()).newCall(StreamsGrpc.getReadMethod(), CallOptions.DEFAULT);
  }

  void start(ReadRequest request) {
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(ReadResponse response) {
            loop.execute(() -> take(response));
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            loop.execute(() -> end(status, status.asRuntimeException(trailers)));
          }
        },
        new Metadata());
    call.sendMessage(request);
    call.halfClose();
  }

  LeaderRouting.Target target() {
    return target;
  }

  /** Asks for more responses, up to the most that may be on their way. */
  void askForMore() {
    if (!over && askedFor <= RESPONSES_ASKED_FOR / 2) {
      int more = RESPONSES_ASKED_FOR - askedFor;
      askedFor += more;
      call.request(more);
    }
  }

  void cancel(String reason) {
    if (!over) {
      over = true;
      call.cancel(reason, null);
    }
  }

  private void take(ReadResponse response) {
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
