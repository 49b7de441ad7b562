package io.keelmq.broker.api;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.state.Features;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.StateView;
import io.keelmq.v1.PeerProgress;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.StateDigest;
import java.util.function.Supplier;

/** What a replica tells of itself. Thread-safe, stateless but for its ports. */
public final class OwnStatus implements Supplier<ReplicaStatus> {

  private final ReplicaIdentity identity;
  private final Replica replica;
  private final ReplicaControl control;

  public OwnStatus(ReplicaIdentity identity, Replica replica, ReplicaControl control) {
    this.identity = identity;
    this.replica = replica;
    this.control = control;
  }

  @Override
  public ReplicaStatus get() {
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
        .setSnapshotSending(snapshot.sending());
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
    status
        .plan()
        .ifPresent(plan -> answer.setPlan(ReplicaCalls.plan(plan)).setClusterId(plan.clusterId()));
    if (leadership.role() != Leadership.Role.UNINITIALIZED) {
      describeState(answer);
    }
    // Last: of rows that are replaced meanwhile it says that nobody may rely on them.
    answer.setInheritedUpTo(control.rowEvidence().inheritedUpTo());
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
    for (StateView.DigestAt sum : control.rowEvidence().sums()) {
      answer.addRowSums(
          StateDigest.newBuilder().setIndex(sum.index()).setDigest(hex(sum.digest())));
    }
  }

  private static String hex(long digest) {
    return String.format("%016x", digest);
  }
}
