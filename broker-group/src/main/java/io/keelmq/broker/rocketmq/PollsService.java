package io.keelmq.broker.rocketmq;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.api.Refusal;
import io.keelmq.v1.Code;
import io.keelmq.v1.PollsGrpc;
import io.keelmq.v1.ReportReachedRequest;
import io.keelmq.v1.ReportReachedResponse;

/** {@code keelmq.v1.Polls}: what other replicas say of polls that they passed on. Thread-safe. */
final class PollsService extends PollsGrpc.PollsImplBase {

  private final Served served;

  PollsService(Served served) {
    this.served = served;
  }

  @Override
  public void reportReached(
      ReportReachedRequest request, StreamObserver<ReportReachedResponse> caller) {
    if (request.getReceiptHandlesCount() > ReachedPolls.MAX_HANDLES_PER_CALL) {
      caller.onError(
          served
              .edge()
              .refuse(
                  new Refusal(
                      Code.INVALID_ARGUMENT,
                      "%d receipt_handles: expected at most %d"
                          .formatted(
                              request.getReceiptHandlesCount(),
                              ReachedPolls.MAX_HANDLES_PER_CALL))));
      return;
    }
    if (!served.leases().isReady()) {
      caller.onError(
          served
              .edge()
              .refuse(Refusal.noLeader("this replica does not know what was leased before")));
      return;
    }
    long doubted =
        request.getReceiptHandlesList().stream()
            .flatMap(handle -> ReceiptHandle.parse(handle).stream())
            .filter(served.leases()::reached)
            .count();
    served.edge().stats().countReachedLeases(doubted);
    caller.onNext(ReportReachedResponse.getDefaultInstance());
    caller.onCompleted();
  }
}
