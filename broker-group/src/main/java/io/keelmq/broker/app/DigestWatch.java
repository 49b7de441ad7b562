package io.keelmq.broker.app;

import io.keelmq.broker.DivergedStateException;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.common.RowWitness;
import io.keelmq.common.RowWitness.Difference;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares what this replica has made of the log with what the other voters have. Where a majority
 * of all voters has something else, this replica is the one that is wrong, whatever it holds itself
 * to be; where they differ otherwise, nothing is known. Owned by its thread, which its calls block;
 * each has a deadline.
 */
final class DigestWatch implements AutoCloseable {

  static final long INTERVAL_MILLIS = 10_000;

  private static final long CALL_MILLIS = 2_000;

  private static final Logger LOG = LoggerFactory.getLogger(DigestWatch.class);

  private final String node;
  private final Replica replica;
  private final ReplicaControl control;
  private final Supplier<ReplicaStatus> ownStatus;
  private final ReplicaLooks others = new ReplicaLooks("digests", CALL_MILLIS);
  private final RowDisputes disputes = new RowDisputes();
  private final LongAdder looks = new LongAdder();
  private boolean diverged;

  /** Read by any thread. */
  private volatile boolean contradicted;

  /**
   * @param ownStatus as this replica tells it to others
   */
  DigestWatch(
      String node, Replica replica, ReplicaControl control, Supplier<ReplicaStatus> ownStatus) {
    this.node = node;
    this.replica = replica;
    this.control = control;
    this.ownStatus = ownStatus;
  }

  void start() {
    others.start(INTERVAL_MILLIS, this::look);
  }

  /** How often this replica compared its rows with the others'. */
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
      contradicted = false;
      return;
    }
    ReplicaStatus status = ownStatus.get();
    RowWitness own = RowWitness.of(status);
    List<Member> voters = plan.get().voters(replica.state().members());
    var told = new ArrayList<RowWitness>();
    for (Member voter : voters) {
      if (!voter.node().equals(node)) {
        others
            .status(voter.clientAddress(), plan.get().clusterId())
            .filter(answer -> isOf(answer, voter, status))
            .map(RowWitness::of)
            .ifPresent(told::add);
      }
    }
    disputes.look(own, told, voters.stream().map(Member::node).toList());
    Optional<Difference> wrong = own.outvotedBy(told, voters.size(), disputes::sharedWith);
    if (wrong.isPresent()) {
      diverged = true;
      contradicted = false;
      control.leave(diverged(own, wrong.get()));
      return;
    }
    // Others would count a learner as one of theirs as soon as it votes; and as long as the rows do
    // not name this replica, its voters are not all that there are.
    boolean isVoter = voters.stream().anyMatch(voter -> voter.node().equals(node));
    if (isVoter && votes(status) && own.isConfirmedBy(told, voters.size())) {
      control.rowEvidence().confirm(own.inheritedUpTo());
    }
    tellContradiction(disputes.undecided());
    looks.increment();
  }

  private static DivergedStateException diverged(RowWitness own, Difference wrong) {
    return new DivergedStateException(
        "the rows of this replica are wrong: their %s after entry %d is %s, a majority of the group has another one"
            .formatted(
                wrong.kind().text(), wrong.entry(), own.of(wrong.kind()).get(wrong.entry())));
  }

  private void tellContradiction(Optional<Difference> difference) {
    if (difference.isPresent() && !contradicted) {
      LOG.warn(
          "another voter has made something else of the log up to entry {}, and too few can tell"
              + " who is right: keelmq doctor says what to do",
          difference.get().entry());
    }
    contradicted = difference.isPresent();
  }

  /** Two addresses may lead to one process, which has one voice. */
  private static boolean isOf(ReplicaStatus answer, Member voter, ReplicaStatus own) {
    return votes(answer)
        && answer.getNode().equals(voter.node())
        && answer.getBrokerGroup().equals(own.getBrokerGroup());
  }

  private static boolean votes(ReplicaStatus status) {
    return status.getRole() == ReplicaRole.LEADER || status.getRole() == ReplicaRole.FOLLOWER;
  }

  @Override
  public void close() {
    others.close();
  }
}
