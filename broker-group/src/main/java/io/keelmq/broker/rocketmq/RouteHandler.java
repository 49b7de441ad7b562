package io.keelmq.broker.rocketmq;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.api.ReplicaIdentity;
import io.keelmq.broker.api.VoterAddresses;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import io.keelmq.common.HostPort;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.RouteShaper;
import io.keelmq.rocketmq.Sdk;
import io.keelmq.rocketmq.v2.Assignment;
import io.keelmq.rocketmq.v2.QueryAssignmentRequest;
import io.keelmq.rocketmq.v2.QueryAssignmentResponse;
import io.keelmq.rocketmq.v2.QueryRouteRequest;
import io.keelmq.rocketmq.v2.QueryRouteResponse;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.Status;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where a topic's queues are, as this replica knows it. Thread-safe.
 *
 * <p>Names all voting members, also one that is down: SDKs go on to the next address, and a route
 * that changes with every restart makes them connect anew. Name servers, which hear from all
 * replicas, know better who lives.
 */
final class RouteHandler {

  private final Edge edge;
  private final ReplicaIdentity identity;
  private final ReplicaControl control;
  private final TopicLookup topics;

  RouteHandler(Edge edge, ReplicaIdentity identity, ReplicaControl control, TopicLookup topics) {
    this.edge = edge;
    this.identity = identity;
    this.control = control;
    this.topics = topics;
  }

  void route(QueryRouteRequest request, StreamObserver<QueryRouteResponse> observer) {
    var caller =
        new Answering<>(
            observer, status -> QueryRouteResponse.newBuilder().setStatus(status).build());
    Sdk sdk = Caller.current().sdk();
    Optional<Status> refusal =
        CallerChecks.clientId(Caller.current().clientId())
            .or(() -> ResourceChecks.topic(request.getTopic()));
    if (refusal.isPresent()) {
      caller.refuse(refusal.get());
      return;
    }
    topics.find(
        ResourceChecks.name(request.getTopic()),
        topic ->
            caller.answer(
                QueryRouteResponse.newBuilder()
                    .setStatus(Statuses.OK)
                    .addAllMessageQueues(RouteShaper.queues(request.getTopic(), place(topic), sdk))
                    .build()),
        caller::refuse);
  }

  void assignment(
      QueryAssignmentRequest request, StreamObserver<QueryAssignmentResponse> observer) {
    var caller =
        new Answering<>(
            observer, status -> QueryAssignmentResponse.newBuilder().setStatus(status).build());
    Sdk sdk = Caller.current().sdk();
    Optional<Status> refusal =
        CallerChecks.clientId(Caller.current().clientId())
            .or(() -> ResourceChecks.topic(request.getTopic()))
            .or(() -> ResourceChecks.group(request.getGroup()));
    if (refusal.isPresent()) {
      caller.refuse(refusal.get());
      return;
    }
    String group = ResourceChecks.name(request.getGroup());
    topics.find(
        ResourceChecks.name(request.getTopic()),
        topic -> caller.answer(assignment(request.getTopic(), topic, group, sdk)),
        caller::refuse);
  }

  /**
   * Each consumer has all queues: the leader's planner shares messages out, not queues. A FIFO
   * group is told them one by one, which gives its consumers as many polls at a time.
   */
  private QueryAssignmentResponse assignment(
      Resource resource, Topic topic, String group, Sdk sdk) {
    RouteShaper.Place place = place(topic);
    boolean fifo =
        edge.replica()
            .state()
            .consumerGroup(group)
            .map(StateView.ConsumerGroup::settings)
            .filter(settings -> settings.fifo())
            .isPresent();
    var response = QueryAssignmentResponse.newBuilder().setStatus(Statuses.OK);
    if (fifo) {
      RouteShaper.queues(resource, place, sdk)
          .forEach(
              queue -> response.addAssignments(Assignment.newBuilder().setMessageQueue(queue)));
    } else {
      response.addAssignments(
          Assignment.newBuilder().setMessageQueue(RouteShaper.anyQueue(resource, place, sdk)));
    }
    return response.build();
  }

  private RouteShaper.Place place(Topic topic) {
    Leadership leadership = edge.replica().leadership();
    Optional<HostPort> leader = leadership.leaderAddress().map(HostPort::parse);
    List<HostPort> replicas = replicas(leader);
    return new RouteShaper.Place(
        identity.brokerGroup(),
        replicas,
        leader,
        // Whether the others serve is not known here.
        replicas.stream().filter(this::isThisOne).findFirst(),
        MessageChecks.type(topic.type()),
        topic.queues());
  }

  private boolean isThisOne(HostPort replica) {
    return replica.toString().equals(identity.clientAddress());
  }

  private List<HostPort> replicas(Optional<HostPort> leader) {
    Map<String, HostPort> voters = VoterAddresses.of(edge.replica(), control);
    return voters.isEmpty()
        ? List.of(leader.orElseGet(() -> HostPort.parse(identity.clientAddress())))
        : List.copyOf(voters.values());
  }
}
