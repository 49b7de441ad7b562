package io.keelmq.broker.rocketmq;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.ReceiveMessageRequest;
import io.keelmq.rocketmq.v2.ReceiveMessageResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A poll at another replica, which leads. What comes is kept until all of it is there: a poll that
 * breaks half-way is repeated as a whole under the same attempt id, and the client sees nothing of
 * it.
 */
final class RemotePoll implements StreamObserver<ReceiveMessageResponse> {

  /** Told once how the poll ended, on any thread. */
  interface Events {

    void answered(RemotePoll from, List<ReceiveMessageResponse> frames);

    void failed(RemotePoll from, Throwable failure);
  }

  /** Beyond the end of the poll, for a leader that is slow. */
  private static final long GRACE_MILLIS = 1_000;

  private final Events events;
  private final List<ReceiveMessageResponse> frames = new ArrayList<>();
  private final ClientCall<ReceiveMessageRequest, ReceiveMessageResponse> call;

  RemotePoll(Channel leader, long waitMillis, Events events) {
    this.events = events;
    this.call =
        leader.newCall(
            MessagingServiceGrpc.getReceiveMessageMethod(),
            CallOptions.DEFAULT.withDeadlineAfter(
                waitMillis + GRACE_MILLIS, TimeUnit.MILLISECONDS));
  }

  void start(ReceiveMessageRequest request) {
    ClientCalls.asyncServerStreamingCall(call, request, this);
  }

  /** The leader gives back what it has leased for it. */
  void cancel() {
    call.cancel("the poll is over", null);
  }

  @Override
  public void onNext(ReceiveMessageResponse frame) {
    frames.add(frame);
  }

  @Override
  public void onError(Throwable failure) {
    events.failed(this, failure);
  }

  @Override
  public void onCompleted() {
    events.answered(this, frames);
  }
}
