package io.keelmq.client.doctor;

import io.keelmq.client.ClusterStatus.GroupState;
import io.keelmq.client.ClusterStatus.ReplicaState;
import io.keelmq.client.doctor.Finding.Kind;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.PeerProgress;
import io.keelmq.v1.ReplicaPlan;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Whether the replicas of a group are there, led by one, up to date and equal. Stateless. */
final class GroupExamination {

  /** Under load a follower is some hundred entries behind; this is some seconds. */
  static final long MAX_LAG_ENTRIES = 10_000;

  private final GroupState group;
  private final String name;
  private final List<ReplicaStatus> told;
  private final List<Finding> findings = new ArrayList<>();

  private GroupExamination(GroupState group) {
    this.group = group;
    this.name = group.route().getBrokerGroup();
    this.told = group.replicas().stream().flatMap(replica -> replica.status().stream()).toList();
  }

  static List<Finding> of(Sight sight) {
    return sight.status().groups().stream()
        .flatMap(group -> new GroupExamination(group).findings().stream())
        .toList();
  }

  private List<Finding> findings() {
    boolean initialized =
        group.replicas().stream()
            .anyMatch(replica -> replica.route().getRole() != ReplicaRole.UNINITIALIZED);
    if (!initialized) {
      findings.add(
          Finding.warning(
              Kind.NOT_INITIALIZED,
              name,
              "its replicas are empty and wait",
              "make the group: keelmq cluster init --group " + name));
      return findings;
    }
    clusters();
    leaders();
    members();
    group.replicas().forEach(this::replica);
    lags();
    findings.addAll(new RowExamination(name, voters(), told).findings());
    return findings;
  }

  private void clusters() {
    Set<String> ids = new TreeSet<>();
    told.forEach(status -> ids.add(status.getClusterId()));
    ids.remove("");
    if (ids.size() > 1) {
      findings.add(
          Finding.critical(
              Kind.CLUSTERS_DIFFER,
              name,
              "its replicas belong to different clusters: " + ids,
              "give the brokers of each cluster name servers of their own, or groups with different names"));
    }
  }

  private void leaders() {
    Map<Long, Set<String>> byTerm = new TreeMap<>();
    for (ReplicaStatus status : told) {
      if (status.getRole() == ReplicaRole.LEADER) {
        byTerm.computeIfAbsent(status.getTerm(), term -> new TreeSet<>()).add(status.getNode());
      }
    }
    Set<String> leaders = new TreeSet<>();
    byTerm.values().forEach(leaders::addAll);
    if (leaders.isEmpty()) {
      findings.add(
          Finding.critical(
              Kind.NO_LEADER,
              name,
              "nobody leads it, so nothing can be sent: %d of %d known replicas answer"
                  .formatted(told.size(), Math.max(voters().size(), group.replicas().size())),
              "start the brokers that do not run until a majority does; the logs of those that run tell whom they miss"));
    } else if (leaders.size() > 1) {
      findings.add(
          Finding.warning(
              Kind.SEVERAL_LEADERS,
              name,
              "more than one replica says that it leads, by term: " + byTerm,
              "see that the replicas reach each other's raft addresses; one that is cut off stores nothing and steps down"));
    }
  }

  private Set<String> voters() {
    if (!group.members().isEmpty()) {
      return group.members().stream()
          .filter(member -> member.getIncarnation() != 0)
          .map(GroupReplica::getNode)
          .collect(Collectors.toCollection(TreeSet::new));
    }
    return told.stream()
        .flatMap(status -> status.getPlan().getMembersList().stream())
        .map(ReplicaPlan.Member::getNode)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private void members() {
    Set<String> voters = voters();
    Set<String> known =
        group.replicas().stream()
            .map(replica -> replica.route().getNode())
            .collect(Collectors.toCollection(TreeSet::new));
    voters.stream()
        .filter(node -> !known.contains(node))
        .forEach(
            node ->
                findings.add(
                    Finding.warning(
                        Kind.MEMBER_MISSING,
                        node,
                        "votes in group " + name + " and reports to no name server" + margin(),
                        "start its broker; if its machine is gone for good: keelmq cluster remove "
                            + node)));
    for (GroupReplica member : group.members()) {
      if (member.getStage() != MemberStage.VOTER) {
        findings.add(
            Finding.note(
                Kind.MEMBER_CHANGES,
                member.getNode(),
                "is no full member (yet): " + member.getStage().name().toLowerCase(Locale.ROOT),
                member.getStaysLearner()
                    ? "nothing, or let it vote: keelmq cluster promote " + member.getNode()
                    : member.getStage() == MemberStage.ANNOUNCED
                        ? "start its broker with an empty data folder"
                        : "nothing: it goes on by itself"));
      }
    }
  }

  /** How many more may go. */
  private String margin() {
    int voters = voters().size();
    long answering = told.stream().filter(s -> voters().contains(s.getNode())).count();
    long spare = answering - (voters / 2 + 1);
    return spare > 0
        ? "; %d more may go".formatted(spare)
        : spare == 0 ? "; with one more away nothing can be sent" : "";
  }

  private void replica(ReplicaState replica) {
    String node = replica.route().getNode();
    if (replica.status().isEmpty()) {
      findings.add(
          Finding.warning(
              Kind.REPLICA_SILENT,
              node,
              "does not answer: " + replica.problem() + margin(),
              "see that it runs and what its log says; start it again if it hangs"));
      return;
    }
    ReplicaStatus status = replica.status().get();
    if (status.getRole() == ReplicaRole.UNINITIALIZED) {
      findings.add(
          Finding.warning(
              Kind.REPLICA_NOT_READY,
              node,
              "its data folder is empty and it is in no group: " + status.getReason(),
              "let it in: keelmq cluster add %s --raft %s --client %s"
                  .formatted(
                      node, replica.route().getRaftAddress(), replica.route().getClientAddress())));
    } else if (!status.getReady()) {
      findings.add(
          Finding.warning(
              Kind.REPLICA_NOT_READY,
              node,
              "serves nobody: " + status.getReason(),
              "see its log; without a leader start the brokers that do not run"));
    }
    if (status.getSnapshotInstalling()) {
      findings.add(
          Finding.note(
              Kind.SNAPSHOT_COMES,
              node,
              "is being brought up to date by a snapshot",
              "nothing: it goes on by itself"));
    }
    for (PeerProgress peer : status.getPeersList()) {
      if (!peer.getAlive()) {
        findings.add(
            Finding.warning(
                Kind.PEER_SILENT,
                node,
                "leads, and does not hear of its peer " + peer.getPeerId(),
                "see that this peer runs and that its raft address can be reached from " + node));
      }
    }
  }

  private void lags() {
    long committed = told.stream().mapToLong(ReplicaStatus::getCommittedIndex).max().orElse(0);
    for (ReplicaStatus status : told) {
      long lag = committed - status.getAppliedIndex();
      if (lag > MAX_LAG_ENTRIES && !status.getSnapshotInstalling()) {
        findings.add(
            Finding.warning(
                Kind.REPLICA_LAGS,
                status.getNode(),
                "has applied %d of %d log entries, %d behind"
                    .formatted(status.getAppliedIndex(), committed, lag),
                "wait, if it comes nearer; else see its disk and processors, and the network to its raft address"));
      }
    }
  }
}
