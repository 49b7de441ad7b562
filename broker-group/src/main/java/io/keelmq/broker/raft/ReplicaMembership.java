package io.keelmq.broker.raft;

import io.keelmq.broker.Membership;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.raft.ReplicaIdentity.Stage;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.Members.Seat;
import io.keelmq.failpoint.Failpoint;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A replica's part in the coming and going of members: what it says to its leader and does upon the
 * answer, and, where it leads, the way to the {@link MembershipDriver}. Thread-safe.
 */
final class ReplicaMembership implements Membership {

  /** Longer than an election takes, even a few that fail. */
  private static final long LEADERLESS_MILLIS = 10_000;

  private static final long NEVER = 0;

  /** Begins to run as a learner of an existing group. */
  @FunctionalInterface
  interface Rejoin {
    void as(Plan plan) throws Refused;
  }

  private final RaftReplicaOptions options;
  private final ReplicaFolder folder;
  private final Supplier<Optional<RaftMember>> running;
  private final ReplicaParts parts;
  private final Rejoin rejoin;

  /** Tells this process from an earlier one that had an empty folder too. */
  private final long bootId;

  private volatile Optional<String> note = Optional.empty();

  /** Written by the timer. */
  private volatile long leaderlessSinceNanos = NEVER;

  ReplicaMembership(
      RaftReplicaOptions options,
      ReplicaFolder folder,
      Supplier<Optional<RaftMember>> running,
      ReplicaParts parts,
      Rejoin rejoin) {
    this.options = options;
    this.folder = folder;
    this.running = running;
    this.parts = parts;
    this.rejoin = rejoin;
    this.bootId = options.wall().millis();
  }

  /** Why it is not in its group, if that was learned. */
  Optional<String> note() {
    return note;
  }

  /** Called about once a second by the timer. */
  void look() {
    Optional<RaftMember> member = running.get();
    if (member.flatMap(found -> found.leadership().leaderNode()).isPresent()) {
      leaderlessSinceNanos = NEVER;
      if (member.get().votes()) {
        note = Optional.empty();
      }
    } else if (leaderlessSinceNanos == NEVER) {
      // A reading of 0 would be "never".
      leaderlessSinceNanos = options.nanos().getAsLong() | 1;
    }
  }

  private boolean isLeaderless() {
    long since = leaderlessSinceNanos;
    return since != NEVER
        && options.nanos().getAsLong() - since > TimeUnit.MILLISECONDS.toNanos(LEADERLESS_MILLIS);
  }

  @Override
  public Optional<Arrival> arrival() {
    Optional<ReplicaIdentity> identity = folder.identity();
    if (identity.isEmpty() || identity.get().stage() == Stage.EMPTIED) {
      var self = new Member(options.node(), options.raftAdvertised(), 0, "");
      String cluster = identity.map(emptied -> emptied.plan().clusterId()).orElse("");
      return Optional.of(
          new Arrival(cluster, options.brokerGroup(), self, bootId, 0, false, options.version()));
    }
    Optional<RaftMember> member = running.get();
    if (member.isEmpty()) {
      return Optional.empty();
    }
    boolean joining = identity.get().wasGiven() && !member.get().votes();
    if (!joining && !isLeaderless()) {
      return Optional.empty();
    }
    // Before the folder says that the log must not be gone, nothing in it counts.
    long durable = identity.get().hasJoined() ? folder.log().durableLast() : 0;
    return Optional.of(
        new Arrival(
            identity.get().plan().clusterId(),
            options.brokerGroup(),
            identity.get().self(),
            bootId,
            durable,
            member.get().startedAsLearner(),
            options.version()));
  }

  @Override
  public void take(Place place) throws Refused {
    note = Optional.empty();
    Optional<ReplicaIdentity> identity = folder.identity();
    if (identity.isEmpty() || identity.get().stage() == Stage.EMPTIED) {
      Failpoint.INCARNATION_GIVEN.hit();
      rejoin.as(place.plan());
      return;
    }
    int own = identity.get().self().incarnation();
    if (place.incarnation() == own || identity.get().stage() == Stage.REPLACED) {
      return;
    }
    try {
      folder.write(identity.get().at(Stage.REPLACED));
    } catch (IOException e) {
      throw new Refused(Refused.Reason.PRECONDITION, "the identity could not be written: " + e);
    }
    parts
        .onFatal()
        .accept(
            new IllegalStateException(
                "incarnation %d of node %s was replaced in group %s by %d; start it again, and it sets this folder aside and comes back as a new incarnation"
                    .formatted(own, options.node(), options.brokerGroup(), place.incarnation())));
  }

  @Override
  public void notTaken(String why) {
    note = Optional.of(why);
  }

  @Override
  public CompletableFuture<ProposalOutcome> arrive(Arrival arrival) {
    return running
        .get()
        .map(member -> member.members().arrive(arrival))
        .orElseGet(this::notRunning);
  }

  @Override
  public Place place(Arrival arrival) throws Refused {
    ReplicaIdentity own = folder.identity().orElseThrow();
    String node = arrival.self().node();
    Optional<Seat> found = parts.view().member(node);
    if (found.isEmpty()) {
      // Nobody has joined or left since the group's beginning.
      return new Place(
          own.plan(), own.member(node).map(Member::incarnation).orElse(arrival.incarnation()));
    }
    Seat seat = found.get();
    boolean overtaken =
        arrival.incarnation() == 0 && (seat.joining() == 0 || seat.bootId() != arrival.bootId());
    if (overtaken) {
      throw new Refused(
          Refused.Reason.PRECONDITION,
          "another process of node %s asked after this one; if two run, stop one".formatted(node));
    }
    boolean votes = arrival.incarnation() != 0 && arrival.incarnation() == seat.voting();
    int incarnation = votes || seat.joining() == 0 ? seat.voting() : seat.joining();
    var members = new ArrayList<Member>();
    for (Seat each : parts.view().members()) {
      int theirs = each.voting() != 0 ? each.voting() : each.joining();
      int shown = each.node().equals(node) ? incarnation : theirs;
      if (shown != 0) {
        members.add(new Member(each.node(), each.raftAddress(), shown, each.clientAddress()));
      }
    }
    return new Place(
        new Plan(own.plan().clusterId(), own.plan().brokerGroup(), members), incarnation);
  }

  @Override
  public CompletableFuture<ProposalOutcome> change(
      CommandOrigin origin, Command.Membership change, boolean force) {
    return running
        .get()
        .map(member -> member.members().change(origin, change, force))
        .orElseGet(this::notRunning);
  }

  @Override
  public CompletableFuture<List<Standing>> standings() {
    return running.get().map(member -> member.members().standings()).orElseGet(this::notRunning);
  }

  private <T> CompletableFuture<T> notRunning() {
    return CompletableFuture.failedFuture(
        new Refused(Refused.Reason.NOT_LEADER, "this replica is not running"));
  }
}
