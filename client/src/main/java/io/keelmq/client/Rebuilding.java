package io.keelmq.client;

import io.keelmq.common.RowWitness;
import io.keelmq.common.RowWitness.Difference;
import io.keelmq.v1.Code;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaStatus;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Makes a replica anew whose rows an operator holds for wrong, from those of another one: that one
 * leads first, since a replica comes back by its leader's snapshot and log. What the wrong one held
 * is set aside in its data folder, and only when the group goes on without it, led by the right
 * one.
 *
 * <p>Ended at any point, the group goes on by itself with what has begun, for ten minutes; and it
 * can be begun again: it goes on where it stands. For one thread.
 */
public final class Rebuilding {

  /** The group, as its leader knows it. Calls throw what the client's calls throw. */
  public interface Group {
    List<GroupReplica> members();

    /** What the replica at that address says of itself; empty if it gives no answer. */
    Optional<ReplicaStatus> statusAt(String clientAddress);

    /** Returns when that node leads. */
    void lead(String node);

    /**
     * Tells the replica at that address to come back from another one, unless it has done so.
     *
     * @param source the node that has to lead then
     */
    void rebuild(String clientAddress, String peerId, String source);
  }

  private final Group group;
  private final String wrong;
  private final String source;
  private final LongSupplier nanos;
  private final Runnable pause;
  private String stands = "nothing was changed";
  private String says = "";

  /** The term in which the right one led when the wrong one was told; empty: it was not, yet. */
  private OptionalLong toldInTerm = OptionalLong.empty();

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
   * Goes on until the replica votes again as a new incarnation. Elections in between are waited
   * out; if another one led meanwhile, until the rows of the two have been compared. A replica that
   * has the right rows already is left alone.
   *
   * @param progress told of each step, in a few words
   * @throws RequestRejected if it cannot be done; the text says how far it is
   * @throws Unavailable if it is not done in time; the text says where it stands
   */
  public void run(Duration limit, Consumer<String> progress) {
    long deadlineNanos = nanos.getAsLong() + limit.toNanos();
    String former = begin();
    while (true) {
      String trouble = "";
      try {
        String before = stands;
        boolean done = step(former);
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
            "%s is not rebuilt after %d s: %s%s%s; what has begun goes on by itself for ten minutes"
                .formatted(wrong, limit.toSeconds(), stands, trouble, says));
      }
      pause.run();
    }
  }

  /**
   * @return the incarnation that is to go; empty if one is on its way back already
   */
  private String begin() {
    if (wrong.equals(source)) {
      throw refused("%s cannot be rebuilt from its own rows".formatted(wrong));
    }
    List<GroupReplica> members = group.members();
    Optional<ReplicaStatus> right = status(requireVoter(members, source));
    if (right.filter(ReplicaStatus::getReady).isEmpty()) {
      throw refused(
          "%s is not ready, so nothing can be rebuilt from it: %s"
              .formatted(source, right.map(ReplicaStatus::getReason).orElse("it does not answer")));
    }
    GroupReplica member = find(members, wrong).orElseThrow(() -> noVoter(members, wrong));
    if (member.getStage() == MemberStage.JOINING || member.getStage() == MemberStage.CATCHING_UP) {
      return "";
    }
    ReplicaStatus told =
        status(requireVoter(members, wrong))
            .orElseThrow(
                () ->
                    refused(
                        "%s does not answer: start its broker, or empty its data folder and start it then"
                            .formatted(wrong)));
    return haveSameRows(told, right.get()) ? "" : told.getPeerId();
  }

  private static GroupReplica requireVoter(List<GroupReplica> members, String node) {
    return find(members, node)
        .filter(member -> member.getStage() == MemberStage.VOTER)
        .orElseThrow(() -> noVoter(members, node));
  }

  private static RequestRejected noVoter(List<GroupReplica> members, String node) {
    return refused(
        "%s is no voter of the group: its members are %s"
            .formatted(node, members.stream().map(GroupReplica::getNode).toList()));
  }

  private boolean step(String former) {
    List<GroupReplica> members = group.members();
    Optional<ReplicaStatus> right = status(requireVoter(members, source));
    if (right.isEmpty()) {
      // It was there: one answer that is missing says nothing.
      return false;
    }
    if (right.get().getRole() != ReplicaRole.LEADER) {
      stands = "letting %s lead".formatted(source);
      lead();
      return false;
    }
    Optional<GroupReplica> member = find(members, wrong);
    Optional<ReplicaStatus> told = member.flatMap(this::status);
    says =
        told.map(ReplicaStatus::getReason)
            .filter(why -> !why.isEmpty())
            .map(this::saying)
            .orElse("");
    if (told.filter(status -> status.getPeerId().equals(former)).isPresent()) {
      stands = "%s is told to come back from %s".formatted(wrong, source);
      tell(member.orElseThrow(), former);
      toldInTerm = OptionalLong.of(right.get().getTerm());
      return false;
    }
    if (member.isEmpty() || told.isEmpty() || !isBack(member.get(), told.get())) {
      stands = "%s comes back".formatted(wrong);
      return false;
    }
    return hasRightRows(told.get(), right.get());
  }

  private String saying(String reason) {
    return "; %s says: %s".formatted(wrong, reason);
  }

  private void tell(GroupReplica member, String former) {
    try {
      group.rebuild(member.getClientAddress(), former, source);
    } catch (RequestRejected e) {
      if (e.code() != Code.INVALID_ARGUMENT) {
        throw e;
      }
      throw new RequestRejected(
          e.code(),
          "%s cannot be told, its version may be too old (%s): empty its data folder while its broker is stopped"
              .formatted(wrong, e.getMessage()),
          e);
    }
  }

  private void lead() {
    try {
      group.lead(source);
    } catch (RequestRejected e) {
      if (e.code() != Code.PRECONDITION_FAILED) {
        throw e;
      }
      // It lags, members change, or somebody else was asked to lead: that passes.
      throw new Unavailable(e.code(), e.getMessage(), e);
    }
  }

  /** A leader's rows are whose the snapshot was; of another leader, only they themselves tell. */
  private boolean hasRightRows(ReplicaStatus told, ReplicaStatus right) {
    boolean ledAllTheTime = toldInTerm.isPresent() && toldInTerm.getAsLong() == right.getTerm();
    Optional<Difference> difference = RowWitness.of(told).differenceFrom(RowWitness.of(right));
    if (difference.isPresent()) {
      throw refused(
          "%s has other rows than %s still, by the %s after entry %d; another one may have led meanwhile: run this again"
              .formatted(wrong, source, difference.get().kind().text(), difference.get().entry()));
    }
    if (ledAllTheTime || haveSameRows(told, right)) {
      stands = "%s votes, with the rows of %s".formatted(wrong, source);
      return true;
    }
    stands =
        "%s votes; its rows and those of %s are compared, about a minute behind the next message"
            .formatted(wrong, source);
    return false;
  }

  private static boolean haveSameRows(ReplicaStatus one, ReplicaStatus other) {
    RowWitness witness = RowWitness.of(one);
    return witness.differenceFrom(RowWitness.of(other)).isEmpty()
        && RowWitness.of(other).sharesRowsWith(witness).isPresent();
  }

  private static boolean isBack(GroupReplica member, ReplicaStatus status) {
    return member.getStage() == MemberStage.VOTER
        && status.getReady()
        && status.getPeerId().endsWith(":" + member.getIncarnation());
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
