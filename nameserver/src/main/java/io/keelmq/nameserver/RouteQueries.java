package io.keelmq.nameserver;

import io.grpc.stub.StreamObserver;
import io.keelmq.rocketmq.ResourceName;
import io.keelmq.rocketmq.RouteShaper;
import io.keelmq.rocketmq.Sdk;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.QueryRouteRequest;
import io.keelmq.rocketmq.v2.QueryRouteResponse;
import io.keelmq.rocketmq.v2.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;

/**
 * Answers QueryRoute. What cannot be answered yet, because this name server has just started or no
 * replica is heard of, is held for a while: to an SDK that starts, any other answer is a failure.
 *
 * <p>Held queries are owned by the {@code routes} thread.
 */
final class RouteQueries {

  static final long HOLD_MILLIS = 2_500;
  static final int MAX_HELD = 4_096;

  private static final Pattern TOPIC = Pattern.compile("[%|a-zA-Z0-9_-]{1,127}");

  private record Held(
      QueryRouteRequest request,
      Sdk sdk,
      StreamObserver<QueryRouteResponse> out,
      long untilMillis) {}

  private final RouteDirectory directory;
  private final Executor routesThread;
  private final LongSupplier clockMillis;
  private List<Held> held = new ArrayList<>();

  RouteQueries(RouteDirectory directory, Executor routesThread, LongSupplier clockMillis) {
    this.directory = directory;
    this.routesThread = routesThread;
    this.clockMillis = clockMillis;
  }

  void query(QueryRouteRequest request, Sdk sdk, StreamObserver<QueryRouteResponse> out) {
    QueryRouteResponse answer = answer(request, sdk);
    if (!isForLater(answer)) {
      reply(out, answer);
      return;
    }
    var query = new Held(request, sdk, out, clockMillis.getAsLong() + HOLD_MILLIS);
    routesThread.execute(
        () -> {
          if (held.size() == MAX_HELD) {
            reply(out, status(Code.TOO_MANY_REQUESTS, MAX_HELD + " queries wait for routes here"));
            return;
          }
          held.add(query);
          // The routes may have come in between.
          answerHeld();
        });
  }

  /** Looks again, after a change and now and then. On the routes thread. */
  void answerHeld() {
    if (held.isEmpty()) {
      return;
    }
    long nowMillis = clockMillis.getAsLong();
    var waiting = new ArrayList<Held>();
    for (Held query : held) {
      QueryRouteResponse answer = answer(query.request(), query.sdk());
      if (isForLater(answer) && nowMillis < query.untilMillis()) {
        waiting.add(query);
      } else {
        reply(query.out(), answer);
      }
    }
    held = waiting;
  }

  /** Answers all that wait, as it stands. On the routes thread. */
  void close() {
    for (Held query : held) {
      reply(query.out(), answer(query.request(), query.sdk()));
    }
    held = new ArrayList<>();
  }

  private QueryRouteResponse answer(QueryRouteRequest request, Sdk sdk) {
    String topic = ResourceName.of(request.getTopic());
    if (!TOPIC.matcher(topic).matches()) {
      return status(
          Code.ILLEGAL_TOPIC,
          "topic: expected 1 to 127 letters, digits, %, |, - and _, found "
              + topic.length()
              + " characters");
    }
    // Asked before the routes: it ends, and what is not in them then is not there.
    boolean warmingUp = directory.isWarmingUp();
    List<TopicPlace> places = directory.places(topic);
    if (places.isEmpty()) {
      return warmingUp
          ? status(Code.HA_NOT_AVAILABLE, "this name server has just started and may not know all")
          : status(Code.TOPIC_NOT_FOUND, "topic " + topic + " is not there: create it");
    }
    var response = status(Code.OK, "OK").toBuilder();
    for (TopicPlace place : places) {
      if (!place.place().replicas().isEmpty()) {
        response.addAllMessageQueues(RouteShaper.queues(request.getTopic(), place.place(), sdk));
      }
    }
    return response.getMessageQueuesCount() > 0
        ? response.build()
        : status(
            Code.HA_NOT_AVAILABLE, "no replica of the group with topic " + topic + " is heard");
  }

  private static boolean isForLater(QueryRouteResponse answer) {
    return answer.getStatus().getCode() == Code.HA_NOT_AVAILABLE;
  }

  private static QueryRouteResponse status(Code code, String message) {
    return QueryRouteResponse.newBuilder()
        .setStatus(Status.newBuilder().setCode(code).setMessage(message))
        .build();
  }

  private static void reply(StreamObserver<QueryRouteResponse> out, QueryRouteResponse answer) {
    out.onNext(answer);
    out.onCompleted();
  }
}
