package io.keelmq.broker.api;

import io.grpc.MethodDescriptor;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.Membership;
import io.keelmq.broker.state.Command;
import io.keelmq.v1.AddReplicaRequest;
import io.keelmq.v1.AddReplicaResponse;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.JoinReplicaRequest;
import io.keelmq.v1.JoinReplicaResponse;
import io.keelmq.v1.ListReplicasRequest;
import io.keelmq.v1.ListReplicasResponse;
import io.keelmq.v1.Origin;
import io.keelmq.v1.PromoteReplicaRequest;
import io.keelmq.v1.PromoteReplicaResponse;
import io.keelmq.v1.RemoveReplicaRequest;
import io.keelmq.v1.RemoveReplicaResponse;
import java.util.Optional;
import java.util.function.Supplier;

/** The part of {@code keelmq.v1.Admin} that is about a group's members. Thread-safe. */
abstract class MembershipAdmin extends AdminGrpc.AdminImplBase {

  private final MembershipCalls membershipCalls;
  private final AdminChanges changes;

  MembershipAdmin(Membership membership, AdminChanges changes) {
    this.membershipCalls = new MembershipCalls(membership);
    this.changes = changes;
  }

  /** Carries a call out at the leader, wherever that is. */
  abstract <Q, R> void change(
      StreamObserver<R> caller,
      Optional<Refusal> refusal,
      MethodDescriptor<Q, R> method,
      Q request,
      Supplier<HeldCall.AtLeader<R>> atLeader);

  @Override
  public void joinReplica(JoinReplicaRequest request, StreamObserver<JoinReplicaResponse> caller) {
    change(
        caller,
        MembershipCalls.check(request),
        AdminGrpc.getJoinReplicaMethod(),
        request,
        () -> membershipCalls.join(request));
  }

  @Override
  public void addReplica(AddReplicaRequest request, StreamObserver<AddReplicaResponse> caller) {
    Origin origin = changes.name(request.getOrigin());
    change(
        caller,
        MembershipCalls.check(request),
        AdminGrpc.getAddReplicaMethod(),
        request.toBuilder().setOrigin(origin).build(),
        () ->
            membershipCalls.change(
                origin,
                new Command.AnnounceReplica(
                    request.getNode(),
                    request.getRaftAddress(),
                    request.getClientAddress(),
                    request.getAsLearner()),
                false,
                AddReplicaResponse.getDefaultInstance()));
  }

  @Override
  public void removeReplica(
      RemoveReplicaRequest request, StreamObserver<RemoveReplicaResponse> caller) {
    Origin origin = changes.name(request.getOrigin());
    change(
        caller,
        MembershipCalls.node(request.getNode()),
        AdminGrpc.getRemoveReplicaMethod(),
        request.toBuilder().setOrigin(origin).build(),
        () ->
            membershipCalls.change(
                origin,
                new Command.RetireReplica(request.getNode()),
                request.getForce(),
                RemoveReplicaResponse.getDefaultInstance()));
  }

  @Override
  public void promoteReplica(
      PromoteReplicaRequest request, StreamObserver<PromoteReplicaResponse> caller) {
    Origin origin = changes.name(request.getOrigin());
    change(
        caller,
        MembershipCalls.node(request.getNode()),
        AdminGrpc.getPromoteReplicaMethod(),
        request.toBuilder().setOrigin(origin).build(),
        () ->
            membershipCalls.change(
                origin,
                new Command.PromoteReplica(request.getNode()),
                false,
                PromoteReplicaResponse.getDefaultInstance()));
  }

  @Override
  public void listReplicas(
      ListReplicasRequest request, StreamObserver<ListReplicasResponse> caller) {
    change(
        caller,
        Optional.empty(),
        AdminGrpc.getListReplicasMethod(),
        request,
        membershipCalls::list);
  }
}
