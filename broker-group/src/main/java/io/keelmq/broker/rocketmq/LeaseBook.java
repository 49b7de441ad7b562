package io.keelmq.broker.rocketmq;

import io.keelmq.broker.api.Edge;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * All {@link PolledLeases} of this replica while it leads, and the clock by which they are looked
 * at. Thread-safe.
 */
final class LeaseBook {

  private static final long TICK_MILLIS = 1_000;

  record Key(long groupId, long topicId) {}

  private final Edge edge;
  private final ClientSessions sessions;
  private final Map<Key, PolledLeases> books = new ConcurrentHashMap<>();
  private final AtomicBoolean ticking = new AtomicBoolean();

  LeaseBook(Edge edge, ClientSessions sessions) {
    this.edge = edge;
    this.sessions = sessions;
  }

  /** Those of a group at a topic, in this leadership. */
  PolledLeases of(StateView.ConsumerGroup group, Topic topic, long term) {
    PolledLeases leases =
        books.compute(
            new Key(group.id(), topic.id()),
            (key, known) ->
                known != null && known.term() == term
                    ? known
                    : new PolledLeases(edge, group, topic, term));
    tickLater();
    return leases;
  }

  /** The same, if there are any. */
  Optional<PolledLeases> find(long groupId, long topicId) {
    return Optional.ofNullable(books.get(new Key(groupId, topicId)));
  }

  void leadershipChanged() {
    long term = edge.replica().leadership().term();
    boolean leads = edge.replica().leadership().isLeader();
    books.values().removeIf(leases -> !leads || leases.term() != term);
  }

  /** A client is gone: its messages go to others. */
  void cut(String clientId) {
    edge.call(() -> books.values().forEach(leases -> leases.cut(clientId)), full -> {});
  }

  private void tickLater() {
    if (ticking.compareAndSet(false, true)) {
      try {
        edge.timer().schedule(this::tickElsewhere, TICK_MILLIS, TimeUnit.MILLISECONDS);
      } catch (RejectedExecutionException e) {
        ticking.set(false);
      }
    }
  }

  private void tickElsewhere() {
    edge.call(this::tick, full -> ticked());
  }

  private void tick() {
    try {
      books.values().forEach(leases -> leases.tick(sessions::isAlive));
    } finally {
      ticked();
    }
  }

  private void ticked() {
    ticking.set(false);
    if (!books.isEmpty()) {
      tickLater();
    }
  }
}
