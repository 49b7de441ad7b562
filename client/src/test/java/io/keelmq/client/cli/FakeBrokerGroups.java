package io.keelmq.client.cli;

import io.keelmq.client.ClusterStatus;
import io.keelmq.client.InitResult;
import io.keelmq.client.Rebuilding;
import io.keelmq.client.Replacement;
import io.keelmq.common.BackupManifest;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.ReplicaPlan;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.TransferLeadershipResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The broker groups of a {@link FakeCluster}; members are changed at once. For one thread. */
final class FakeBrokerGroups implements Cluster.BrokerGroups {

  final Map<String, GroupReplica> members = new TreeMap<>();
  ReplicaRole role = ReplicaRole.LEADER;
  String leader = "n1";

  /** Whether n2 says something of itself. */
  boolean secondAnswers;

  private final Runnable failIfTold;

  FakeBrokerGroups(Runnable failIfTold) {
    this.failIfTold = failIfTold;
  }

  @Override
  public InitResult init(String group, int replicas, Duration timeout) {
    failIfTold.run();
    var member =
        ReplicaPlan.Member.newBuilder()
            .setNode("n1")
            .setRaftAddress("127.0.0.1:10911")
            .setIncarnation(1_000_000_001);
    return new InitResult(
        ReplicaPlan.newBuilder()
            .setClusterId("c1")
            .setBrokerGroup(group)
            .addMembers(member)
            .build(),
        false,
        false);
  }

  @Override
  public ClusterStatus status() {
    failIfTold.run();
    var replica =
        ReplicaRoute.newBuilder()
            .setNode("n1")
            .setRole(role)
            .setClientAddress("127.0.0.1:8081")
            .setRaftAddress("127.0.0.1:10911")
            .build();
    var status = ReplicaStatus.newBuilder().setNode("n1").setRole(role).setReady(true).build();
    return new ClusterStatus(
        List.of(
            new ClusterStatus.NameServerState("127.0.0.1:9876", true, false, "", Optional.empty())),
        List.of(
            new ClusterStatus.GroupState(
                BrokerGroupRoute.newBuilder().setBrokerGroup("g0").setLeaderNode(leader).build(),
                List.of(
                    new ClusterStatus.ReplicaState(replica, Optional.of(status), ""),
                    new ClusterStatus.ReplicaState(
                        replica.toBuilder().setNode("n2").build(),
                        secondAnswers
                            ? Optional.of(
                                status.toBuilder()
                                    .setNode("n2")
                                    .setRole(ReplicaRole.FOLLOWER)
                                    .build())
                            : Optional.empty(),
                        secondAnswers ? "" : "connection refused")),
                List.copyOf(members.values()))));
  }

  @Override
  public BackupManifest backup(String clientAddress, Path folder, Duration limit)
      throws IOException {
    failIfTold.run();
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("about"), "of " + clientAddress);
    var about =
        new BackupManifest.Entry(
            "about",
            Files.size(folder.resolve("about")),
            BackupManifest.checksumOf(folder.resolve("about")),
            Optional.empty());
    var manifest = new BackupManifest("c1", "g0", "n1", "1.0", 17, 3, 1_000, List.of(about));
    manifest.write(folder);
    return manifest;
  }

  @Override
  public TransferLeadershipResponse transfer(String group, String node) {
    failIfTold.run();
    return TransferLeadershipResponse.newBuilder().setLeaderNode(node).setTerm(4).build();
  }

  @Override
  public void add(
      String group, String node, String raftAddress, String clientAddress, boolean asLearner) {
    failIfTold.run();
    members.put(
        node,
        GroupReplica.newBuilder()
            .setNode(node)
            .setStage(MemberStage.ANNOUNCED)
            .setRaftAddress(raftAddress)
            .setClientAddress(clientAddress)
            .setStaysLearner(asLearner)
            .build());
  }

  @Override
  public void remove(String group, String node, boolean force) {
    failIfTold.run();
    members.remove(node);
  }

  @Override
  public void promote(String group, String node) {
    failIfTold.run();
    members.computeIfPresent(
        node,
        (name, member) ->
            member.toBuilder()
                .setStage(MemberStage.VOTER)
                .setIncarnation(1_000_000_004)
                .setStaysLearner(false)
                .build());
  }

  @Override
  public List<GroupReplica> members(String group) {
    return List.copyOf(members.values());
  }

  @Override
  public Rebuilding.Group rebuilding(String group) {
    return new Rebuilding.Group() {
      private boolean rebuilt;

      @Override
      public List<GroupReplica> members() {
        return Stream.of("n1", "n2", "n3")
            .map(
                node ->
                    GroupReplica.newBuilder()
                        .setNode(node)
                        .setStage(MemberStage.VOTER)
                        .setIncarnation(rebuilt && node.equals("n2") ? 2 : 1)
                        .setClientAddress(node)
                        .build())
            .toList();
      }

      @Override
      public Optional<ReplicaStatus> statusAt(String clientAddress) {
        return Optional.of(
            ReplicaStatus.newBuilder()
                .setNode(clientAddress)
                .setReady(true)
                .setRole(clientAddress.equals("n1") ? ReplicaRole.LEADER : ReplicaRole.FOLLOWER)
                .setPeerId("h:1:" + (rebuilt && clientAddress.equals("n2") ? 2 : 1))
                .build());
      }

      @Override
      public void lead(String node) {
        throw new IllegalStateException(node + " leads");
      }

      @Override
      public void rebuild(String clientAddress, String peerId, String source) {
        rebuilt = true;
      }
    };
  }

  @Override
  public Replacement.Group replacing(String group) {
    return new Replacement.Group() {
      @Override
      public List<GroupReplica> members() {
        return FakeBrokerGroups.this.members(group);
      }

      @Override
      public void add(String node, String raftAddress, String clientAddress) {
        FakeBrokerGroups.this.add(group, node, raftAddress, clientAddress, true);
      }

      @Override
      public void promote(String node) {
        FakeBrokerGroups.this.promote(group, node);
      }

      @Override
      public void remove(String node) {
        FakeBrokerGroups.this.remove(group, node, false);
      }

      @Override
      public Optional<ReplicaStatus> statusAt(String clientAddress) {
        return Optional.empty();
      }
    };
  }
}
