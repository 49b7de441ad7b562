package io.keelmq.nameserver;

import static io.keelmq.nameserver.Reports.follower;
import static io.keelmq.nameserver.Reports.leader;
import static io.keelmq.nameserver.Reports.topic;
import static io.keelmq.nameserver.Reports.voter;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.util.concurrent.ListenableFuture;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.HostPort;
import io.keelmq.common.Metrics;
import io.keelmq.edge.EdgeSecurity;
import io.keelmq.rocketmq.v2.Address;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.HeartbeatRequest;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.QueryAssignmentRequest;
import io.keelmq.rocketmq.v2.QueryAssignmentResponse;
import io.keelmq.rocketmq.v2.QueryRouteRequest;
import io.keelmq.rocketmq.v2.QueryRouteResponse;
import io.keelmq.rocketmq.v2.RecallMessageRequest;
import io.keelmq.rocketmq.v2.RecallMessageResponse;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.Status;
import io.keelmq.rocketmq.v2.TelemetryCommand;
import io.keelmq.v1.GetRoutesRequest;
import io.keelmq.v1.NameServerGrpc;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReportReply;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What SDKs ask a name server, over real gRPC; the directory's clock is the test's. */
class SdkServiceTest {

  private static final HostPort ANY_PORT = new HostPort("127.0.0.1", 0);
  private static final Duration DEADLINE = Duration.ofSeconds(60);
  private static final long WARM_UP_MILLIS = 3_000;

  private final AtomicLong clockMillis = new AtomicLong(1_000_000);
  private final List<ManagedChannel> channels = new ArrayList<>();
  private final List<String> headersSeen = new CopyOnWriteArrayList<>();
  private NameServer nameServer;
  private Server broker;

  @BeforeEach
  void start() throws IOException {
    nameServer =
        new NameServer(
            new NameServerOptions(
                ANY_PORT,
                ANY_PORT,
                Duration.ofMillis(WARM_UP_MILLIS),
                Duration.ofSeconds(4),
                new EdgeSecurity.Options(Optional.empty(), Optional.empty())),
            EdgeSecurity.none(),
            clockMillis::get,
            new Metrics());
    nameServer.start();
  }

  @AfterEach
  void stop() {
    channels.forEach(ManagedChannel::shutdownNow);
    nameServer.close();
    if (broker != null) {
      broker.shutdownNow();
    }
  }

  @Test
  void tellsWhereATopicIs() {
    report(leader("n2", 5).setClientAddress("127.0.0.1:8082"), "orders");
    report(follower("n1", 5, "n2").setClientAddress("127.0.0.1:8081"));

    await().atMost(DEADLINE).until(() -> addresses(route(sdk("JAVA"), "orders")).size() == 2);
    QueryRouteResponse response = route(sdk("JAVA"), "orders");

    assertEquals(Code.OK, response.getStatus().getCode());
    assertEquals(4, response.getMessageQueuesCount());
    assertEquals(List.of("127.0.0.1:8081", "127.0.0.1:8082"), addresses(response));
    assertEquals(
        List.of("ipv4:127.0.0.1:8081", "127.0.0.1:8082"), addresses(route(sdk("HTTP"), "orders")));
    assertEquals(
        List.of("127.0.0.1:8082", "127.0.0.1:8081"), addresses(route(sdk("DOT_NET"), "orders")));
  }

  /** As after a start of the name server, and of a replica whose restart takes long. */
  @Test
  void oneReplicaTellsWhereTheOthersAre() {
    ReplicaStream one =
        report(
            leader("n2", 5)
                .setClientAddress("127.0.0.1:9082")
                .addVoters(voter("n1", "127.0.0.1:8081"))
                .addVoters(voter("n2", "127.0.0.1:8082"))
                .addVoters(voter("n3", "127.0.0.1:8083")),
            "orders");

    await().atMost(DEADLINE).until(() -> !addresses(route(sdk("JAVA"), "orders")).isEmpty());
    assertEquals(
        List.of("127.0.0.1:8081", "127.0.0.1:9082", "127.0.0.1:8083"),
        addresses(route(sdk("JAVA"), "orders")));

    report(
        follower("n1", 5, "n2")
            .setClientAddress("127.0.0.1:8081")
            .addVoters(voter("n1", "127.0.0.1:8081")));
    report(follower("n4", 5, "n2").setClientAddress("127.0.0.1:8084"));
    one.send(
        leader("n2", 5)
            .setClientAddress("127.0.0.1:9082")
            .setAppliedIndex(9)
            .setTopicsVersion(7)
            .addVoters(voter("n1", "127.0.0.1:8081"))
            .addVoters(voter("n2", "127.0.0.1:8082")));
    awaitReplicas(3);
    await()
        .atMost(DEADLINE)
        .until(
            () ->
                addresses(route(sdk("JAVA"), "orders"))
                    .equals(List.of("127.0.0.1:8081", "127.0.0.1:9082")));
  }

  @Test
  void keepsAReplicaThatIsStartedAgain() {
    ReplicaStream living = report(leader("n2", 5).setClientAddress("127.0.0.1:8082"), "orders");
    ReplicaStream dying = report(follower("n1", 5, "n2").setClientAddress("127.0.0.1:8081"));
    await().atMost(DEADLINE).until(() -> addresses(route(sdk("JAVA"), "orders")).size() == 2);

    dying.requests.onCompleted();
    awaitReplicas(1);

    assertEquals(2, addresses(route(sdk("JAVA"), "orders")).size());

    // In small steps: a long one would be taken for a pause of the name server itself.
    for (int i = 0; i < 20; i++) {
      clockMillis.addAndGet(500);
      living.send(leader("n2", 5).setClientAddress("127.0.0.1:8082").setTopicsVersion(7));
      nameServer.tick();
    }
    assertEquals(List.of("127.0.0.1:8082"), addresses(route(sdk("JAVA"), "orders")));
  }

  @Test
  void holdsWhatItCannotKnowYet() throws Exception {
    ListenableFuture<QueryRouteResponse> early = askAsync("orders");
    report(leader("n1", 5), "orders");

    assertEquals(Code.OK, early.get(60, TimeUnit.SECONDS).getStatus().getCode());
  }

  @Test
  void saysSoInTheEnd() throws Exception {
    ListenableFuture<QueryRouteResponse> early = askAsync("orders");
    await()
        .atMost(DEADLINE)
        .until(
            () -> {
              // It may not have arrived when the clock was moved for the first time.
              clockMillis.addAndGet(RouteQueries.HOLD_MILLIS / 2);
              return early.isDone();
            });

    Code code = early.get().getStatus().getCode();
    assertTrue(code == Code.HA_NOT_AVAILABLE || code == Code.TOPIC_NOT_FOUND, code::name);
  }

  @Test
  void refusesWhatIsNotThere() {
    clockMillis.addAndGet(WARM_UP_MILLIS);
    nameServer.tick();

    assertEquals(Code.TOPIC_NOT_FOUND, route(sdk("JAVA"), "absent").getStatus().getCode());
    for (String bad : List.of("", "a b", "a".repeat(128))) {
      assertEquals(Code.ILLEGAL_TOPIC, route(sdk("JAVA"), bad).getStatus().getCode());
    }
    var anonymous = MessagingServiceGrpc.newBlockingStub(connect());
    assertEquals(Code.CLIENT_ID_REQUIRED, route(anonymous, "absent").getStatus().getCode());
    assertEquals(
        Code.OK,
        sdk("JAVA").heartbeat(HeartbeatRequest.getDefaultInstance()).getStatus().getCode());
  }

  @Test
  void passesARecallOnToAReplicaThatAnswers() throws Exception {
    broker = broker(Code.OK);
    int deadPort;
    try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      deadPort = free.getLocalPort();
    }
    report(leader("n1", 5).setClientAddress("127.0.0.1:" + broker.getPort()), "timers");
    report(follower("n2", 5, "n1").setClientAddress("127.0.0.1:" + deadPort));
    awaitReplicas(2);

    RecallMessageResponse response =
        sdk("PYTHON")
            .recallMessage(
                RecallMessageRequest.newBuilder()
                    .setTopic(Resource.newBuilder().setName("timers"))
                    .setRecallHandle("handle-7")
                    .build());

    assertEquals(Code.OK, response.getStatus().getCode());
    assertEquals("handle-7", response.getMessageId());
    assertEquals(List.of("client-1"), headersSeen);
  }

  @Test
  void passesARecallOnToTheGroupOfATopicInANamespace() throws Exception {
    broker = broker(Code.OK);
    int otherPort;
    try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      otherPort = free.getLocalPort();
    }
    report(leader("n1", 5).setClientAddress("127.0.0.1:" + otherPort), "timers");
    report(
        Reports.report("g1", "m1", ReplicaRole.LEADER, 5, "m1")
            .setClientAddress("127.0.0.1:" + broker.getPort()),
        "ns%timers");

    RecallMessageResponse response =
        sdk("PYTHON")
            .withDeadlineAfter(DEADLINE.toSeconds(), TimeUnit.SECONDS)
            .recallMessage(
                RecallMessageRequest.newBuilder()
                    .setTopic(Resource.newBuilder().setResourceNamespace("ns").setName("timers"))
                    .setRecallHandle("handle-7")
                    .build());

    assertEquals("handle-7", response.getMessageId());
  }

  @Test
  void letsABrokerAnswerWhatOnlyBrokersKnow() throws Exception {
    broker = broker(Code.OK);
    report(leader("n1", 5).setClientAddress("127.0.0.1:" + broker.getPort()), "orders");
    awaitReplicas(1);

    var assigned =
        sdk("GO")
            .queryAssignment(
                QueryAssignmentRequest.newBuilder()
                    .setTopic(Resource.newBuilder().setName("orders"))
                    .build());
    var settled = new CompletableFuture<TelemetryCommand>();
    var telemetry =
        MessagingServiceGrpc.newStub(connect())
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers("GO")))
            .telemetry(new First(settled));
    telemetry.onNext(TelemetryCommand.getDefaultInstance());

    assertEquals(Code.OK, assigned.getStatus().getCode());
    assertEquals(Code.OK, settled.get(60, TimeUnit.SECONDS).getStatus().getCode());
    telemetry.onCompleted();
  }

  private Server broker(Code code) throws IOException {
    var service =
        new MessagingServiceGrpc.MessagingServiceImplBase() {
          @Override
          public void recallMessage(
              RecallMessageRequest request, StreamObserver<RecallMessageResponse> out) {
            out.onNext(
                RecallMessageResponse.newBuilder()
                    .setStatus(Status.newBuilder().setCode(code))
                    .setMessageId(request.getRecallHandle())
                    .build());
            out.onCompleted();
          }

          @Override
          public void queryAssignment(
              QueryAssignmentRequest request, StreamObserver<QueryAssignmentResponse> out) {
            out.onNext(
                QueryAssignmentResponse.newBuilder()
                    .setStatus(Status.newBuilder().setCode(code))
                    .build());
            out.onCompleted();
          }

          @Override
          public StreamObserver<TelemetryCommand> telemetry(StreamObserver<TelemetryCommand> out) {
            out.onNext(
                TelemetryCommand.newBuilder().setStatus(Status.newBuilder().setCode(code)).build());
            return new First(new CompletableFuture<>());
          }
        };
    var notesHeaders =
        new ServerInterceptor() {
          @Override
          public <Q, R> ServerCall.Listener<Q> interceptCall(
              ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
            headersSeen.add(headers.get(key("x-mq-client-id")));
            return next.startCall(call, headers);
          }
        };
    return NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
        .addService(ServerInterceptors.intercept(service, notesHeaders))
        .build()
        .start();
  }

  private ReplicaStream report(ReplicaReport.Builder report, String... topics) {
    for (String name : topics) {
      report.addTopics(topic(name));
    }
    report.setTopicsVersion(topics.length == 0 ? 0 : 7).setHasTopics(topics.length > 0);
    var stream = new ReplicaStream();
    stream.send(report);
    return stream;
  }

  private void awaitReplicas(int count) {
    var stub = NameServerGrpc.newBlockingStub(connect());
    await()
        .atMost(DEADLINE)
        .until(
            () -> {
              var routes = stub.getRoutes(GetRoutesRequest.getDefaultInstance());
              return routes.getGroupsCount() == 1
                  && routes.getGroups(0).getReplicasCount() == count;
            });
  }

  private ListenableFuture<QueryRouteResponse> askAsync(String topic) {
    return MessagingServiceGrpc.newFutureStub(connect())
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers("JAVA")))
        .queryRoute(request(topic));
  }

  private MessagingServiceGrpc.MessagingServiceBlockingStub sdk(String language) {
    return MessagingServiceGrpc.newBlockingStub(connect())
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers(language)));
  }

  private static Metadata headers(String language) {
    var headers = new Metadata();
    headers.put(key("x-mq-client-id"), "client-1");
    headers.put(key("x-mq-language"), language);
    return headers;
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  private static QueryRouteResponse route(
      MessagingServiceGrpc.MessagingServiceBlockingStub stub, String topic) {
    return stub.withDeadlineAfter(DEADLINE.toSeconds(), TimeUnit.SECONDS)
        .queryRoute(request(topic));
  }

  private static QueryRouteRequest request(String topic) {
    return QueryRouteRequest.newBuilder().setTopic(Resource.newBuilder().setName(topic)).build();
  }

  private static List<String> addresses(QueryRouteResponse response) {
    return response.getMessageQueuesCount() == 0
        ? List.of()
        : response.getMessageQueues(0).getBroker().getEndpoints().getAddressesList().stream()
            .map(SdkServiceTest::text)
            .toList();
  }

  private static String text(Address address) {
    return address.getHost() + ":" + address.getPort();
  }

  private ManagedChannel connect() {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", nameServer.port()).usePlaintext().build();
    channels.add(channel);
    return channel;
  }

  /** Keeps the first command of a stream. */
  private record First(CompletableFuture<TelemetryCommand> command)
      implements StreamObserver<TelemetryCommand> {
    @Override
    public void onNext(TelemetryCommand next) {
      command.complete(next);
    }

    @Override
    public void onError(Throwable failure) {
      command.completeExceptionally(failure);
    }

    @Override
    public void onCompleted() {}
  }

  /** Reports on a connection of its own. */
  private final class ReplicaStream implements StreamObserver<ReportReply> {

    private final AtomicInteger replies = new AtomicInteger();
    final StreamObserver<ReplicaReport> requests = NameServerGrpc.newStub(connect()).report(this);

    /** Returns when the report has been taken. */
    void send(ReplicaReport.Builder report) {
      int before = replies.get();
      requests.onNext(report.build());
      await()
          .atMost(DEADLINE)
          .pollInterval(Duration.ofMillis(5))
          .until(() -> replies.get() > before);
    }

    @Override
    public void onNext(ReportReply reply) {
      replies.incrementAndGet();
    }

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onCompleted() {}
  }
}
