package io.keelmq.broker.rocketmq;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.api.LeaderForwarder;
import io.keelmq.broker.api.Refusal;
import io.keelmq.common.StatusDetails;
import io.keelmq.rocketmq.v2.Status;
import io.keelmq.v1.ErrorDetail;
import java.util.function.Function;

/**
 * The caller of a unary call. SDKs want to read in the response what went wrong; another replica,
 * which passed the call on, wants to know it as of all its calls. Thread-safe as the caller is.
 */
final class Answering<R> implements StreamObserver<R> {

  private final StreamObserver<R> caller;
  private final Function<Status, R> failed;
  private final boolean forwarded = LeaderForwarder.isForwarded();

  /**
   * @param failed the response that says why there is no other
   */
  Answering(StreamObserver<R> caller, Function<Status, R> failed) {
    this.caller = caller;
    this.failed = failed;
  }

  @Override
  public void onNext(R response) {
    caller.onNext(response);
  }

  @Override
  public void onError(Throwable failure) {
    if (forwarded) {
      caller.onError(failure);
    } else {
      answer(failed.apply(status(failure)));
    }
  }

  static Status status(Throwable failure) {
    ErrorDetail detail = StatusDetails.fromThrowable(failure);
    return Statuses.of(new Refusal(detail.getCode(), detail.getMessage()));
  }

  @Override
  public void onCompleted() {
    caller.onCompleted();
  }

  void refuse(Status why) {
    answer(failed.apply(why));
  }

  void answer(R response) {
    caller.onNext(response);
    caller.onCompleted();
  }
}
