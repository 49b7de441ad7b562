package io.keelmq.broker.rocketmq;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.api.DeliveryPlanners;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All {@link PolledLeases} of this replica while it leads, and the clock by which they are looked
 * at. Thread-safe.
 */
final class LeaseBook {

  private static final long TICK_MILLIS = 1_000;

  private static final Logger LOG = LoggerFactory.getLogger(LeaseBook.class);

  record Key(long groupId, long topicId) {}

  private final Edge edge;
  private final DeliveryPlanners planners;
  private final ClientSessions sessions;
  private final Map<Key, PolledLeases> books = new ConcurrentHashMap<>();
  private final AtomicBoolean ticking = new AtomicBoolean();
  private final AtomicLong loadedTerm = new AtomicLong(-1);

  /** In which the leases of earlier leaders were looked for; it only rises. */
  private final AtomicLong readyTerm = new AtomicLong(-1);

  LeaseBook(Edge edge, DeliveryPlanners planners, ClientSessions sessions) {
    this.edge = edge;
    this.planners = planners;
    this.sessions = sessions;
  }

  /** Those of a group at a topic, in this leadership. */
  PolledLeases of(StateView.ConsumerGroup group, Topic topic, long term) {
    PolledLeases leases =
        books.compute(
            new Key(group.id(), topic.id()),
            (key, known) ->
                known != null && known.term() >= term
                    ? known
                    : new PolledLeases(edge, group, topic, term));
    tickLater();
    return leases;
  }

  /** The same, if there are any. */
  Optional<PolledLeases> find(long groupId, long topicId) {
    return Optional.ofNullable(books.get(new Key(groupId, topicId)));
  }

  /** Whether this replica leads and knows of every lease of earlier leaders that can be read. */
  boolean isReady() {
    Leadership now = edge.replica().leadership();
    return now.isLeader() && now.term() == readyTerm.get();
  }

  /**
   * What was leased to a poll has left for its client.
   *
   * @return whether that was in doubt
   */
  boolean reached(ReceiptHandle handle) {
    return find(handle.groupId(), handle.topicId())
        .filter(book -> book.reached(handle.lease()))
        .isPresent();
  }

  synchronized void leadershipChanged() {
    Leadership now = edge.replica().leadership();
    // A transfer that comes to nothing leaves this replica leading in the same term.
    books.values().removeIf(leases -> leases.term() != now.term());
    if (now.isLeader() && loadedTerm.getAndSet(now.term()) != now.term()) {
      loadSoon(now.term());
    }
  }

  /** Clients that are at work and do not poll have leases too. */
  private void loadSoon(long term) {
    planners.execute(() -> load(term), why -> loadLater(term, why.message()));
  }

  private void loadLater(long term, String why) {
    LOG.debug("leases are not known yet: {}", why);
    try {
      edge.timer()
          .schedule(
              () -> {
                if (loadedTerm.get() == term) {
                  loadSoon(term);
                }
              },
              TICK_MILLIS,
              TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // The server stops.
      LOG.debug("nor will they be", e);
    }
  }

  private void load(long term) {
    StateView state = edge.replica().state();
    List<StateView.ConsumerGroup> groups;
    try {
      groups = state.consumerGroups();
    } catch (RuntimeException e) {
      LOG.warn("consumer groups cannot be read, trying again", e);
      loadLater(term, e.toString());
      return;
    }
    int failed = 0;
    for (StateView.ConsumerGroup group : groups) {
      try {
        load(state, group, term);
      } catch (RuntimeException e) {
        // The others' leases are kept up all the same.
        LOG.warn("leases of group={} cannot be read, trying again", group.name(), e);
        failed++;
      }
    }
    if (readyTerm.get() < term) {
      // Once: what is in doubt does not stay so for as long as a group cannot be read.
      books.values().forEach(PolledLeases::doubtFromNow);
      readyTerm.accumulateAndGet(term, Math::max);
    }
    if (failed > 0) {
      loadLater(term, failed + " groups cannot be read");
    }
  }

  private void load(StateView state, StateView.ConsumerGroup group, long term) {
    if (group.kind() == GroupKind.LEASE) {
      state.progress(group.name()).stream()
          .map(StateView.Progress::topicId)
          .distinct()
          .flatMap(topicId -> state.topic(topicId).stream())
          .filter(topic -> hasLeases(state, group, topic))
          .forEach(topic -> of(group, topic, term).load());
    }
  }

  private static boolean hasLeases(StateView state, StateView.ConsumerGroup group, Topic topic) {
    for (int queue = 0; queue < topic.queues(); queue++) {
      Optional<StateView.Cursor> cursor = state.cursor(group.id(), topic.id(), queue);
      if (cursor.isPresent() && cursor.get().batches() > 0) {
        return true;
      }
    }
    return false;
  }

  /** A client is gone: its messages go to others. */
  void cut(String clientId) {
    edge.call(
        () -> books.values().forEach(leases -> leases.cut(clientId)),
        full -> LOG.debug("not cut, its leases end when they are looked at: {}", clientId));
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
      if (isReady()) {
        books.values().forEach(leases -> leases.tick(sessions::isAlive));
      }
      books.values().removeIf(PolledLeases::isAbandoned);
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
