package io.keelmq.broker.registry;

import io.grpc.StatusRuntimeException;
import io.keelmq.common.HostPort;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.JoinReplicaRequest;
import io.keelmq.v1.JoinReplicaResponse;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a replica that has no place in its group to the leader's notice: every second, as long as
 * the {@link Joiner} has something to say. The name servers tell who leads; any other member passes
 * the word on. It never makes a group: where nobody leads it waits, and says so.
 *
 * <p>Owned by its thread, on which its calls block; each has a deadline.
 */
public final class JoinAgent implements AutoCloseable {

  static final long INTERVAL_MILLIS = 1_000;

  private static final Logger log = LoggerFactory.getLogger(JoinAgent.class);

  /** A member holds the call while its group elects; see the broker's edge. */
  private static final long JOIN_MILLIS = 5_000;

  private final GroupRoutes routes;
  private final Joiner joiner;
  private final ScheduledThreadPoolExecutor thread;
  private String lastRefusal = "";

  public JoinAgent(List<HostPort> nameServers, Joiner joiner) {
    this.routes = new GroupRoutes(nameServers);
    this.joiner = joiner;
    this.thread =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              var started = new Thread(task, "join");
              started.setDaemon(true);
              return started;
            });
    thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  public void start() {
    thread.scheduleWithFixedDelay(
        this::guarded, INTERVAL_MILLIS, INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void guarded() {
    try {
      ask();
    } catch (RuntimeException e) {
      // A thread's root: the next round may find what this one did not.
      log.error("asking for a place in the group failed, trying again", e);
    }
  }

  private void ask() {
    Optional<JoinReplicaRequest> request = joiner.request();
    if (request.isEmpty()) {
      routes.close();
      lastRefusal = "";
      return;
    }
    Optional<BrokerGroupRoute> group = routes.of(request.get().getBrokerGroup());
    if (group.isEmpty()) {
      // A new group, or name servers that have not heard of it yet: nobody can be asked.
      return;
    }
    List<String> addresses = addresses(group.get(), request.get().getNode());
    for (String address : addresses) {
      try {
        JoinReplicaResponse answer =
            AdminGrpc.newBlockingStub(routes.channel(address))
                .withDeadlineAfter(JOIN_MILLIS, TimeUnit.MILLISECONDS)
                .joinReplica(request.get());
        joiner.answered(answer);
        lastRefusal = "";
        return;
      } catch (StatusRuntimeException e) {
        var detail = StatusDetails.fromThrowable(e);
        switch (detail.getCode()) {
          case IDENTITY_MISMATCH, PRECONDITION_FAILED, INVALID_ARGUMENT -> {
            refused(detail.getMessage());
            return;
          }
          default -> log.debug("no answer from {}: {}", address, detail.getMessage());
        }
      }
    }
    refused(
        ("group %s of cluster %s has no leader that could be asked (members heard of: %s). A group"
                + " that has lost the data folders of a majority cannot elect anybody and is not made"
                + " anew by itself: put the folders, or what was set aside in them, back")
            .formatted(group.get().getBrokerGroup(), group.get().getClusterId(), addresses));
  }

  private void refused(String why) {
    joiner.refused(why);
    // Every second the same is no news.
    if (!why.equals(lastRefusal)) {
      log.warn("no place in the group yet, asking again every second: {}", why);
      lastRefusal = why;
    }
  }

  /** The leader first, then whoever may know it. */
  private static List<String> addresses(BrokerGroupRoute group, String self) {
    Stream<ReplicaRoute> others =
        group.getReplicasList().stream()
            .filter(replica -> !replica.getNode().equals(self))
            .filter(replica -> replica.getRole() != ReplicaRole.UNINITIALIZED)
            .filter(replica -> !replica.getClientAddress().isEmpty());
    return others
        .sorted(Comparator.comparing(replica -> !replica.getNode().equals(group.getLeaderNode())))
        .map(ReplicaRoute::getClientAddress)
        .toList();
  }

  /** Ends what is under way and waits for it, for a second at the most. */
  @Override
  public void close() {
    thread.execute(routes::close);
    thread.shutdown();
    try {
      if (!thread.awaitTermination(INTERVAL_MILLIS, TimeUnit.MILLISECONDS)) {
        thread.shutdownNow();
        thread.awaitTermination(INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      thread.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
