package io.keelmq.broker.rocketmq;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.api.Edge;
import io.keelmq.v1.PollsGrpc;
import io.keelmq.v1.ReportReachedRequest;
import io.keelmq.v1.ReportReachedResponse;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the leader which of the polls that were passed on to it have reached their clients. The
 * leader sees no further than this replica, and keeps a lease up for as long as its client lives:
 * if this process ends with the answer in its hands, nobody else knows that the client has nothing.
 * Thread-safe; guarded by its lock, under which nobody is called.
 *
 * <p>Told a little later: what a process that ends has just written to its sockets need not arrive.
 * And told again when another leads, who found the lease in the state and knows no more of it.
 */
final class ReachedPolls {

  static final int MAX_HANDLES_PER_CALL = 1_000;

  private static final long TOLD_AFTER_MILLIS = 1_000;

  /** A leader listens until its first look, the next one as long again from when it is ready. */
  private static final long TOLD_WITHIN_MILLIS = 30_000;

  /** Beyond it the oldest go untold, which costs a second delivery at most. */
  private static final int MAX_WAITING = 100_000;

  private static final Logger LOG = LoggerFactory.getLogger(ReachedPolls.class);

  private record One(String handle, long sinceNanos) {}

  private final Edge edge;
  private final LeaseBook leases;
  private final ArrayDeque<One> untold = new ArrayDeque<>();
  private final ArrayDeque<One> told = new ArrayDeque<>();
  private Leadership toldTo = Leadership.UNINITIALIZED;
  private boolean ticking;

  ReachedPolls(Edge edge, LeaseBook leases) {
    this.edge = edge;
    this.leases = leases;
  }

  /**
   * Messages that the leader, or this replica as the leader, gave out have left for their client.
   */
  void add(List<String> handles) {
    long now = edge.now();
    List<String> leased = oneOfEachLease(handles);
    synchronized (this) {
      leased.forEach(handle -> add(untold, new One(handle, now)));
    }
    tickUnlessDone();
  }

  private static void add(ArrayDeque<One> to, One one) {
    if (to.size() == MAX_WAITING) {
      to.remove();
    }
    to.add(one);
  }

  private static List<String> oneOfEachLease(List<String> handles) {
    Set<Object> leases = new HashSet<>();
    return handles.stream()
        .filter(
            handle ->
                ReceiptHandle.parse(handle)
                    .filter(one -> leases.add(List.of(one.groupId(), one.topicId(), one.lease())))
                    .isPresent())
        .toList();
  }

  private void tickUnlessDone() {
    synchronized (this) {
      if (ticking || (untold.isEmpty() && told.isEmpty())) {
        return;
      }
      ticking = true;
    }
    try {
      edge.timer().schedule(this::tickElsewhere, TOLD_AFTER_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      LOG.debug("the server stops: the leader is told no more", e);
    }
  }

  private void tickElsewhere() {
    edge.call(this::tick, full -> ticked());
  }

  private void tick() {
    try {
      Leadership now = edge.replica().leadership();
      if (now.isLeader() && leases.isReady()) {
        List<One> due = take(now);
        due.forEach(one -> ReceiptHandle.parse(one.handle()).ifPresent(leases::reached));
        told(now, due);
      } else if (!now.isLeader() && now.leaderAddress().isPresent()) {
        tell(now, take(now));
      }
    } finally {
      ticked();
    }
  }

  private void ticked() {
    synchronized (this) {
      ticking = false;
      forget(untold);
      forget(told);
    }
    tickUnlessDone();
  }

  /** What this leader is to be told now: a new one, also what the one before it was told. */
  private synchronized List<One> take(Leadership leader) {
    if (!leader.hasSameLeaderAs(toldTo)) {
      toldTo = leader;
      again(List.copyOf(told));
      told.clear();
    }
    long now = edge.now();
    var due = new ArrayList<One>();
    while (!untold.isEmpty() && isOver(untold.peek(), now, TOLD_AFTER_MILLIS)) {
      due.add(untold.remove());
    }
    return due;
  }

  private void forget(ArrayDeque<One> from) {
    long now = edge.now();
    while (!from.isEmpty() && isOver(from.peek(), now, TOLD_WITHIN_MILLIS)) {
      from.remove();
    }
  }

  private static boolean isOver(One one, long now, long millis) {
    return now - one.sinceNanos() >= TimeUnit.MILLISECONDS.toNanos(millis);
  }

  private void tell(Leadership leader, List<One> due) {
    for (int from = 0; from < due.size(); from += MAX_HANDLES_PER_CALL) {
      var some = List.copyOf(due.subList(from, Math.min(due.size(), from + MAX_HANDLES_PER_CALL)));
      var request = ReportReachedRequest.newBuilder();
      some.forEach(one -> request.addReceiptHandles(one.handle()));
      edge.forwarder()
          .<ReportReachedResponse>tell(
              leader.leaderAddress().orElseThrow(),
              (channel, answer) ->
                  PollsGrpc.newStub(channel)
                      .withDeadlineAfter(2 * TOLD_AFTER_MILLIS, TimeUnit.MILLISECONDS)
                      .reportReached(request.build(), answer),
              () -> {
                told(leader, some);
                tickUnlessDone();
              },
              why -> {
                LOG.debug("the leader was not told of {} leases", some.size(), why);
                again(some);
                tickUnlessDone();
              });
    }
  }

  private synchronized void told(Leadership leader, List<One> some) {
    if (leader.hasSameLeaderAs(toldTo)) {
      some.forEach(one -> add(told, one));
    } else {
      again(some);
    }
  }

  private synchronized void again(List<One> some) {
    for (int i = some.size() - 1; i >= 0 && untold.size() < MAX_WAITING; i--) {
      untold.addFirst(some.get(i));
    }
  }
}
