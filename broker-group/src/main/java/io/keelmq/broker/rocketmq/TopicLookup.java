package io.keelmq.broker.rocketmq;

import io.keelmq.broker.ReadPoint;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.api.Refusal;
import io.keelmq.broker.state.Names;
import io.keelmq.broker.state.Topic;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Status;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Finds topics. One that this replica does not know may have been made a moment ago: it is missing
 * only if it is once all that was acknowledged before is applied here. Thread-safe.
 */
record TopicLookup(Edge edge) {

  /** Calls one of the two once, on any thread. */
  void find(String name, Consumer<Topic> found, Consumer<Status> missing) {
    if (!edge.initialized()) {
      missing.accept(Statuses.of(Refusal.notInitialized()));
      return;
    }
    if (!Names.isTopic(name)) {
      missing.accept(notFound(name));
      return;
    }
    Optional<Topic> known = edge.replica().state().topic(name);
    if (known.isPresent()) {
      found.accept(known.get());
      return;
    }
    edge.replica()
        .readPoint(
            Edge.HOLD.toMillis(),
            point ->
                edge.call(
                    () -> findAt(point, name, found, missing),
                    full -> missing.accept(Statuses.of(full))));
  }

  private void findAt(
      ReadPoint point, String name, Consumer<Topic> found, Consumer<Status> missing) {
    if (point instanceof ReadPoint.NotReached notReached) {
      missing.accept(Statuses.of(Refusal.noLeader(notReached.message())));
      return;
    }
    Optional<Topic> known = edge.replica().state().topic(name);
    if (known.isPresent()) {
      found.accept(known.get());
    } else {
      missing.accept(notFound(name));
    }
  }

  private static Status notFound(String name) {
    return Statuses.of(
        Code.TOPIC_NOT_FOUND,
        "topic " + ResourceChecks.shown(name) + " does not exist: make it first");
  }
}
