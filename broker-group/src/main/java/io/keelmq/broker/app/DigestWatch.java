package io.keelmq.broker.app;

import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.raft.DivergedStateException;
import io.keelmq.broker.state.Members.Seat;
import io.keelmq.broker.state.StateView.DigestAt;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.StateDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * Compares the digests of this replica's rows with those of the other voters. Where a majority of
 * all voters has another digest at the same index, this replica is the one that is wrong, whatever
 * it holds itself to be; where they differ otherwise, nothing is known. Owned by its thread, which
 * its calls block; each has a deadline.
 */
final class DigestWatch implements AutoCloseable {

  static final long INTERVAL_MILLIS = 10_000;

  private static final long CALL_MILLIS = 2_000;

  private final String node;
  private final Replica replica;
  private final ReplicaControl control;
  private final Consumer<Throwable> onDivergence;
  private final ReplicaLooks others = new ReplicaLooks("digests", CALL_MILLIS);
  private boolean diverged;

  DigestWatch(
      String node, Replica replica, ReplicaControl control, Consumer<Throwable> onDivergence) {
    this.node = node;
    this.replica = replica;
    this.control = control;
    this.onDivergence = onDivergence;
  }

  void start() {
    others.start(INTERVAL_MILLIS, this::look);
  }

  private void look() {
    Optional<Plan> plan = control.status().plan();
    if (diverged || !control.status().started() || plan.isEmpty()) {
      return;
    }
    Map<Long, String> own = new HashMap<>();
    for (DigestAt digest : replica.state().digests()) {
      own.put(digest.index(), hex(digest.digest()));
    }
    List<Member> voters = voters(plan.get());
    if (own.isEmpty() || voters.size() < 3) {
      return;
    }
    var told = new ArrayList<Map<Long, String>>();
    for (Member voter : voters) {
      if (!voter.node().equals(node)) {
        digests(voter.clientAddress(), plan.get().clusterId()).ifPresent(told::add);
      }
    }
    OptionalLong wrong = wrongAt(own, told, voters.size());
    if (wrong.isPresent()) {
      diverged = true;
      onDivergence.accept(
          new DivergedStateException(
              "the rows of this replica are wrong: their digest at entry %d is %s, a majority of the group has another one"
                  .formatted(wrong.getAsLong(), own.get(wrong.getAsLong()))));
    }
  }

  private List<Member> voters(Plan plan) {
    List<Seat> seats = replica.state().members();
    if (seats.isEmpty()) {
      return plan.members();
    }
    return seats.stream()
        .filter(seat -> seat.voting() != 0)
        .map(
            seat ->
                new Member(seat.node(), seat.raftAddress(), seat.voting(), seat.clientAddress()))
        .toList();
  }

  /** Of a voter; empty if it does not answer, or does not vote. */
  private Optional<Map<Long, String>> digests(String address, String clusterId) {
    return others
        .status(address, clusterId)
        .filter(DigestWatch::votes)
        .map(
            status -> {
              var digests = new HashMap<Long, String>();
              for (StateDigest digest : status.getDigestsList()) {
                digests.put(digest.getIndex(), digest.getDigest());
              }
              return digests;
            });
  }

  private static boolean votes(ReplicaStatus status) {
    return status.getRole() == ReplicaRole.LEADER || status.getRole() == ReplicaRole.FOLLOWER;
  }

  /** As a replica's status shows it. */
  private static String hex(long digest) {
    return "%016x".formatted(digest);
  }

  /**
   * @param voters of the whole group, this replica counted
   * @return the first index at which a majority of them agree on another digest
   */
  static OptionalLong wrongAt(Map<Long, String> own, List<Map<Long, String>> others, int voters) {
    return own.keySet().stream()
        .sorted()
        .filter(index -> outvoted(index, own.get(index), others, voters))
        .mapToLong(Long::longValue)
        .findFirst();
  }

  private static boolean outvoted(
      long index, String own, List<Map<Long, String>> others, int voters) {
    var votes = new HashMap<String, Integer>();
    for (Map<Long, String> other : others) {
      Optional.ofNullable(other.get(index)).ifPresent(each -> votes.merge(each, 1, Integer::sum));
    }
    return votes.entrySet().stream()
        .anyMatch(each -> !each.getKey().equals(own) && each.getValue() * 2 > voters);
  }

  @Override
  public void close() {
    others.close();
  }
}
