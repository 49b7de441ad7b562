package io.keelmq.broker.rocketmq;

import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.api.GrpcServers;
import io.keelmq.broker.state.Effect;
import io.keelmq.rocketmq.Caller;
import java.time.InstantSource;
import java.util.List;

/** {@code apache.rocketmq.v2} as a protocol of a replica's port. Thread-safe. */
public final class RocketmqProtocol implements GrpcServers.Protocol {

  private final MessagingService service;
  private final ServerServiceDefinition definition;
  private final PollsService polls;

  /**
   * @param wall by which clients' delivery times are judged before log time has the last word
   */
  public RocketmqProtocol(GrpcServers.Shared shared, RocketmqOptions options, InstantSource wall) {
    Edge edge = shared.edge();
    var sessions = new ClientSessions(edge);
    var leases = new LeaseBook(edge, shared.planners(), sessions);
    var served =
        new Served(
            edge,
            shared.planners(),
            new TopicLookup(edge),
            new GroupMaker(edge, options),
            sessions,
            leases,
            new ReachedPolls(edge, leases));
    this.service = new MessagingService(served, shared, options, wall);
    this.definition = ServerInterceptors.intercept(service, Caller.reader());
    this.polls = new PollsService(served);
    edge.watch().add(service::leadershipChanged);
  }

  @Override
  public ServerServiceDefinition service() {
    return definition;
  }

  @Override
  public ServerServiceDefinition betweenReplicas() {
    return polls.bindService();
  }

  @Override
  public void applied(List<Effect> effects) {
    // Polls are told by their planners, changes of leadership by the watch.
  }

  @Override
  public void stop() {
    service.stop();
  }
}
