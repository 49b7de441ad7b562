package io.keelmq.broker.api;

import io.keelmq.broker.Leadership;
import io.keelmq.broker.state.Effect;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * The planners of this replica, one for each consumer group and topic that somebody consumes here
 * while it leads. Wakes those that an applied entry concerns and no other.
 *
 * <p>Thread-safe.
 */
public final class DeliveryPlanners {

  /** Of records that are granted, or handed over and not taken by their consumers, all together. */
  static final long MAX_UNSENT_BYTES = 32L << 20;

  /** How often planners are asked whether leases have to be renewed or cut. */
  static final long TICK_MILLIS = 100;

  record Key(long groupId, long topicId) {}

  private final Edge edge;
  private final Executor readers;
  private final InFlightBytes unsent;
  private final ConcurrentHashMap<Key, DeliveryPlanner> planners = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<Long, Set<DeliveryPlanner>> ofTopic = new ConcurrentHashMap<>();
  private final AtomicBoolean ticking = new AtomicBoolean();

  /**
   * @param readers takes as many tasks as there can be consumers, and runs what reads from disk
   */
  DeliveryPlanners(Edge edge, Executor readers) {
    this.edge = edge;
    this.readers = readers;
    this.unsent = new InFlightBytes(MAX_UNSENT_BYTES, edge.stats().undeliveredBytes);
  }

  /** Runs what opens a stream where it may read. */
  public void execute(Runnable task, Consumer<Refusal> refused) {
    try {
      readers.execute(task);
    } catch (RejectedExecutionException e) {
      refused.accept(Refusal.shuttingDown());
    }
  }

  /**
   * Lets a stream join the planner of its group and topic.
   *
   * @return empty if this replica does not lead, or the group or topic is gone
   */
  Optional<DeliveryPlanner> attach(String consumerGroup, String topicName, Attachment stream) {
    while (true) {
      Leadership leadership = edge.replica().leadership();
      StateView state = edge.replica().state();
      Optional<Topic> topic = state.topic(topicName);
      Optional<StateView.ConsumerGroup> group = state.consumerGroup(consumerGroup);
      if (!leadership.isLeader() || topic.isEmpty() || group.isEmpty()) {
        return Optional.empty();
      }
      var key = new Key(group.get().id(), topic.get().id());
      DeliveryPlanner planner =
          planners.computeIfAbsent(key, same -> start(key, group.get(), topic.get(), leadership));
      if (planner.leadership().term() != leadership.term()) {
        // Of an earlier leadership, and not told yet that it is over.
        planner.leadershipLost();
        remove(key, planner);
      } else if (planner.attach(stream)) {
        tickLater();
        return Optional.of(planner);
      } else {
        // It has just come to its end.
        remove(key, planner);
      }
    }
  }

  private DeliveryPlanner start(
      Key key, StateView.ConsumerGroup group, Topic topic, Leadership leadership) {
    var planner = new DeliveryPlanner[1];
    planner[0] =
        new DeliveryPlanner(
            edge, readers, unsent, key, group, topic, leadership, () -> remove(key, planner[0]));
    ofTopic.compute(
        key.topicId(),
        (same, all) -> {
          Set<DeliveryPlanner> grown = all == null ? ConcurrentHashMap.newKeySet() : all;
          grown.add(planner[0]);
          return grown;
        });
    return planner[0];
  }

  private void remove(Key key, DeliveryPlanner planner) {
    planners.remove(key, planner);
    ofTopic.computeIfPresent(
        key.topicId(),
        (same, all) -> {
          all.remove(planner);
          return all.isEmpty() ? null : all;
        });
  }

  /** Called on the replica's listener thread, after the rows can be read. */
  void applied(List<Effect> effects) {
    if (planners.isEmpty()) {
      return;
    }
    for (Effect effect : effects) {
      if (effect instanceof Effect.QueueGrew grew) {
        Set<DeliveryPlanner> all = ofTopic.get(grew.topicId());
        if (all != null) {
          all.forEach(planner -> planner.grown(grew.queue()));
        }
      } else if (effect instanceof Effect.QueueReady ready) {
        DeliveryPlanner planner = planners.get(new Key(ready.groupId(), ready.topicId()));
        if (planner != null) {
          planner.readied(ready.queue(), ready.fromOffset());
        }
      } else if (effect instanceof Effect.TopicsChanged) {
        planners.values().forEach(DeliveryPlanner::topicsChanged);
      }
    }
  }

  /** Ends the planners of a leadership that is over. Any thread. */
  void leadershipChanged() {
    Leadership now = edge.replica().leadership();
    for (DeliveryPlanner planner : planners.values()) {
      if (!now.isLeader() || planner.leadership().term() != now.term()) {
        planner.leadershipLost();
      }
    }
  }

  private void tickLater() {
    if (ticking.compareAndSet(false, true)) {
      try {
        edge.timer().schedule(this::tick, TICK_MILLIS, TimeUnit.MILLISECONDS);
      } catch (RejectedExecutionException e) {
        // Only when the server is closed.
        ticking.set(false);
      }
    }
  }

  private void tick() {
    ticking.set(false);
    planners.values().forEach(DeliveryPlanner::tick);
    if (!planners.isEmpty()) {
      tickLater();
    }
  }
}
