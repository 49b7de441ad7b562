package io.keelmq.client;

import io.keelmq.v1.Code;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaStatus;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Makes a replica anew whose rows an operator holds for wrong, from the rows of another one: that
 * one leads first, since a replica comes back by its leader's snapshot and log. What the wrong one
 * held is set aside in its data folder, and only when the group goes on without it.
 *
 * <p>Ended at any point, the group goes on by itself with what has begun. For one thread.
 */
public final class Rebuilding {

  /** The group, as its leader knows it. Calls throw what the client's calls throw. */
  public interface Group {
    List<GroupReplica> members();

    /** What the replica at that address says of itself; empty if it gives no answer. */
    Optional<ReplicaStatus> statusAt(String clientAddress);

    /** Returns when that node leads. */
    void lead(String node);

    /** Tells the replica at that address to come back from its leader, unless it has done so. */
    void rebuild(String clientAddress, String peerId);
  }

  private final Group group;
  private final String wrong;
  private final String source;
  private final LongSupplier nanos;
  private final Runnable pause;
  private String stands = "nothing was changed";

  /**
   * @param wrong the node that is made anew
   * @param source the node from whose rows
   * @param nanos a monotonic clock
   * @param pause between two looks
   */
  public Rebuilding(Group group, String wrong, String source, LongSupplier nanos, Runnable pause) {
    this.group = group;
    this.wrong = wrong;
    this.source = source;
    this.nanos = nanos;
    this.pause = pause;
  }

  /**
   * Goes on until the replica votes again as a new incarnation.
   *
   * @param progress told of each step, in a few words
   * @throws RequestRejected if it cannot be done; the text says how far it is
   * @throws Unavailable if it is not done in time; the text says where it stands
   */
  public void run(Duration limit, Consumer<String> progress) {
    long deadlineNanos = nanos.getAsLong() + limit.toNanos();
    String peerId = requireReady();
    while (true) {
      String trouble = "";
      try {
        String before = stands;
        boolean done = step(peerId);
        if (!stands.equals(before)) {
          progress.accept(stands);
        }
        if (done) {
          return;
        }
      } catch (Unavailable | OutcomeUnknown | Overloaded e) {
        // The next look shows whether it was done all the same.
        trouble = " (" + e.getMessage() + ")";
      } catch (RequestRejected e) {
        throw new RequestRejected(e.code(), e.getMessage() + "; so far: " + stands, e);
      }
      if (nanos.getAsLong() - deadlineNanos >= 0) {
        throw new Unavailable(
            Code.OUTCOME_UNKNOWN,
            "%s is not rebuilt after %d s: %s%s; what has begun goes on by itself"
                .formatted(wrong, limit.toSeconds(), stands, trouble));
      }
      pause.run();
    }
  }

  /** The incarnation that is to go. */
  private String requireReady() {
    if (wrong.equals(source)) {
      throw refused("%s cannot be rebuilt from its own rows".formatted(wrong));
    }
    List<GroupReplica> members = group.members();
    requireVoter(members, source);
    GroupReplica member = requireVoter(members, wrong);
    return status(member)
        .map(ReplicaStatus::getPeerId)
        .orElseThrow(
            () ->
                refused(
                    "%s does not answer: start its broker, or empty its data folder and start it then"
                        .formatted(wrong)));
  }

  private static GroupReplica requireVoter(List<GroupReplica> members, String node) {
    return find(members, node)
        .filter(member -> member.getStage() == MemberStage.VOTER)
        .orElseThrow(
            () ->
                refused(
                    "%s is no voter of the group: its members are %s"
                        .formatted(node, members.stream().map(GroupReplica::getNode).toList())));
  }

  private boolean step(String peerId) {
    List<GroupReplica> members = group.members();
    GroupReplica right = requireVoter(members, source);
    if (status(right).filter(says -> says.getRole() == ReplicaRole.LEADER).isEmpty()) {
      stands = "letting %s lead".formatted(source);
      group.lead(source);
      return false;
    }
    Optional<GroupReplica> member = find(members, wrong);
    Optional<ReplicaStatus> says = member.flatMap(this::status);
    if (says.filter(status -> status.getPeerId().equals(peerId)).isPresent()) {
      stands = "%s sets its data aside".formatted(wrong);
      group.rebuild(member.orElseThrow().getClientAddress(), peerId);
      return false;
    }
    if (member.filter(now -> isBack(now, says)).isPresent()) {
      stands = "%s votes again, with the rows of %s".formatted(wrong, source);
      return true;
    }
    stands = "%s comes back from %s".formatted(wrong, source);
    return false;
  }

  private static boolean isBack(GroupReplica member, Optional<ReplicaStatus> says) {
    return member.getStage() == MemberStage.VOTER
        && says.filter(
                status ->
                    status.getReady() && status.getPeerId().endsWith(":" + member.getIncarnation()))
            .isPresent();
  }

  private Optional<ReplicaStatus> status(GroupReplica member) {
    return group.statusAt(member.getClientAddress());
  }

  private static Optional<GroupReplica> find(List<GroupReplica> members, String node) {
    return members.stream().filter(member -> member.getNode().equals(node)).findFirst();
  }

  private static RequestRejected refused(String why) {
    return new RequestRejected(Code.PRECONDITION_FAILED, why);
  }
}
