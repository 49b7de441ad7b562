package io.keelmq.broker.api.testing;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.keelmq.broker.api.ApiStats;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.api.GrpcServers;
import io.keelmq.broker.api.ReplicaIdentity;
import io.keelmq.broker.rocketmq.RocketmqOptions;
import io.keelmq.broker.rocketmq.RocketmqProtocol;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.TopicType;
import io.keelmq.common.HostPort;
import io.keelmq.edge.EdgeSecurity;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.Message;
import io.keelmq.v1.Run;
import io.keelmq.v1.StreamsGrpc;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** A fake group with a real gRPC server for each replica. */
public final class ApiCluster implements AutoCloseable {

  public final FakeGroup group;
  private final List<GrpcServers> servers = new ArrayList<>();
  private final List<Edge> edges = new ArrayList<>();
  private final List<ApiStats> stats = new ArrayList<>();
  private final List<Integer> ports = new ArrayList<>();
  private final List<ManagedChannel> channels = new ArrayList<>();

  public ApiCluster(long seed, int nodes) throws IOException {
    this(new FakeGroup(seed, nodes), nodes, System::nanoTime);
  }

  /**
   * @param nanoClock of all replicas
   */
  public ApiCluster(FakeGroup group, int nodes, LongSupplier nanoClock) throws IOException {
    this.group = group;
    for (int node = 0; node < nodes; node++) {
      FakeReplica replica = group.replica(node);
      var nodeStats = new ApiStats();
      var server =
          new GrpcServers(
              new HostPort("127.0.0.1", 0),
              EdgeSecurity.none(),
              new ReplicaIdentity("g0", "n" + node, "", "", "", "test", 1),
              replica,
              replica,
              nodeStats,
              nanoClock);
      server.add(
          shared -> {
            edges.add(shared.edge());
            return new RocketmqProtocol(
                shared, RocketmqOptions.DEFAULTS, () -> Instant.ofEpochMilli(group.timeMillis()));
          });
      int port = server.start();
      server.setReady(true);
      group.serves(node, "127.0.0.1:" + port);
      servers.add(server);
      stats.add(nodeStats);
      ports.add(port);
      channels.add(
          NettyChannelBuilder.forAddress("127.0.0.1", port)
              .usePlaintext()
              .maxInboundMessageSize(32 << 20)
              .build());
    }
    group.elect(0);
  }

  public int port(int node) {
    return ports.get(node);
  }

  public ManagedChannel channel(int node) {
    return channels.get(node);
  }

  public GrpcServers server(int node) {
    return servers.get(node);
  }

  public Edge edge(int node) {
    return edges.get(node);
  }

  public ApiStats stats(int node) {
    return stats.get(node);
  }

  public AdminGrpc.AdminBlockingStub admin(int node) {
    return AdminGrpc.newBlockingStub(channel(node)).withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  public StreamsGrpc.StreamsBlockingStub streams(int node) {
    return StreamsGrpc.newBlockingStub(channel(node)).withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  public StreamsGrpc.StreamsStub asyncStreams(int node) {
    return StreamsGrpc.newStub(channel(node));
  }

  public void createTopic(String name, int queues) {
    createTopic(name, TopicType.NORMAL, queues);
  }

  public void createTopic(String name, TopicType type, int queues) {
    group.apply(new Command.CreateTopic(name, type, queues, 0));
  }

  public void createTopic(String name, int queues, TopicType type) {
    group.apply(new Command.CreateTopic(name, type, queues, 0));
  }

  /** Messages of the bodies as a run holds them. */
  public static ByteString records(List<Message> messages) {
    var bytes = new ByteArrayOutputStream();
    try {
      for (Message message : messages) {
        message.writeDelimitedTo(bytes);
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return ByteString.copyFrom(bytes.toByteArray());
  }

  public static Run run(String topic, int queue, String... bodies) {
    var messages = new ArrayList<Message>();
    for (String body : bodies) {
      messages.add(Message.newBuilder().setBody(ByteString.copyFromUtf8(body)).build());
    }
    return run(topic, queue, messages);
  }

  public static Run run(String topic, int queue, List<Message> messages) {
    return Run.newBuilder()
        .setTopic(topic)
        .setQueue(queue)
        .setCount(messages.size())
        .setRecords(records(messages))
        .build();
  }

  @Override
  public void close() {
    channels.forEach(ManagedChannel::shutdownNow);
    for (GrpcServers server : servers) {
      try {
        server.stop(Duration.ofSeconds(2));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    group.close();
  }
}
