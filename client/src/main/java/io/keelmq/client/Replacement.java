package io.keelmq.client;

import io.keelmq.v1.Code;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.MemberStage;
import io.keelmq.v1.ReplicaStatus;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Puts a new replica in the place of another one, lost or living: the new one joins as a learner,
 * votes when it has caught up, and only then is the old one taken out. Each is a change of its own,
 * which the group ends by itself whoever leads; here is only decided which comes next.
 *
 * <p>Nothing is remembered but what the group's members are. So it can be ended at any point, by a
 * crash too, and begun again with the same names: it goes on where it stands. For one thread.
 */
public final class Replacement {

  /** What is to be done. */
  public record Wish(String leaving, String coming, String raftAddress, String clientAddress) {}

  /** The group, as its leader knows it. Calls throw what the client's calls throw. */
  public interface Group {
    List<GroupReplica> members();

    void add(String node, String raftAddress, String clientAddress);

    void promote(String node);

    /** Refused if those who are left would be no majority. */
    void remove(String node);

    /** What the replica at that address says of itself; empty if it gives no answer. */
    Optional<ReplicaStatus> statusAt(String clientAddress);
  }

  /** What comes next. */
  enum Step {
    ADD,
    PROMOTE,
    AWAIT_VOTE,
    REMOVE,
    AWAIT_LEAVE,
    DONE
  }

  private final Group group;
  private final Wish wish;
  private final LongSupplier nanos;
  private final Runnable pause;

  /**
   * @param nanos a monotonic clock
   * @param pause between two looks
   */
  public Replacement(Group group, Wish wish, LongSupplier nanos, Runnable pause) {
    this.group = group;
    this.wish = wish;
    this.nanos = nanos;
    this.pause = pause;
  }

  /**
   * Goes on until the new one votes and the old one is out. An election in between is waited out.
   *
   * @param progress told of each step, in a few words
   * @throws RequestRejected if it cannot be done; the text says how far it is
   * @throws Unavailable if it is not done in time; the text says where it stands
   */
  public void run(Duration limit, Consumer<String> progress) {
    long deadlineNanos = nanos.getAsLong() + limit.toNanos();
    Optional<Step> told = Optional.empty();
    String stands = "nothing was changed";
    while (true) {
      String trouble = "";
      try {
        List<GroupReplica> members = group.members();
        Step step = next(members);
        stands = tell(step, members);
        if (told.filter(step::equals).isEmpty()) {
          progress.accept(stands);
          told = Optional.of(step);
        }
        if (step == Step.DONE) {
          return;
        }
        take(step, members);
      } catch (Unavailable | OutcomeUnknown | Overloaded e) {
        // The next look shows whether it was done all the same.
        trouble = " (" + e.getMessage() + ")";
      } catch (RequestRejected e) {
        throw new RequestRejected(e.code(), e.getMessage() + "; so far: " + stands, e);
      }
      if (nanos.getAsLong() - deadlineNanos >= 0) {
        throw new Unavailable(
            Code.OUTCOME_UNKNOWN,
            "%s is not replaced after %d s: %s%s%s; what has begun goes on by itself, run this again for the rest"
                .formatted(wish.leaving(), limit.toSeconds(), stands, trouble, wordOfNewReplica()));
      }
      pause.run();
    }
  }

  /** Why it does not come, if it says so. */
  private String wordOfNewReplica() {
    return group
        .statusAt(wish.clientAddress())
        .map(ReplicaStatus::getReason)
        .filter(reason -> !reason.isEmpty())
        .map(reason -> "; " + wish.coming() + " says: " + reason)
        .orElse("");
  }

  Step next(List<GroupReplica> members) {
    Optional<GroupReplica> leaving = find(members, wish.leaving());
    Optional<GroupReplica> coming = find(members, wish.coming());
    if (wish.leaving().equals(wish.coming())) {
      throw refused(
          "%s cannot be replaced by itself: a replica of the same name and address comes back by itself when its data folder was emptied"
              .formatted(wish.leaving()));
    }
    if (coming.isEmpty()) {
      if (leaving.isEmpty()) {
        throw refused(
            "%s is no member of the group, nor is %s: the members are %s"
                .formatted(wish.leaving(), wish.coming(), names(members)));
      }
      if (leaving.get().getStage() == MemberStage.LEAVING) {
        throw refused(
            "%s is being removed already: when it is out, add %s with `keelmq cluster add`"
                .formatted(wish.leaving(), wish.coming()));
      }
      return Step.ADD;
    }
    requireSameAddresses(coming.get());
    MemberStage stage = coming.get().getStage();
    if (stage == MemberStage.LEAVING) {
      throw refused(wish.coming() + " is being removed: run this again when it is out");
    }
    if (stage != MemberStage.VOTER) {
      return coming.get().getStaysLearner() ? Step.PROMOTE : Step.AWAIT_VOTE;
    }
    return leaving
        .map(old -> old.getStage() == MemberStage.LEAVING ? Step.AWAIT_LEAVE : Step.REMOVE)
        .orElse(Step.DONE);
  }

  private void requireSameAddresses(GroupReplica member) {
    if (!member.getRaftAddress().equals(wish.raftAddress())) {
      throw refused(
          "%s is a member already, at raft address %s, not %s: another node needs another name"
              .formatted(wish.coming(), member.getRaftAddress(), wish.raftAddress()));
    }
  }

  private void take(Step step, List<GroupReplica> members) {
    switch (step) {
      case ADD -> {
        requireFit(members);
        group.add(wish.coming(), wish.raftAddress(), wish.clientAddress());
      }
      case PROMOTE -> group.promote(wish.coming());
      case REMOVE -> group.remove(wish.leaving());
      case AWAIT_VOTE, AWAIT_LEAVE, DONE -> {
        // The group does it.
      }
    }
  }

  /** What the new replica says of itself, if it runs already, must fit before it is announced. */
  private void requireFit(List<GroupReplica> members) {
    Optional<ReplicaStatus> coming = group.statusAt(wish.clientAddress());
    if (coming.isEmpty()) {
      return;
    }
    ReplicaStatus says = coming.get();
    if (!says.getNode().equals(wish.coming())) {
      throw refused(
          "at %s answers %s, not %s"
              .formatted(wish.clientAddress(), says.getNode(), wish.coming()));
    }
    if (!says.getRaftAddress().equals(wish.raftAddress())) {
      throw refused(
          "%s says that its raft address is %s, not %s"
              .formatted(wish.coming(), says.getRaftAddress(), wish.raftAddress()));
    }
    Optional<ReplicaStatus> own =
        members.stream()
            .flatMap(member -> group.statusAt(member.getClientAddress()).stream())
            .findFirst();
    if (own.isEmpty()) {
      return;
    }
    boolean otherGroup = !says.getBrokerGroup().equals(own.get().getBrokerGroup());
    boolean otherCluster =
        !says.getClusterId().isEmpty() && !says.getClusterId().equals(own.get().getClusterId());
    if (otherGroup || otherCluster) {
      throw refused(
          "%s at %s is a replica of group %s of cluster %s, this is group %s of cluster %s: give it an empty data folder"
              .formatted(
                  wish.coming(),
                  wish.clientAddress(),
                  says.getBrokerGroup(),
                  says.getClusterId().isEmpty() ? "-" : says.getClusterId(),
                  own.get().getBrokerGroup(),
                  own.get().getClusterId()));
    }
  }

  private String tell(Step step, List<GroupReplica> members) {
    String coming = wish.coming();
    String leaving = wish.leaving();
    return switch (step) {
      case ADD -> "adding " + coming;
      case PROMOTE -> coming + " is a learner, and is told to vote";
      case AWAIT_VOTE ->
          find(members, coming)
              .filter(member -> member.getStage() != MemberStage.ANNOUNCED)
              .map(
                  member ->
                      "%s joins as incarnation %d, %s is a member still"
                          .formatted(coming, member.getJoiningIncarnation(), leaving))
              .orElse(
                  "%s may join: start its broker with an empty data folder; %s is a member still"
                      .formatted(coming, leaving));
      case REMOVE -> "%s votes, %s is to go".formatted(coming, leaving);
      case AWAIT_LEAVE -> "%s votes, %s is being removed".formatted(coming, leaving);
      case DONE -> "%s votes in the place of %s".formatted(coming, leaving);
    };
  }

  private static Optional<GroupReplica> find(List<GroupReplica> members, String node) {
    return members.stream().filter(member -> member.getNode().equals(node)).findFirst();
  }

  private static List<String> names(List<GroupReplica> members) {
    return members.stream().map(GroupReplica::getNode).toList();
  }

  private static RequestRejected refused(String why) {
    return new RequestRejected(Code.PRECONDITION_FAILED, why);
  }
}
