package io.keelmq.broker.app;

import io.keelmq.broker.Membership.Standing;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.state.LevelRange;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Asks the other replicas which feature levels they support, while this one leads and the group is
 * below the highest that it supports itself. One of a version that knows nothing of levels says
 * none, which is an answer too. Owned by the thread of its looks.
 */
final class LevelWatch implements AutoCloseable {

  static final long INTERVAL_MILLIS = 1_000;

  private static final long CALL_MILLIS = 1_000;

  private final String node;
  private final Replica replica;
  private final ReplicaControl control;
  private final ReplicaLooks others = new ReplicaLooks("feature-levels", CALL_MILLIS);

  LevelWatch(String node, Replica replica, ReplicaControl control) {
    this.node = node;
    this.replica = replica;
    this.control = control;
  }

  void start() {
    others.start(INTERVAL_MILLIS, this::look);
  }

  private void look() throws InterruptedException, ExecutionException, TimeoutException {
    ReplicaControl.Status status = control.status();
    boolean canRise =
        replica.leadership().isLeader()
            && replica.state().features().level() < status.levels().most();
    if (!canRise || status.plan().isEmpty()) {
      return;
    }
    List<Standing> standings =
        control.membership().standings().get(CALL_MILLIS, TimeUnit.MILLISECONDS);
    for (Standing other : standings) {
      if (!other.member().node().equals(node)) {
        ask(other.member().clientAddress(), status.plan().get().clusterId());
      }
    }
  }

  private void ask(String address, String clusterId) {
    others
        .status(address, clusterId)
        .filter(told -> !told.getPeerId().isEmpty())
        .ifPresent(
            told ->
                control.heardLevels(
                    told.getPeerId(),
                    LevelRange.told(told.getFeatureLevelLeast(), told.getFeatureLevelMost())));
  }

  @Override
  public void close() {
    others.close();
  }
}
