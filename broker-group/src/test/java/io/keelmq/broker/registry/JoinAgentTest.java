package io.keelmq.broker.registry;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.HostPort;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.Code;
import io.keelmq.v1.GetRoutesRequest;
import io.keelmq.v1.JoinReplicaRequest;
import io.keelmq.v1.JoinReplicaResponse;
import io.keelmq.v1.NameServerGrpc;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.Routes;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whom a replica without a place asks, and what it makes of the answers. */
class JoinAgentTest {

  private static final String GROUP = "g0";

  private final List<AutoCloseable> open = new ArrayList<>();
  private final FakeJoiner joiner = new FakeJoiner();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
  }

  @Test
  void asksTheLeaderThatTheNameServerOfTheHighestTermKnows() throws Exception {
    var former = new Member(Code.OK);
    var leader = new Member(Code.OK);
    var stale = new NameServer(route(3, "n1", replica("n1", former), replica("n2", leader)));
    var knowing = new NameServer(route(4, "n2", replica("n1", former), replica("n2", leader)));

    agent(stale, knowing);
    eventually(() -> joiner.answers.size() >= 2);

    assertEquals(0, former.asked.get());
    assertEquals(7, joiner.answers.get(0).getIncarnation());
  }

  @Test
  void asksAnyOtherMemberWhenTheLeaderDoesNotAnswer() throws Exception {
    var dead = new Member(Code.OK);
    dead.close();
    var other = new Member(Code.OK);

    agent(new NameServer(route(1, "n1", replica("n1", dead), replica("n2", other))));
    eventually(() -> !joiner.answers.isEmpty());

    assertTrue(other.asked.get() > 0);
  }

  @Test
  void asksNobodyWhereTheGroupWasNeverMade() throws Exception {
    var waiting = new Member(Code.OK);
    var servers =
        new NameServer(route(0, "", replica("n1", waiting)).toBuilder().setClusterId("").build());

    agent(servers);
    eventually(() -> servers.asked.get() >= 3);

    assertEquals(0, waiting.asked.get());
    assertEquals(List.of(), joiner.refusals);
  }

  @Test
  void tellsWhyItIsRefusedAndGoesOnAsking() throws Exception {
    var strict = new Member(Code.PRECONDITION_FAILED);

    agent(new NameServer(route(1, "n1", replica("n1", strict))));
    eventually(() -> strict.asked.get() >= 2);

    eventually(() -> joiner.refusals.contains("planted"));
  }

  @Test
  void saysThatAGroupWithoutLeaderCannotTakeItBack() throws Exception {
    var leaderless = new Member(Code.NO_LEADER);

    agent(new NameServer(route(1, "", replica("n1", leaderless))));
    eventually(() -> !joiner.refusals.isEmpty());

    assertTrue(joiner.refusals.get(0).contains("cannot elect anybody"), joiner.refusals.get(0));
    assertEquals(List.of(), joiner.answers);
  }

  @Test
  void isSilentWhileThereIsNothingToSay() throws Exception {
    var servers = new NameServer(route(1, ""));
    joiner.silent = true;

    agent(servers);
    eventually(() -> joiner.requests.get() >= 2);

    assertEquals(0, servers.asked.get());
  }

  private void agent(NameServer... servers) {
    var agent = new JoinAgent(List.of(servers).stream().map(one -> one.address).toList(), joiner);
    open.add(0, agent);
    agent.start();
  }

  private static void eventually(BooleanSupplier condition) {
    await().atMost(Duration.ofSeconds(60)).until(condition::getAsBoolean);
  }

  private static BrokerGroupRoute route(long term, String leader, ReplicaRoute... replicas) {
    return BrokerGroupRoute.newBuilder()
        .setClusterId("c")
        .setBrokerGroup(GROUP)
        .setTerm(term)
        .setLeaderNode(leader)
        .addAllReplicas(List.of(replicas))
        // The replica itself, which is no help.
        .addReplicas(
            ReplicaRoute.newBuilder()
                .setNode("n3")
                .setRole(ReplicaRole.UNINITIALIZED)
                .setClientAddress("127.0.0.1:1"))
        .build();
  }

  private static ReplicaRoute replica(String node, Member at) {
    return ReplicaRoute.newBuilder()
        .setNode(node)
        .setRole(ReplicaRole.FOLLOWER)
        .setClientAddress(at.address.toString())
        .build();
  }

  private static final class FakeJoiner implements Joiner {
    final List<JoinReplicaResponse> answers = new CopyOnWriteArrayList<>();
    final List<String> refusals = new CopyOnWriteArrayList<>();
    final AtomicInteger requests = new AtomicInteger();
    volatile boolean silent;

    @Override
    public Optional<JoinReplicaRequest> request() {
      requests.incrementAndGet();
      return silent
          ? Optional.empty()
          : Optional.of(
              JoinReplicaRequest.newBuilder().setBrokerGroup(GROUP).setNode("n3").build());
    }

    @Override
    public void answered(JoinReplicaResponse response) {
      answers.add(response);
    }

    @Override
    public void refused(String why) {
      refusals.add(why);
    }
  }

  private HostPort serve(BindableService service) throws IOException {
    Server server =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
            .addService(service)
            .directExecutor()
            .build()
            .start();
    open.add(
        () -> {
          server.shutdownNow();
          server.awaitTermination();
        });
    return new HostPort("127.0.0.1", server.getPort());
  }

  private final class NameServer extends NameServerGrpc.NameServerImplBase {
    final AtomicInteger asked = new AtomicInteger();
    final HostPort address;
    private final Routes routes;

    NameServer(BrokerGroupRoute route) throws IOException {
      routes = Routes.newBuilder().addGroups(route).build();
      address = serve(this);
    }

    @Override
    public void getRoutes(GetRoutesRequest request, StreamObserver<Routes> caller) {
      asked.incrementAndGet();
      caller.onNext(routes);
      caller.onCompleted();
    }
  }

  private final class Member extends AdminGrpc.AdminImplBase {
    final AtomicInteger asked = new AtomicInteger();
    final HostPort address;
    private final Code code;

    Member(Code code) throws IOException {
      this.code = code;
      address = serve(this);
    }

    @Override
    public void joinReplica(
        JoinReplicaRequest request, StreamObserver<JoinReplicaResponse> caller) {
      asked.incrementAndGet();
      if (code != Code.OK) {
        caller.onError(StatusDetails.toException(code, "planted"));
        return;
      }
      caller.onNext(JoinReplicaResponse.newBuilder().setIncarnation(7).build());
      caller.onCompleted();
    }

    void close() throws Exception {
      open.remove(open.size() - 1).close();
    }
  }
}
