package io.keelmq.broker.app;

import io.grpc.StatusRuntimeException;
import io.keelmq.broker.Replica;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.ReplicaControl.Member;
import io.keelmq.broker.ReplicaControl.Plan;
import io.keelmq.broker.raft.DivergedStateException;
import io.keelmq.broker.state.Members.Seat;
import io.keelmq.broker.state.StateView.DigestAt;
import io.keelmq.edge.ReplicaChannels;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.GetReplicaStatusRequest;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.StateDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares the digests of this replica's rows with those of the other voters. Where a majority of
 * all voters has another digest at the same index, this replica is the one that is wrong, whatever
 * it holds itself to be; where they differ otherwise, nothing is known. Owned by its thread, which
 * its calls block; each has a deadline.
 */
final class DigestWatch implements AutoCloseable {

  static final long INTERVAL_MILLIS = 10_000;

  private static final Logger LOG = LoggerFactory.getLogger(DigestWatch.class);

  private static final long CALL_MILLIS = 2_000;
  private static final int MOST_CHANNELS = 16;

  private final String node;
  private final Replica replica;
  private final ReplicaControl control;
  private final Consumer<Throwable> onDivergence;
  private final ReplicaChannels channels =
      new ReplicaChannels(MOST_CHANNELS, "this replica is shutting down");
  private final ScheduledThreadPoolExecutor thread;
  private boolean diverged;

  DigestWatch(
      String node, Replica replica, ReplicaControl control, Consumer<Throwable> onDivergence) {
    this.node = node;
    this.replica = replica;
    this.control = control;
    this.onDivergence = onDivergence;
    this.thread =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              var started = new Thread(task, "digests");
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
    } catch (RuntimeException e) {
      // A thread's root: the next look may find what this one did not.
      LOG.debug("digests were not compared", e);
    }
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
    var others = new ArrayList<Map<Long, String>>();
    for (Member voter : voters) {
      if (!voter.node().equals(node)) {
        digests(voter.clientAddress(), plan.get().clusterId()).ifPresent(others::add);
      }
    }
    OptionalLong wrong = wrongAt(own, others, voters.size());
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

  private Optional<Map<Long, String>> digests(String address, String clusterId) {
    ReplicaStatus status;
    try {
      status =
          AdminGrpc.newBlockingStub(channels.to(address))
              .withDeadlineAfter(CALL_MILLIS, TimeUnit.MILLISECONDS)
              .getReplicaStatus(GetReplicaStatusRequest.getDefaultInstance());
    } catch (StatusRuntimeException e) {
      LOG.debug("no digests from {}: {}", address, e.toString());
      return Optional.empty();
    }
    boolean votes =
        status.getRole() == ReplicaRole.LEADER || status.getRole() == ReplicaRole.FOLLOWER;
    if (!votes || !status.getClusterId().equals(clusterId)) {
      return Optional.empty();
    }
    var digests = new HashMap<Long, String>();
    for (StateDigest digest : status.getDigestsList()) {
      digests.put(digest.getIndex(), digest.getDigest());
    }
    return Optional.of(digests);
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
    thread.shutdownNow();
    channels.close();
  }
}
