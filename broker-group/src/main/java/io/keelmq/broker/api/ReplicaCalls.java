package io.keelmq.broker.api;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.state.Features;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.StateView;
import io.keelmq.v1.Code;
import io.keelmq.v1.PeerProgress;
import io.keelmq.v1.ReplicaPlan;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.StateDigest;
import io.keelmq.v1.TakeSnapshotResponse;
import io.keelmq.v1.TransferLeadershipResponse;
import java.util.concurrent.CompletionException;

/** What concerns the replica that is called and nobody else. Stateless but for its ports. */
final class ReplicaCalls {

  private final ReplicaIdentity identity;
  private final Replica replica;
  private final ReplicaControl control;

  ReplicaCalls(ReplicaIdentity identity, Replica replica, ReplicaControl control) {
    this.identity = identity;
    this.replica = replica;
    this.control = control;
  }

  ReplicaStatus status() {
    Leadership leadership = replica.leadership();
    ReplicaControl.Status status = control.status();
    var answer =
        ReplicaStatus.newBuilder()
            .setBrokerGroup(identity.brokerGroup())
            .setNode(identity.node())
            .setRole(ReplicaRoles.of(leadership.role()))
            .setTerm(leadership.term())
            .setLeaderNode(leadership.leaderNode().orElse(""))
            .setPeerId(status.peerId())
            .setClientAddress(identity.clientAddress())
            .setRaftAddress(identity.raftAddress())
            .setOpsAddress(identity.opsAddress())
            .setReady(status.ready())
            .setReason(status.reason())
            .setSoftwareVersion(identity.softwareVersion())
            .setBootId(identity.bootId())
            .setCommittedIndex(status.committedIndex())
            .setAppliedIndex(status.appliedIndex())
            .setLogFirstIndex(status.logFirstIndex())
            .setLogLastIndex(status.logLastIndex())
            .setLogDurableIndex(status.logDurableIndex());
    ReplicaControl.SnapshotStatus snapshot = control.snapshotStatus();
    answer
        .setSnapshotIndex(snapshot.index())
        .setSnapshotBytes(snapshot.bytes())
        .setSnapshotInstalling(snapshot.installing())
        .setSnapshotSending(snapshot.sending())
        .setInheritedUpTo(snapshot.inheritedUpTo());
    answer
        .setFeatureLevelLeast(status.levels().least())
        .setFeatureLevelMost(status.levels().most())
        .setFeatureLevelNewest(LevelRange.NEWEST);
    for (ReplicaControl.Peer peer : status.peers()) {
      answer.addPeers(
          PeerProgress.newBuilder()
              .setPeerId(peer.peerId())
              .setNextIndex(peer.nextIndex())
              .setAlive(peer.alive()));
    }
    status.plan().ifPresent(plan -> answer.setPlan(plan(plan)).setClusterId(plan.clusterId()));
    if (leadership.role() != Leadership.Role.UNINITIALIZED) {
      describeState(answer);
    }
    return answer.build();
  }

  private void describeState(ReplicaStatus.Builder answer) {
    StateView state = replica.state();
    var applied = state.applied();
    // Index and digest belong together, so both come from the same row.
    answer
        .setAppliedIndex(applied.index())
        .setLogTimeMillis(applied.timeMillis())
        .setDigest(hex(applied.digest()));
    Features features = state.features();
    answer
        .setFeatureLevel(features.level())
        .setFeatureLevelRaisedBy(features.raisedBy())
        .setFeatureLevelRaisedAt(features.raisedAt());
    for (StateView.DigestAt digest : state.digests()) {
      answer.addDigests(
          StateDigest.newBuilder().setIndex(digest.index()).setDigest(hex(digest.digest())));
    }
  }

  private static String hex(long digest) {
    return String.format("%016x", digest);
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
