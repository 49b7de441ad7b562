package io.keelmq.nameserver;

import static io.keelmq.nameserver.Reports.follower;
import static io.keelmq.nameserver.Reports.leader;
import static io.keelmq.nameserver.Reports.topic;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.HostPort;
import io.keelmq.common.Metrics;
import io.keelmq.common.StatusDetails;
import io.keelmq.edge.EdgeSecurity;
import io.keelmq.v1.Code;
import io.keelmq.v1.GetRoutesRequest;
import io.keelmq.v1.NameServerGrpc;
import io.keelmq.v1.ReplicaReport;
import io.keelmq.v1.ReportReply;
import io.keelmq.v1.Routes;
import io.keelmq.v1.WatchRoutesRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Over real gRPC; the directory's clock is the test's. */
class NameServerTest {

  private static final HostPort ANY_PORT = new HostPort("127.0.0.1", 0);
  private static final EdgeSecurity.Options OPEN =
      new EdgeSecurity.Options(Optional.empty(), Optional.empty());
  private static final Duration DEADLINE = Duration.ofSeconds(30);

  private final AtomicLong clockMillis = new AtomicLong(1_000_000);
  private final Metrics metrics = new Metrics();
  private final List<ManagedChannel> channels = new ArrayList<>();
  private NameServer nameServer;

  @BeforeEach
  void start() throws IOException {
    var options =
        new NameServerOptions(
            ANY_PORT, ANY_PORT, Duration.ofSeconds(3), Duration.ofSeconds(4), OPEN);
    nameServer = new NameServer(options, EdgeSecurity.none(), clockMillis::get, metrics);
    nameServer.start();
  }

  @AfterEach
  void stop() {
    channels.forEach(ManagedChannel::shutdownNow);
    nameServer.close();
  }

  @Test
  void pushesWhatIsReported() {
    var watch = new Recorder<Routes>();
    NameServerGrpc.newStub(connect()).watchRoutes(WatchRoutesRequest.getDefaultInstance(), watch);
    watch.awaitLast(routes -> routes.getGroupsCount() == 0);
    var replica = new ReplicaStream();

    replica.send(leader("n1", 5));

    watch.awaitLast(routes -> leads(routes, "n1"));

    replica.send(leader("n1", 5).setTopicsVersion(3).setHasTopics(true).addTopics(topic("orders")));

    watch.awaitLast(routes -> routes.getGroups(0).getTopicsList().equals(List.of(topic("orders"))));
    assertEquals("127.0.0.1:8081", watch.last().getGroups(0).getReplicas(0).getClientAddress());
    for (int i = 1; i < watch.values.size(); i++) {
      assertTrue(watch.values.get(i).getVersion() > watch.values.get(i - 1).getVersion());
    }
  }

  @Test
  void answersEachReportAndAsksForTopics() {
    var replica = new ReplicaStream();

    replica.send(leader("n1", 5).setTopicsVersion(3));

    replica.replies.awaitLast(ReportReply::getWantTopics);

    replica.send(leader("n1", 5).setTopicsVersion(3).setHasTopics(true).addTopics(topic("a")));

    replica.replies.awaitLast(reply -> !reply.getWantTopics());
    assertEquals(2, replica.replies.values.size());
  }

  @Test
  void streamEndTakesTheReplicaOutAtOnce() {
    var n1 = new ReplicaStream();
    var n2 = new ReplicaStream();
    n1.send(leader("n1", 5));
    n2.send(follower("n2", 5, "n1"));
    awaitRoutes(routes -> leads(routes, "n1") && replicas(routes) == 2);

    n1.requests.onCompleted();

    awaitRoutes(routes -> leads(routes, "") && replicas(routes) == 1);
  }

  @Test
  void lostConnectionTakesTheReplicaOutAtOnce() {
    var n1 = new ReplicaStream();
    n1.send(leader("n1", 5));
    awaitRoutes(routes -> leads(routes, "n1"));

    n1.channel.shutdownNow();

    awaitRoutes(routes -> replicas(routes) == 0);
  }

  @Test
  void silenceTakesTheReplicaOut() {
    var n1 = new ReplicaStream();
    var n2 = new ReplicaStream();
    n1.send(leader("n1", 5));
    n2.send(follower("n2", 5, "n1"));
    awaitRoutes(routes -> replicas(routes) == 2);

    for (int passed = 0; passed < 4_000; passed += 500) {
      assertEquals(2, replicas(routes()));
      n1.send(leader("n1", 5));
      n1.replies.awaitCount(2 + passed / 500);
      clockMillis.addAndGet(500);
      nameServer.tick();
    }

    assertEquals(1, replicas(routes()));
    assertTrue(leads(routes(), "n1"));
  }

  @Test
  void warmsUpForAWhileAndSaysSo() {
    var watch = new Recorder<Routes>();
    NameServerGrpc.newStub(connect()).watchRoutes(WatchRoutesRequest.getDefaultInstance(), watch);
    watch.awaitLast(Routes::getWarmingUp);
    assertTrue(routes().getWarmingUp());

    clockMillis.addAndGet(2_999);
    nameServer.tick();
    assertTrue(routes().getWarmingUp());

    clockMillis.addAndGet(1);
    nameServer.tick();

    assertFalse(routes().getWarmingUp());
    watch.awaitLast(routes -> !routes.getWarmingUp());
  }

  /**
   * Goal: a watcher that does not read costs one snapshot and gets the newest when it reads again.
   * Method: it asks for one message; thousands of changes of a fat route follow, seen by another.
   */
  @Test
  void slowWatcherSkipsVersions() {
    var slow = new CopyOnWriteArrayList<Routes>();
    ClientCall<WatchRoutesRequest, Routes> call =
        connect().newCall(NameServerGrpc.getWatchRoutesMethod(), CallOptions.DEFAULT);
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(Routes routes) {
            slow.add(routes);
          }
        },
        new Metadata());
    call.sendMessage(WatchRoutesRequest.getDefaultInstance());
    call.halfClose();
    call.request(1);
    await().atMost(DEADLINE).until(() -> slow.size() == 1);
    var replica = new ReplicaStream();
    var fat = leader("n1", 1).setTopicsVersion(1).setHasTopics(true);
    for (int i = 0; i < 5_000; i++) {
      fat.addTopics(topic("a-topic-with-a-rather-long-name-" + i));
    }
    replica.send(fat);
    awaitRoutes(routes -> leads(routes, "n1"));

    int changes = 300;
    for (int term = 2; term <= changes; term++) {
      replica.send(leader("n1", term).setTopicsVersion(1));
      replica.replies.awaitCount(term);
    }
    call.request(changes);

    await()
        .atMost(DEADLINE)
        .until(() -> slow.get(slow.size() - 1).getVersion() == routes().getVersion());
    assertTrue(slow.size() < changes / 4, () -> "got " + slow.size() + " of " + changes);
    call.cancel("done", null);
  }

  @Test
  void watchersAreCountedAndForgotten() {
    ManagedChannel channel = connect();
    NameServerGrpc.newStub(channel)
        .watchRoutes(WatchRoutesRequest.getDefaultInstance(), new Recorder<>());
    await().atMost(DEADLINE).until(() -> metrics.text().contains("keelmq_nameserver_watchers 1.0"));

    channel.shutdownNow();

    await().atMost(DEADLINE).until(() -> metrics.text().contains("keelmq_nameserver_watchers 0.0"));
  }

  @Test
  void refusesAStrangerWithAClearErrorAndCountsIt() {
    var n1 = new ReplicaStream();
    n1.send(leader("n1", 5));
    awaitRoutes(routes -> leads(routes, "n1"));
    var stranger = new ReplicaStream();

    stranger.send(leader("n2", 9).setClusterId("c2"));

    stranger.replies.awaitFailure();
    var detail = StatusDetails.fromThrowable(stranger.replies.failure);
    assertEquals(Code.IDENTITY_MISMATCH, detail.getCode());
    assertTrue(detail.getMessage().contains("c2"), detail.getMessage());
    String text = metrics.text();
    assertTrue(text.contains("rejected_reports_total{reason=\"IDENTITY_MISMATCH\"} 1.0"), text);
    assertTrue(text.contains("keelmq_nameserver_group_term{group=\"g0\"} 5.0"), text);
    assertTrue(text.contains("keelmq_nameserver_leader_known{group=\"g0\"} 1.0"), text);
    assertTrue(text.contains("keelmq_nameserver_replicas{group=\"g0\"} 1.0"), text);
  }

  @Test
  void randomBytesDoNoHarm() throws IOException {
    long seed = Long.getLong("seed", 42);
    System.out.println("seed=" + seed);
    var random = new Random(seed);
    var n1 = new ReplicaStream();
    n1.send(leader("n1", 5));
    for (int port : new int[] {nameServer.port(), nameServer.opsPort()}) {
      for (int i = 0; i < 30; i++) {
        var bytes = new byte[1 + random.nextInt(4_000)];
        random.nextBytes(bytes);
        try (var socket = new Socket(InetAddress.getByName("127.0.0.1"), port)) {
          socket.getOutputStream().write(bytes);
        } catch (IOException e) {
          // Hung up on in the middle of a write, which is an answer too.
          System.out.println("refused: " + e.getMessage());
        }
      }
    }

    awaitRoutes(routes -> leads(routes, "n1"));
  }

  @Test
  void closeTellsHealthAndWatchersThenTheReplicas() {
    var health = HealthGrpc.newBlockingStub(connect());
    assertEquals(
        ServingStatus.SERVING, health.check(HealthCheckRequest.getDefaultInstance()).getStatus());
    var watch = new Recorder<Routes>();
    NameServerGrpc.newStub(connect()).watchRoutes(WatchRoutesRequest.getDefaultInstance(), watch);
    watch.awaitLast(routes -> true);
    var healthWatch = new Recorder<io.grpc.health.v1.HealthCheckResponse>();
    HealthGrpc.newStub(connect()).watch(HealthCheckRequest.getDefaultInstance(), healthWatch);
    healthWatch.awaitLast(answer -> answer.getStatus() == ServingStatus.SERVING);
    var replica = new ReplicaStream();
    replica.send(leader("n1", 5));
    replica.replies.awaitCount(1);

    nameServer.close();

    watch.awaitFailure();
    assertEquals(Code.SHUTTING_DOWN, StatusDetails.fromThrowable(watch.failure).getCode());
    healthWatch.awaitLast(answer -> answer.getStatus() == ServingStatus.NOT_SERVING);
    replica.replies.awaitFailure();
  }

  @Test
  void takenPortIsNamedWithWhatToDo() {
    var taken = new HostPort("127.0.0.1", nameServer.port());
    var second =
        new NameServer(
            new NameServerOptions(taken, ANY_PORT, Duration.ZERO, Duration.ofSeconds(4), OPEN),
            EdgeSecurity.none(),
            clockMillis::get,
            new Metrics());
    try {
      String message = assertThrows(IOException.class, second::start).getMessage();

      assertTrue(message.contains(taken.toString()), message);
      assertTrue(message.contains("set listen"), message);
    } finally {
      second.close();
    }
  }

  private ManagedChannel connect() {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", nameServer.port()).usePlaintext().build();
    channels.add(channel);
    return channel;
  }

  private Routes routes() {
    return NameServerGrpc.newBlockingStub(channels.isEmpty() ? connect() : channels.get(0))
        .withDeadlineAfter(DEADLINE.toSeconds(), TimeUnit.SECONDS)
        .getRoutes(GetRoutesRequest.getDefaultInstance());
  }

  private void awaitRoutes(Predicate<Routes> condition) {
    ManagedChannel own = connect();
    var stub = NameServerGrpc.newBlockingStub(own);
    await()
        .atMost(DEADLINE)
        .until(() -> condition.test(stub.getRoutes(GetRoutesRequest.getDefaultInstance())));
  }

  private static boolean leads(Routes routes, String node) {
    return routes.getGroupsCount() == 1 && routes.getGroups(0).getLeaderNode().equals(node);
  }

  private static int replicas(Routes routes) {
    return routes.getGroupsCount() == 0 ? 0 : routes.getGroups(0).getReplicasCount();
  }

  /** A replica's stream on a connection of its own. */
  private final class ReplicaStream {
    final ManagedChannel channel = connect();
    final Recorder<ReportReply> replies = new Recorder<>();
    final StreamObserver<ReplicaReport> requests = NameServerGrpc.newStub(channel).report(replies);

    void send(ReplicaReport.Builder report) {
      requests.onNext(report.build());
    }
  }

  /** Keeps what a stream brings. */
  private static final class Recorder<T> implements StreamObserver<T> {
    final List<T> values = new CopyOnWriteArrayList<>();
    volatile Throwable failure;

    @Override
    public void onNext(T value) {
      values.add(value);
    }

    @Override
    public void onError(Throwable newFailure) {
      failure = newFailure;
    }

    @Override
    public void onCompleted() {}

    T last() {
      return values.get(values.size() - 1);
    }

    void awaitLast(Predicate<T> condition) {
      await().atMost(DEADLINE).until(() -> !values.isEmpty() && condition.test(last()));
    }

    void awaitCount(int count) {
      await()
          .atMost(DEADLINE)
          .pollInterval(Duration.ofMillis(2))
          .until(() -> values.size() >= count);
    }

    void awaitFailure() {
      await().atMost(DEADLINE).until(() -> failure != null);
    }
  }
}
