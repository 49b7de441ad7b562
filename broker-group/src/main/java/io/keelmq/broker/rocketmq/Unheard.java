package io.keelmq.broker.rocketmq;

import io.grpc.stub.StreamObserver;

/** Takes an answer that nobody waits for. Stateless. */
final class Unheard<R> implements StreamObserver<R> {

  @Override
  public void onNext(R response) {}

  @Override
  public void onError(Throwable failure) {}

  @Override
  public void onCompleted() {}
}
