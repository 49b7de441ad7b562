package io.keelmq.broker.rocketmq;

import io.grpc.stub.StreamObserver;

/** Takes what comes and forgets it. */
final class Discarded<R> implements StreamObserver<R> {

  @Override
  public void onNext(R response) {}

  @Override
  public void onError(Throwable failure) {}

  @Override
  public void onCompleted() {}
}
