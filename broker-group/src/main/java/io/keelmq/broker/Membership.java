package io.keelmq.broker;

import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.CommandOrigin;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * How the members of a group come and go. Thread-safe; no call blocks, but for {@link #take}, which
 * waits for the disk.
 */
public interface Membership {

  /**
   * What a replica says to the leader of its group.
   *
   * @param clusterId empty if it does not know it
   * @param self with the incarnation under which it runs; 0: its folder is empty, and the client
   *     address is left to whoever passes this on
   * @param durableIndex its log is on disk up to here, and its folder says that it must never be
   *     without it; 0: not yet
   * @param startedAsLearner it had no vote when its process started
   * @param version what it runs
   */
  record Arrival(
      String clusterId,
      String brokerGroup,
      Member self,
      long bootId,
      long durableIndex,
      boolean startedAsLearner,
      ReplicaVersion version) {

    public int incarnation() {
      return self.incarnation();
    }
  }

  /**
   * What the leader answers.
   *
   * @param plan the group as it is, the asking replica in it with {@code incarnation}
   */
  record Place(Plan plan, int incarnation) {}

  /** What a node is to the group. */
  enum Phase {
    VOTER,
    ANNOUNCED,
    JOINING,
    CATCHING_UP,
    LEAVING
  }

  /** One node of the group as the leader knows it; see {@code GroupReplica} in admin.proto. */
  record Standing(
      Member member,
      Phase phase,
      int joiningIncarnation,
      boolean alive,
      long durableIndex,
      boolean staysLearner) {}

  // Asked of the leader.

  /**
   * A replica tells where it stands. Applied: {@link #place} has the answer. Fails with {@link
   * Refused} if it is no member, or its old self still answers.
   */
  CompletableFuture<ProposalOutcome> arrive(Arrival arrival);

  /**
   * The answer to an arrival that was applied.
   *
   * @throws Refused if another arrival of the same node has overtaken it
   */
  Place place(Arrival arrival) throws Refused;

  /**
   * Announces, promotes or retires a node. Fails with {@link Refused} if the group must not be
   * changed like this now.
   *
   * @param force retire also if what is left is no majority
   */
  CompletableFuture<ProposalOutcome> change(
      CommandOrigin origin, Command.Membership change, boolean force);

  /** All nodes by name; fails with {@link Refused} where this replica does not lead. */
  CompletableFuture<List<Standing>> standings();

  // Asked of a replica about itself.

  /** What it has to say to its leader now; empty: nothing. */
  Optional<Arrival> arrival();

  /**
   * Acts on the leader's answer: an empty replica becomes a learner of the group; one whose
   * incarnation was replaced ends, and starts anew when its process does. Blocks on disk.
   */
  void take(Place place) throws Refused;

  /** Why its arrival led to nothing, for whoever looks at the replica's status. */
  void notTaken(String why);
}
