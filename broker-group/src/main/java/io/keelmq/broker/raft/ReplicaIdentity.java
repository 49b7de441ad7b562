package io.keelmq.broker.raft;

import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.entity.PeerId;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.state.Limits;
import io.keelmq.common.HostPort;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Who a replica is: its plan, its place in it, and how far it has come. Immutable.
 *
 * <p>JRaft's own files hold no identity, and a replica that lost its log but votes under its old
 * name can take acknowledged entries from the group. So this is on disk before Raft starts, and the
 * incarnation in the peer id is never used by two data folders.
 */
record ReplicaIdentity(Plan plan, String node, Stage stage) {

  /** What may be in the data folder besides the identity. */
  enum Stage {
    /** Nothing; Raft has never run here. */
    PREPARED,
    /** Perhaps a log: Raft was started with the plan's members. */
    STARTED,
    /**
     * A log that has held at least one entry: the members come from it, and it must not be gone.
     */
    JOINED,
    /** Perhaps a log: the leader gave the incarnation, and all members come from its log. */
    REJOINING,
    /** As {@link #JOINED}, of a replica that was {@link #REJOINING}. */
    REJOINED,
    /** Whatever it was: the group has another incarnation in its place. */
    REPLACED,
    /** Whatever is there is being moved into the newest of the folders that are set aside. */
    EMPTYING,
    /** Nothing that counts; whoever was here may come back to the same cluster as another one. */
    EMPTIED
  }

  /** Ten digits, all of them: JRaft finds a peer's metrics by the beginning of its printed id. */
  static final int LEAST_INCARNATION = Limits.LEAST_INCARNATION;

  private static final Set<Integer> GROUP_SIZES = Set.of(1, 3, 5);
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,63}");

  /** Checks the plan of a new group. */
  static Optional<String> flawOfNew(Plan plan, String node, String group, String raftAdvertised) {
    Optional<String> flaw = flawOfGroup(plan, group);
    return flaw.isEmpty() && !GROUP_SIZES.contains(plan.members().size())
        ? Optional.of(
            "the plan has %d members, expected 1, 3 or 5".formatted(plan.members().size()))
        : flaw(plan, node, group, raftAdvertised);
  }

  /**
   * Checks a plan for this replica.
   *
   * @return what is wrong with it and what to do; empty if nothing is
   */
  static Optional<String> flaw(Plan plan, String node, String group, String raftAdvertised) {
    Optional<String> flawOfGroup = flawOfGroup(plan, group);
    if (flawOfGroup.isPresent()) {
      return flawOfGroup;
    }
    if (plan.members().size() > Limits.MAX_MEMBERS) {
      return Optional.of(
          "the plan has %d members, expected %d at most"
              .formatted(plan.members().size(), Limits.MAX_MEMBERS));
    }
    var seen = new HashSet<Object>();
    for (Member member : plan.members()) {
      Optional<String> flaw = flaw(member);
      if (flaw.isPresent()) {
        return flaw;
      }
      if (!seen.add("node " + member.node())
          || !seen.add("address " + member.raftAddress())
          || !seen.add(member.incarnation())) {
        return Optional.of(
            "member %s: node, raft address and incarnation must differ from those of the others"
                .formatted(member));
      }
    }
    return flawOfPlace(plan, node, raftAdvertised);
  }

  private static Optional<String> flawOfGroup(Plan plan, String group) {
    if (!NAME.matcher(plan.clusterId()).matches()) {
      return Optional.of(
          "cluster id \"%s\": expected %s".formatted(plan.clusterId(), NAME.pattern()));
    }
    if (!plan.brokerGroup().equals(group)) {
      return Optional.of(
          "the plan is for broker group \"%s\", this replica is configured for \"%s\": set broker.group or send the plan to a replica of its group"
              .formatted(plan.brokerGroup(), group));
    }
    return Optional.empty();
  }

  private static Optional<String> flaw(Member member) {
    if (!NAME.matcher(member.node()).matches()) {
      return Optional.of("node \"%s\": expected %s".formatted(member.node(), NAME.pattern()));
    }
    if (member.incarnation() < LEAST_INCARNATION) {
      return Optional.of(
          "incarnation %d of node %s: expected %d to %d"
              .formatted(
                  member.incarnation(), member.node(), LEAST_INCARNATION, Integer.MAX_VALUE));
    }
    try {
      int port = HostPort.parse(member.raftAddress()).port();
      HostPort.parse(member.clientAddress());
      return port > 0
          ? Optional.empty()
          : Optional.of("raft address of node %s has no port".formatted(member.node()));
    } catch (IllegalArgumentException e) {
      return Optional.of("node %s: %s".formatted(member.node(), e.getMessage()));
    }
  }

  private static Optional<String> flawOfPlace(Plan plan, String node, String raftAdvertised) {
    Optional<Member> self =
        plan.members().stream().filter(member -> member.node().equals(node)).findFirst();
    if (self.isEmpty()) {
      return Optional.of(
          "the plan does not name node \"%s\", but %s: set node, or send the plan to the right replica"
              .formatted(node, plan.members().stream().map(Member::node).toList()));
    }
    if (!self.get().raftAddress().equals(raftAdvertised)) {
      return Optional.of(
          "node %s has raft address %s in the plan and %s in its configuration: set raft.advertised to the planned address; a replica cannot move"
              .formatted(node, self.get().raftAddress(), raftAdvertised));
    }
    return Optional.empty();
  }

  /**
   * @throws Refused if it was made for another plan
   */
  void requireSame(Plan wanted) throws Refused {
    if (plan.equals(wanted) && stage != Stage.EMPTIED) {
      return;
    }
    if (stage != Stage.PREPARED) {
      throw new Refused(
          Refused.Reason.ALREADY_INITIALIZED,
          "node %s is a replica of cluster %s already".formatted(node, plan.clusterId()));
    }
    throw new Refused(
        Refused.Reason.IDENTITY_MISMATCH,
        "node %s is prepared for cluster %s with another plan: repeat with the plan in its status"
            .formatted(node, plan.clusterId()));
  }

  ReplicaIdentity at(Stage newStage) {
    return new ReplicaIdentity(plan, node, newStage);
  }

  Member self() {
    return member(node).orElseThrow();
  }

  PeerId peerId() {
    return peerId(self());
  }

  Optional<Member> member(String name) {
    return plan.members().stream().filter(member -> member.node().equals(name)).findFirst();
  }

  Optional<Member> member(PeerId peer) {
    return plan.members().stream().filter(member -> peerId(member).equals(peer)).findFirst();
  }

  static PeerId peerId(Member member) {
    var address = HostPort.parse(member.raftAddress());
    return new PeerId(address.host(), address.port(), member.incarnation());
  }

  /** Whether the log has held an entry, and so must not be gone. */
  boolean hasJoined() {
    return stage == Stage.JOINED || stage == Stage.REJOINED;
  }

  /** Whether the leader of a group that existed before has given the incarnation. */
  boolean wasGiven() {
    return stage == Stage.REJOINING || stage == Stage.REJOINED;
  }

  /** Whether Raft has never run in what is there now. */
  boolean isBeforeRaft() {
    return stage == Stage.PREPARED || stage == Stage.EMPTIED;
  }

  /**
   * What keeps the one that was set aside here from coming back in this plan; empty if nothing, or
   * if nothing was set aside.
   */
  Optional<String> flawOfReturn(Plan place) {
    if (stage != Stage.EMPTIED) {
      return Optional.empty();
    }
    if (!place.clusterId().equals(plan.clusterId())) {
      return Optional.of(
          "a place in cluster %s was given to a replica of cluster %s"
              .formatted(place.clusterId(), plan.clusterId()));
    }
    return place.members().stream()
        .filter(each -> each.node().equals(node) && each.incarnation() == self().incarnation())
        .findFirst()
        .map(
            each ->
                "the place given is that of incarnation %d, which was set aside"
                    .formatted(each.incarnation()));
  }

  /** What it is from its first entry on. */
  ReplicaIdentity joined() {
    return at(wasGiven() ? Stage.REJOINED : Stage.JOINED);
  }

  /**
   * The members that Raft starts with: those of the plan at the group's beginning and nobody later.
   * Once a log exists they come from the log, and an empty configuration keeps a replica without
   * one from electing itself.
   */
  Configuration initialConfiguration() {
    var members = new Configuration();
    if (stage == Stage.STARTED) {
      plan.members().forEach(member -> members.addPeer(peerId(member)));
    }
    return members;
  }
}
