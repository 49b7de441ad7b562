package io.keelmq.broker.api;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.state.Command.HeardCheck;
import io.keelmq.broker.state.Feature;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.Limits;
import io.keelmq.v1.ChecksGrpc;
import io.keelmq.v1.Code;
import io.keelmq.v1.ReportHeardRequest;
import io.keelmq.v1.ReportHeardResponse;
import java.util.ArrayList;

/** {@code keelmq.v1.Checks}: what other replicas' producers have heard. Thread-safe. */
final class ChecksService extends ChecksGrpc.ChecksImplBase {

  private final Edge edge;
  private final HeardChecks heard;

  ChecksService(Edge edge, HeardChecks heard) {
    this.edge = edge;
    this.heard = heard;
  }

  @Override
  public void reportHeard(ReportHeardRequest request, StreamObserver<ReportHeardResponse> caller) {
    if (request.getChecksCount() > Limits.MAX_HEARD_CHECKS) {
      refuse(
          caller,
          Code.INVALID_ARGUMENT,
          "%d checks: expected at most %d"
              .formatted(request.getChecksCount(), Limits.MAX_HEARD_CHECKS));
      return;
    }
    if (!edge.replica().leadership().isLeader()) {
      caller.onError(edge.refuse(Refusal.noLeader("this replica does not lead")));
      return;
    }
    if (!edge.replica().state().features().allows(Feature.HEARD_CHECKS)) {
      refuse(caller, Code.INVALID_ARGUMENT, "this group counts every check");
      return;
    }
    var checks = new ArrayList<HeardCheck>(request.getChecksCount());
    for (ReportHeardRequest.HeardCheck told : request.getChecksList()) {
      HeldId.parse(told.getHeldId())
          .ifPresent(held -> checks.add(new HeardCheck(told.getTopicId(), held, told.getCheck())));
    }
    if (!checks.isEmpty()) {
      heard.propose(checks);
    }
    caller.onNext(ReportHeardResponse.getDefaultInstance());
    caller.onCompleted();
  }

  private void refuse(StreamObserver<ReportHeardResponse> caller, Code code, String message) {
    caller.onError(edge.refuse(new Refusal(code, message)));
  }
}
