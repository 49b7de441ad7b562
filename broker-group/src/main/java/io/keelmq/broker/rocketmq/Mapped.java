package io.keelmq.broker.rocketmq;

import io.grpc.stub.StreamObserver;
import java.util.function.Function;

/** Hands on what comes as something else. */
final class Mapped<Q, R> implements StreamObserver<Q> {

  private final Answering<R> to;
  private final Function<Q, R> map;

  private Mapped(Answering<R> to, Function<Q, R> map) {
    this.to = to;
    this.map = map;
  }

  static <Q, R> StreamObserver<Q> to(Answering<R> to, Function<Q, R> map) {
    return new Mapped<>(to, map);
  }

  @Override
  public void onNext(Q value) {
    to.onNext(map.apply(value));
  }

  @Override
  public void onError(Throwable failure) {
    to.onError(failure);
  }

  @Override
  public void onCompleted() {
    to.onCompleted();
  }
}
