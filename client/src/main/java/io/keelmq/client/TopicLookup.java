package io.keelmq.client;

import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.Code;
import io.keelmq.v1.DescribeTopicRequest;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicRoute;
import java.time.Duration;

/**
 * Finds where a topic lives and how many queues it has: in the routes, or, since those come a
 * moment late, by asking the group. Thread-safe; may block for as long as it is told.
 */
final class TopicLookup {

  private static final Duration SHORTEST_CALL = Duration.ofSeconds(1);

  private final ClientLoop loop;
  private final RouteCache routes;
  private final Calls calls;

  TopicLookup(ClientLoop loop, RouteCache routes, Calls calls) {
    this.loop = loop;
    this.routes = routes;
    this.calls = calls;
  }

  /**
   * @throws RequestRejected no such topic, or no such queue
   * @throws Unavailable no route in time
   */
  RouteTable.TopicPlace find(OutgoingMessage message, Duration patience) {
    RouteTable.TopicPlace place = routes.topicOrNull(message.topic());
    if (place == null || message.queueOrNone() >= place.route().getQueues()) {
      MessageChecks.checkTopic(message.topic());
      place = ask(message.topic(), patience);
    }
    if (message.queueOrNone() >= place.route().getQueues()) {
      throw new RequestRejected(
          Code.QUEUE_NOT_FOUND,
          "topic %s has queues 0 to %d, not %d"
              .formatted(message.topic(), place.route().getQueues() - 1, message.queueOrNone()));
    }
    return place;
  }

  /**
   * Where a topic lives.
   *
   * @throws RequestRejected no such topic
   * @throws Unavailable no route in time
   */
  RouteTable.TopicPlace find(String topic, Duration patience) {
    RouteTable.TopicPlace place = routes.topicOrNull(topic);
    if (place == null) {
      MessageChecks.checkTopic(topic);
      place = ask(topic, patience);
    }
    return place;
  }

  private String anyGroup(Duration patience) {
    routes.await(table -> table.defaultGroup().isPresent() || table.onlyUninitialized(), patience);
    if (routes.table().onlyUninitialized()) {
      throw new RequestRejected(Code.NOT_INITIALIZED, routes.problem());
    }
    return routes
        .table()
        .defaultGroup()
        .map(BrokerGroupRoute::getBrokerGroup)
        .orElseThrow(() -> new Unavailable(Code.NO_LEADER, routes.problem()));
  }

  private RouteTable.TopicPlace ask(String topic, Duration patience) {
    if (loop.isCurrent()) {
      throw new Unavailable(
          Code.TOPIC_NOT_FOUND,
          "topic " + topic + " is in no route yet; a callback cannot wait for it, send elsewhere");
    }
    long start = loop.nanoTime();
    String group = anyGroup(patience);
    Duration left = patience.minusNanos(loop.nanoTime() - start);
    Duration timeout = left.compareTo(SHORTEST_CALL) < 0 ? SHORTEST_CALL : left;
    Topic found =
        calls
            .join(
                calls.call(
                    AdminGrpc.getDescribeTopicMethod(),
                    DescribeTopicRequest.newBuilder().setTopic(topic).build(),
                    Calls.Repeat.QUERY,
                    group,
                    timeout),
                timeout)
            .getTopic();
    TopicRoute route =
        TopicRoute.newBuilder()
            .setTopic(topic)
            .setType(found.getType())
            .setQueues(found.getQueues())
            .build();
    routes.hint(group, route);
    return new RouteTable.TopicPlace(group, route);
  }
}
