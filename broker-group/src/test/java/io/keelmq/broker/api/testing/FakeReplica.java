package io.keelmq.broker.api.testing;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.Membership;
import io.keelmq.broker.MessageLog;
import io.keelmq.broker.Proposal;
import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.RowEvidence;
import io.keelmq.broker.SnapshotCopy;
import io.keelmq.broker.state.Effect;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.StateView.DigestAt;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** One member of a {@link FakeGroup}. */
public final class FakeReplica implements Replica, ReplicaControl {

  private final FakeGroup group;
  private final int node;
  private volatile Optional<Plan> plan = Optional.empty();

  FakeReplica(FakeGroup group, int node) {
    this.group = group;
    this.node = node;
  }

  @Override
  public void propose(Proposal proposal) {
    group.propose(node, proposal);
  }

  @Override
  public void readPoint(long timeoutMillis, Consumer<ReadPoint> done) {
    group.readPoint(timeoutMillis, done);
  }

  @Override
  public Leadership leadership() {
    return group.leadership(node);
  }

  @Override
  public StateView state() {
    return group.state();
  }

  @Override
  public MessageLog log() {
    return group::entry;
  }

  @Override
  public void onApplied(Consumer<List<Effect>> listener) {
    group.onApplied(listener);
  }

  @Override
  public void prepare(Plan wanted) throws Refused {
    if (plan.isPresent() && !plan.get().equals(wanted)) {
      throw new Refused(Refused.Reason.IDENTITY_MISMATCH, "prepared for another plan");
    }
    plan = Optional.of(wanted);
  }

  @Override
  public void start(String clusterId) throws Refused {
    if (plan.isEmpty()) {
      throw new Refused(Refused.Reason.NOT_INITIALIZED, "not prepared");
    }
  }

  @Override
  public CompletableFuture<Leadership> transferLeadership(Optional<String> to) {
    if (group.leader() != node) {
      return CompletableFuture.failedFuture(
          new Refused(Refused.Reason.PRECONDITION, "does not lead"));
    }
    Optional<Integer> next = group.nodeNamed(to, node);
    if (next.isEmpty()) {
      return CompletableFuture.failedFuture(
          new Refused(Refused.Reason.PRECONDITION, "nobody can take over"));
    }
    group.elect(next.get());
    return CompletableFuture.completedFuture(leadership());
  }

  @Override
  public CompletableFuture<SnapshotCopy> lendSnapshot() {
    return CompletableFuture.failedFuture(
        new Refused(Refused.Reason.PRECONDITION, "this replica has no snapshot yet"));
  }

  @Override
  public CompletableFuture<Snapshot> snapshotNow() {
    return group.leader() == node
        ? CompletableFuture.completedFuture(new Snapshot(7, 4_096, 3))
        : CompletableFuture.failedFuture(
            new Refused(Refused.Reason.PRECONDITION, "nothing was applied"));
  }

  @Override
  public SnapshotStatus snapshotStatus() {
    return new SnapshotStatus(7, 4_096, false, true);
  }

  @Override
  public void leave(Throwable why) {
    group.left(node, why);
  }

  @Override
  public RowEvidence rowEvidence() {
    return new RowEvidence() {
      @Override
      public long inheritedUpTo() {
        return 0;
      }

      @Override
      public void confirm(long upTo) {
        // There is nothing to be confirmed.
      }

      @Override
      public List<DigestAt> sums() {
        return List.of(new DigestAt(1, 0x5a));
      }

      @Override
      public long sumsTaken() {
        return 1;
      }

      @Override
      public long lastSumMillis() {
        return 1;
      }
    };
  }

  @Override
  public Status status() {
    return new Status(
        plan,
        true,
        "127.0.0.1:1:1",
        1,
        1,
        1,
        1,
        1,
        List.of(),
        true,
        "",
        LevelRange.OF_THIS_VERSION);
  }

  /** Nobody comes or goes. */
  @Override
  public Membership membership() {
    return new NoMembership();
  }
}
