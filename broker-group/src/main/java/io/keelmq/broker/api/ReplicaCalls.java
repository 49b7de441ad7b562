package io.keelmq.broker.api;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.DivergedStateException;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.v1.Code;
import io.keelmq.v1.ReplicaPlan;
import io.keelmq.v1.TakeSnapshotResponse;
import io.keelmq.v1.TransferLeadershipResponse;
import java.util.concurrent.CompletionException;

/** What is asked of the replica that is called and of nobody else. Stateless but for its ports. */
final class ReplicaCalls {

  private final Replica replica;
  private final ReplicaControl control;

  ReplicaCalls(Replica replica, ReplicaControl control) {
    this.replica = replica;
    this.control = control;
  }

  void prepare(ReplicaPlan plan) throws ReplicaControl.Refused {
    control.prepare(
        new ReplicaControl.Plan(
            plan.getClusterId(),
            plan.getBrokerGroup(),
            plan.getMembersList().stream()
                .map(
                    member ->
                        new ReplicaControl.Member(
                            member.getNode(),
                            member.getRaftAddress(),
                            member.getIncarnation(),
                            member.getClientAddress()))
                .toList()));
  }

  void start(String clusterId) throws ReplicaControl.Refused {
    control.start(clusterId);
  }

  /**
   * @param peerId the incarnation that is to be rebuilt
   * @param source the node that has to lead then
   */
  void rebuild(String peerId, String source) throws ReplicaControl.Refused {
    ReplicaControl.Status status = control.status();
    if (!status.started()) {
      throw new ReplicaControl.Refused(
          ReplicaControl.Refused.Reason.NOT_INITIALIZED, "this replica is not running");
    }
    if (!status.peerId().equals(peerId)) {
      throw new ReplicaControl.Refused(
          ReplicaControl.Refused.Reason.PRECONDITION,
          "this replica is %s, not %s: see whether it was rebuilt already"
              .formatted(status.peerId(), peerId));
    }
    int voters = status.plan().map(plan -> plan.voters(replica.state().members()).size()).orElse(0);
    if (voters < 3) {
      throw new ReplicaControl.Refused(
          ReplicaControl.Refused.Reason.PRECONDITION,
          "its group has %d voters and cannot do without one: expected 3 or more"
              .formatted(voters));
    }
    if (source.isEmpty()) {
      throw new ReplicaControl.Refused(
          ReplicaControl.Refused.Reason.INVALID, "no source: name the node whose rows are right");
    }
    control.leave(DivergedStateException.byOperator(source));
  }

  static ReplicaPlan plan(ReplicaControl.Plan plan) {
    var answer =
        ReplicaPlan.newBuilder().setClusterId(plan.clusterId()).setBrokerGroup(plan.brokerGroup());
    for (ReplicaControl.Member member : plan.members()) {
      answer.addMembers(
          ReplicaPlan.Member.newBuilder()
              .setNode(member.node())
              .setRaftAddress(member.raftAddress())
              .setIncarnation(member.incarnation())
              .setClientAddress(member.clientAddress()));
    }
    return answer.build();
  }

  /** Answers when the snapshot is published, or why it is not; holds no thread meanwhile. */
  void takeSnapshot(Edge edge, StreamObserver<TakeSnapshotResponse> caller) {
    control
        .snapshotNow()
        .whenComplete(
            (taken, failure) ->
                edge.call(
                    () -> {
                      if (failure != null) {
                        caller.onError(edge.refuse(refusal(failure)));
                        return;
                      }
                      caller.onNext(
                          TakeSnapshotResponse.newBuilder()
                              .setIndex(taken.index())
                              .setBytes(taken.bytes())
                              .setMillis(taken.millis())
                              .build());
                      caller.onCompleted();
                    },
                    why -> caller.onError(edge.refuse(why))));
  }

  /** What a future of the replica's failed with. */
  static Refusal refusal(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof ReplicaControl.Refused refused
        ? refusal(refused)
        : Refusal.internal(cause);
  }

  /** How handing leadership over ended. */
  static HeldCall.Answer<TransferLeadershipResponse> transferred(
      Leadership now, Throwable failure) {
    if (failure == null) {
      return new HeldCall.Answer.Final<>(
          TransferLeadershipResponse.newBuilder()
              .setLeaderNode(now.leaderNode().orElse(""))
              .setTerm(now.term())
              .build());
    }
    return new HeldCall.Answer.Refused<>(refusal(failure));
  }

  static Refusal refusal(ReplicaControl.Refused refused) {
    Code code =
        switch (refused.reason()) {
          case ALREADY_INITIALIZED -> Code.ALREADY_INITIALIZED;
          case NOT_INITIALIZED -> Code.NOT_INITIALIZED;
          case IDENTITY_MISMATCH -> Code.IDENTITY_MISMATCH;
          case INVALID -> Code.INVALID_ARGUMENT;
          case PRECONDITION -> Code.PRECONDITION_FAILED;
          case NOT_LEADER -> Code.NO_LEADER;
        };
    return new Refusal(code, String.valueOf(refused.getMessage()));
  }
}
