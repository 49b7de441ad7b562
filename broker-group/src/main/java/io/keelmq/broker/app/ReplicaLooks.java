package io.keelmq.broker.app;

import io.grpc.StatusRuntimeException;
import io.keelmq.edge.ReplicaChannels;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.GetReplicaStatusRequest;
import io.keelmq.v1.ReplicaStatus;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at the other replicas of the group again and again, on a thread of its own that its calls
 * block; each has a deadline.
 */
final class ReplicaLooks implements AutoCloseable {

  /** One look. Whatever it throws, there is another one. */
  interface Look {
    void look() throws InterruptedException, ExecutionException, TimeoutException;
  }

  private static final Logger LOG = LoggerFactory.getLogger(ReplicaLooks.class);

  private static final int MOST_CHANNELS = 16;

  private final String name;
  private final long callMillis;
  private final ReplicaChannels channels =
      new ReplicaChannels(MOST_CHANNELS, "this replica is shutting down");
  private final ScheduledThreadPoolExecutor thread;

  /**
   * @param name of the thread, and what is looked at
   */
  ReplicaLooks(String name, long callMillis) {
    this.name = name;
    this.callMillis = callMillis;
    this.thread =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              var started = new Thread(task, name);
              started.setDaemon(true);
              return started;
            });
  }

  /** Looks for the first time after {@code intervalMillis}, and so long after the end of each. */
  void start(long intervalMillis, Look look) {
    thread.scheduleWithFixedDelay(
        () -> guarded(look), intervalMillis, intervalMillis, TimeUnit.MILLISECONDS);
  }

  private void guarded(Look look) {
    try {
      look.look();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException | RuntimeException e) {
      // A thread's root: the next look may find what this one did not.
      LOG.debug("{}: the others were not looked at", name, e);
    }
  }

  /** What a replica says of itself; empty if it gives no answer or is of another cluster. */
  Optional<ReplicaStatus> status(String address, String clusterId) {
    try {
      ReplicaStatus told =
          AdminGrpc.newBlockingStub(channels.to(address))
              .withDeadlineAfter(callMillis, TimeUnit.MILLISECONDS)
              .getReplicaStatus(GetReplicaStatusRequest.getDefaultInstance());
      return Optional.of(told).filter(status -> status.getClusterId().equals(clusterId));
    } catch (StatusRuntimeException e) {
      LOG.debug("{}: no word from {}: {}", name, address, e.toString());
      return Optional.empty();
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
    channels.close();
    try {
      if (!thread.awaitTermination(callMillis, TimeUnit.MILLISECONDS)) {
        LOG.warn("{}: the last look has not ended after {} ms", name, callMillis);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
