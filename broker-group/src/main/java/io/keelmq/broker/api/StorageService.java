package io.keelmq.broker.api;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.ReplicaControl.DiskTrouble;
import io.keelmq.v1.ReportLowDiskRequest;
import io.keelmq.v1.ReportLowDiskResponse;
import io.keelmq.v1.ReportNotStandingRequest;
import io.keelmq.v1.ReportNotStandingResponse;
import io.keelmq.v1.StorageGrpc;

/** {@code keelmq.v1.Storage}: what other replicas say of their disks. Thread-safe. */
final class StorageService extends StorageGrpc.StorageImplBase {

  private final ReplicaControl control;

  StorageService(ReplicaControl control) {
    this.control = control;
  }

  @Override
  public void reportLowDisk(
      ReportLowDiskRequest request, StreamObserver<ReportLowDiskResponse> caller) {
    control.heard(request.getNode(), DiskTrouble.LOW);
    caller.onNext(ReportLowDiskResponse.getDefaultInstance());
    caller.onCompleted();
  }

  @Override
  public void reportNotStanding(
      ReportNotStandingRequest request, StreamObserver<ReportNotStandingResponse> caller) {
    control.heard(
        request.getNode(),
        request.getOnProbation() ? DiskTrouble.ON_PROBATION : DiskTrouble.NOT_STANDING);
    caller.onNext(ReportNotStandingResponse.getDefaultInstance());
    caller.onCompleted();
  }
}
