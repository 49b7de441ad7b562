package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.CallOptions;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.ClientCalls;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.broker.state.Effect;
import io.keelmq.common.HostPort;
import io.keelmq.edge.EdgeSecurity;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.ChecksGrpc;
import io.keelmq.v1.ListTopicsRequest;
import io.keelmq.v1.StorageGrpc;
import io.keelmq.v1.StreamsGrpc;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class GrpcServersTest {

  private static final MethodDescriptor.Marshaller<byte[]> RAW =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] bytes) {
          return new ByteArrayInputStream(bytes);
        }

        @Override
        public byte[] parse(InputStream in) {
          try {
            return in.readAllBytes();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        }
      };

  @Test
  void healthFollowsReadiness() throws Exception {
    try (var cluster = new ApiCluster(1, 1)) {
      var health = HealthGrpc.newBlockingStub(cluster.channel(0));
      assertEquals(ServingStatus.SERVING, health.check(all()).getStatus());

      cluster.server(0).setReady(false);

      assertEquals(ServingStatus.NOT_SERVING, health.check(all()).getStatus());
    }
  }

  private static HealthCheckRequest all() {
    return HealthCheckRequest.getDefaultInstance();
  }

  @Test
  void saysWhichAddressIsInUse() throws Exception {
    try (var cluster = new ApiCluster(1, 1)) {
      var replica = cluster.group.replica(0);
      var second =
          new GrpcServers(
              new HostPort("127.0.0.1", cluster.port(0)),
              EdgeSecurity.none(),
              new ReplicaIdentity("g0", "n0", "", "", "", "test", 1),
              replica,
              replica,
              new ApiStats(),
              System::nanoTime);

      String message = assertThrows(IOException.class, second::start).getMessage();

      assertTrue(message.contains("127.0.0.1:" + cluster.port(0)), message);
      second.stop(Duration.ofSeconds(1));
    }
  }

  /** A group of one leads before anybody can be told. */
  @Test
  void whoWatchesHearsOfALeadThatWasTakenBeforeTheStart() throws Exception {
    try (var group = new FakeGroup(1, 1)) {
      group.elect(0);
      var servers =
          new GrpcServers(
              new HostPort("127.0.0.1", 0),
              EdgeSecurity.none(),
              new ReplicaIdentity("g0", "n0", "", "", "", "test", 1),
              group.replica(0),
              group.replica(0),
              new ApiStats(),
              System::nanoTime);
      var told = new CompletableFuture<Boolean>();
      servers.add(shared -> new Watching(shared.edge(), told));

      servers.start();

      assertTrue(told.get(60, TimeUnit.SECONDS));
      servers.stop(Duration.ofSeconds(1));
    }
  }

  private static final class Watching implements GrpcServers.Protocol {

    Watching(Edge edge, CompletableFuture<Boolean> told) {
      edge.watch().add(() -> told.complete(edge.replica().leadership().isLeader()));
    }

    @Override
    public ServerServiceDefinition service() {
      return ServerServiceDefinition.builder("a").build();
    }

    @Override
    public ServerServiceDefinition betweenReplicas() {
      return ServerServiceDefinition.builder("b").build();
    }

    @Override
    public void applied(List<Effect> effects) {
      // The watch tells.
    }

    @Override
    public void stop() {
      // Nothing waits.
    }
  }

  @Test
  void randomBytesOnThePortChangeNothing() throws Exception {
    try (var cluster = new ApiCluster(1, 1)) {
      var random = new SplittableRandom(7);
      for (int i = 0; i < 50; i++) {
        try (var socket = new Socket(InetAddress.getLoopbackAddress(), cluster.port(0))) {
          byte[] bytes = new byte[random.nextInt(1, 5_000)];
          random.nextBytes(bytes);
          socket.getOutputStream().write(bytes);
          socket.shutdownOutput();
          socket.setSoTimeout(20_000);
          socket.getInputStream().readAllBytes();
        } catch (IOException e) {
          // The server may cut the connection while it is written to.
          assertNotNull(e.getMessage());
        }
      }

      assertEquals(
          0, cluster.admin(0).listTopics(ListTopicsRequest.getDefaultInstance()).getTopicsCount());
    }
  }

  /** Every call with every kind of rubbish ends in an answer or a status, and none in UNKNOWN. */
  @Test
  void randomRequestsAlwaysEndInAStatus() throws Exception {
    var methods = new ArrayList<MethodDescriptor<?, ?>>();
    methods.addAll(StreamsGrpc.getServiceDescriptor().getMethods());
    methods.addAll(AdminGrpc.getServiceDescriptor().getMethods());
    methods.addAll(StorageGrpc.getServiceDescriptor().getMethods());
    methods.addAll(ChecksGrpc.getServiceDescriptor().getMethods());
    long seed = Long.getLong("seed", 9);
    var random = new SplittableRandom(seed);
    try (var cluster = new ApiCluster(1, 1)) {
      cluster.createTopic("t", 1);
      // The rubbish may well say to delete "t", and cannot name this one.
      cluster.createTopic("kept", 1);
      var seen = new ArrayList<Status.Code>();
      for (int round = 0; round < 20; round++) {
        for (MethodDescriptor<?, ?> method : methods) {
          seen.add(call(cluster, method, random));
        }
      }
      System.out.println("seed=" + seed + " statuses=" + List.copyOf(new TreeSet<>(seen)));
      assertTrue(
          seen.stream()
              .noneMatch(
                  code ->
                      code == Status.Code.DEADLINE_EXCEEDED
                          || code == Status.Code.UNAVAILABLE
                          || code == Status.Code.UNKNOWN
                          || code == Status.Code.INTERNAL),
          "seed " + seed);
      assertTrue(
          cluster
              .admin(0)
              .listTopics(ListTopicsRequest.getDefaultInstance())
              .getTopicsList()
              .stream()
              .anyMatch(topic -> topic.getTopic().equals("kept")));
    }
  }

  private static Status.Code call(
      ApiCluster cluster, MethodDescriptor<?, ?> method, SplittableRandom random) {
    MethodDescriptor<byte[], byte[]> raw =
        MethodDescriptor.newBuilder(RAW, RAW)
            .setFullMethodName(method.getFullMethodName())
            .setType(MethodDescriptor.MethodType.SERVER_STREAMING)
            .build();
    try {
      ClientCalls.blockingServerStreamingCall(
              cluster.channel(0),
              raw,
              CallOptions.DEFAULT.withDeadlineAfter(20, TimeUnit.SECONDS),
              rubbish(random))
          .forEachRemaining(response -> {});
      return Status.Code.OK;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    }
  }

  /** Bytes that are mostly well-formed protobuf of fields with small numbers. */
  private static byte[] rubbish(SplittableRandom random) {
    byte[] bytes = new byte[random.nextInt(0, 60)];
    random.nextBytes(bytes);
    if (random.nextInt(3) == 0) {
      return bytes;
    }
    var fields = new ByteArrayOutputStream();
    for (int i = 0; i < random.nextInt(0, 5); i++) {
      int field = random.nextInt(1, 6);
      switch (random.nextInt(3)) {
        case 0 -> {
          fields.write(field << 3);
          fields.write(random.nextInt(0, 128));
        }
        case 1 -> {
          fields.write(field << 3 | 2);
          fields.write(1);
          fields.write('t');
        }
        default -> {
          fields.write(field << 3 | 2);
          fields.write(4);
          fields.write(1 << 3 | 2);
          fields.write(2);
          fields.write('x');
          fields.write('y');
        }
      }
    }
    return fields.toByteArray();
  }
}
