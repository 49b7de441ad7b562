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
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares the digests of this replica's rows with those of the other voters. Where a majority of
 * all voters has another digest, this replica is the one that is wrong, whatever it holds itself to
 * be; where they differ otherwise, nothing is known. Owned by its thread, which its calls block;
 * each has a deadline.
 */
final class DigestWatch implements AutoCloseable {

  static final long INTERVAL_MILLIS = 10_000;

  private static final long CALL_MILLIS = 2_000;

  private static final Logger LOG = LoggerFactory.getLogger(DigestWatch.class);

  private final String node;
  private final Replica replica;
  private final ReplicaControl control;
  private final Consumer<Throwable> onDivergence;
  private final ReplicaLooks others = new ReplicaLooks("digests", CALL_MILLIS);
  private final LongAdder looks = new LongAdder();
  private boolean diverged;

  /** Read by any thread. */
  private volatile boolean contradicted;

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

  /** How often this replica compared its digests with the others'. */
  long looks() {
    return looks.sum();
  }

  /** Whether another voter was seen to have other rows, and it is not known who is right. */
  boolean isContradicted() {
    return contradicted;
  }

  private void look() {
    Optional<Plan> plan = control.status().plan();
    if (diverged || !control.status().started() || plan.isEmpty()) {
      return;
    }
    // Before the digests: rows that are replaced in between are judged by what was noted then.
    long inherited = control.snapshotStatus().inheritedUpTo();
    Digests own = own(inherited);
    List<Member> voters = voters(plan.get());
    if (voters.size() < 3) {
      return;
    }
    var told = new ArrayList<Digests>();
    for (Member voter : voters) {
      if (!voter.node().equals(node)) {
        digests(voter.clientAddress(), plan.get().clusterId()).ifPresent(told::add);
      }
    }
    OptionalLong wrong = own.outvotedAt(told, voters.size());
    if (wrong.isPresent()) {
      diverged = true;
      onDivergence.accept(
          new DivergedStateException(
              "the rows of this replica are wrong: their digest after entry %d is %s, a majority of the group has another one"
                  .formatted(wrong.getAsLong(), own.byEntry().get(wrong.getAsLong()))));
      return;
    }
    if (own.isConfirmedBy(told, voters.size())) {
      control.confirmInherited(inherited);
    }
    tellContradiction(own.contradictedAt(told));
    looks.increment();
  }

  private void tellContradiction(OptionalLong entry) {
    if (entry.isPresent() && !contradicted) {
      LOG.warn(
          "another voter has made something else of the log up to entry {}, and too few can tell"
              + " who is right: keelmq doctor says what to do",
          entry.getAsLong());
    }
    contradicted = entry.isPresent();
  }

  private Digests own(long inherited) {
    var digests = new TreeMap<Long, String>();
    for (DigestAt digest : replica.state().digests()) {
      digests.put(digest.index() - 1, hex(digest.digest()));
    }
    var applied = replica.state().applied();
    digests.put(applied.index(), hex(applied.digest()));
    return new Digests(digests, inherited);
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
  private Optional<Digests> digests(String address, String clusterId) {
    return others
        .status(address, clusterId)
        .filter(DigestWatch::votes)
        .map(
            status -> {
              var digests = new TreeMap<Long, String>();
              for (StateDigest digest : status.getDigestsList()) {
                digests.put(digest.getIndex() - 1, digest.getDigest());
              }
              digests.put(status.getAppliedIndex(), status.getDigest());
              return new Digests(digests, status.getInheritedUpTo());
            });
  }

  private static boolean votes(ReplicaStatus status) {
    return status.getRole() == ReplicaRole.LEADER || status.getRole() == ReplicaRole.FOLLOWER;
  }

  /** As a replica's status shows it. */
  private static String hex(long digest) {
    return "%016x".formatted(digest);
  }

  @Override
  public void close() {
    others.close();
  }
}
