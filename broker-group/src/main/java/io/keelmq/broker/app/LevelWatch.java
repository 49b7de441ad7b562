package io.keelmq.broker.app;

import io.grpc.StatusRuntimeException;
import io.keelmq.broker.Membership.Standing;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.edge.ReplicaChannels;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.GetReplicaStatusRequest;
import io.keelmq.v1.ReplicaStatus;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the other replicas which feature levels they support, while this one leads and the group is
 * below the highest that it supports itself. One of a version that knows nothing of levels says
 * none, which is an answer too. Owned by its thread, which its calls block; each has a deadline.
 */
final class LevelWatch implements AutoCloseable {

  static final long INTERVAL_MILLIS = 1_000;

  private static final Logger LOG = LoggerFactory.getLogger(LevelWatch.class);

  private static final long CALL_MILLIS = 1_000;
  private static final int MOST_CHANNELS = 16;

  private final String node;
  private final Replica replica;
  private final ReplicaControl control;
  private final ReplicaChannels channels =
      new ReplicaChannels(MOST_CHANNELS, "this replica is shutting down");
  private final ScheduledThreadPoolExecutor thread;

  LevelWatch(String node, Replica replica, ReplicaControl control) {
    this.node = node;
    this.replica = replica;
    this.control = control;
    this.thread =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              var started = new Thread(task, "feature-levels");
              started.setDaemon(true);
              return started;
            });
  }

  void start() {
    thread.scheduleWithFixedDelay(
        this::guarded, INTERVAL_MILLIS, INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void guarded() {
    try {
      look();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException | RuntimeException e) {
      // A thread's root: the next look may hear what this one did not.
      LOG.debug("the others were not asked which feature levels they support", e);
    }
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
    try {
      ReplicaStatus told =
          AdminGrpc.newBlockingStub(channels.to(address))
              .withDeadlineAfter(CALL_MILLIS, TimeUnit.MILLISECONDS)
              .getReplicaStatus(GetReplicaStatusRequest.getDefaultInstance());
      if (told.getClusterId().equals(clusterId) && !told.getPeerId().isEmpty()) {
        control.heardLevels(
            told.getPeerId(),
            LevelRange.told(told.getFeatureLevelLeast(), told.getFeatureLevelMost()));
      }
    } catch (StatusRuntimeException e) {
      LOG.debug("{} does not say which feature levels it supports: {}", address, e.toString());
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
    channels.close();
  }
}
