package io.keelmq.broker.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.HostPort;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.GetReplicaStatusRequest;
import io.keelmq.v1.GetRoutesRequest;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.ListReplicasRequest;
import io.keelmq.v1.ListReplicasResponse;
import io.keelmq.v1.NameServerGrpc;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.ReplicaRoute;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.Routes;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class GroupProbeTest {

  private Optional<String> wantedLeader = Optional.empty();

  private final List<Server> servers = new ArrayList<>();

  @AfterEach
  void end() {
    servers.forEach(Server::shutdownNow);
  }

  @Test
  void countsOnlyOtherVotersThatAnswer() {
    assertLack("", voter("n1", true), voter("n2", true), voter("n3", false));
    assertLack("1 of 3 voters", voter("n1", true), voter("n2", false), voter("n3", true));
    assertLack(
        "1 of 3 voters",
        voter("n1", true),
        // What answers may be its learner alone.
        GroupReplica.newBuilder(voter("n2", true)).setJoiningIncarnation(7).build(),
        voter("n3", false));
    assertLack(
        "1 of 3 voters",
        voter("n1", true),
        voter("n2", false),
        voter("n3", false),
        GroupReplica.newBuilder().setNode("n4").setAlive(true).setJoiningIncarnation(8).build());
    assertLack("no replica n3", voter("n1", true), voter("n2", true));
    assertLack("1 of 2 voters", voter("n1", true), voter("n3", true));
  }

  @Test
  void countsNobodyWhoLacksWhatIsCommitted() throws IOException {
    assertEquals("", probe("c", "n1", leaderOf(new Replica(ReplicaRole.FOLLOWER, 100, 100))));

    String behind = probe("c", "n1", leaderOf(new Replica(ReplicaRole.FOLLOWER, 99, 100)));
    assertTrue(behind.contains("1 of 3 voters answer and hold all"), behind);
    String unwritten = probe("c", "n1", leaderOf(new Replica(ReplicaRole.FOLLOWER, 100, 99)));
    assertTrue(unwritten.contains("1 of 3 voters answer and hold all"), unwritten);
  }

  /** One that has committed 100 entries, and whose other voter that answers is the given one. */
  private HostPort leaderOf(Replica follower) throws IOException {
    return serve(new Leader(ReplicaRole.LEADER, serve(follower)));
  }

  private static GroupReplica voter(String node, boolean alive) {
    return GroupReplica.newBuilder().setNode(node).setIncarnation(5).setAlive(alive).build();
  }

  /** Without n3, of a group that n1 leads. */
  private static void assertLack(String told, GroupReplica... replicas) {
    Optional<String> lack = GroupProbe.lack(List.of(replicas), "n1", "n3", replica -> true);
    assertEquals(told.isEmpty(), lack.isEmpty(), lack::toString);
    assertTrue(lack.orElse("").contains(told), lack::toString);
  }

  @Test
  void asksTheLeaderThatTheNameServersTell() throws IOException {
    HostPort leader = leaderOf(new Replica(ReplicaRole.FOLLOWER, 100, 100));

    assertEquals("", probe("c", "n1", leader));
    assertTrue(probe("c", "", leader).contains("nobody leads"));
    assertTrue(probe("c", "n3", leader).contains("is this replica"));
    assertTrue(probe("another", "n1", leader).contains("of cluster another at the name servers"));
  }

  @Test
  void believesNobodyWhoDoesNotLeadOrAnswer() throws IOException {
    HostPort follower = serve(new Replica(ReplicaRole.FOLLOWER, 100, 100));

    assertTrue(probe("c", "n1", follower).contains("FOLLOWER of cluster c, expected the leader"));
    servers.get(0).shutdownNow();
    assertTrue(probe("c", "n1", follower).contains("does not answer"));
    try (var probe = new GroupProbe(List.of(follower))) {
      assertTrue(
          probe
              .lackWithout("n3", "g0", "c", Optional.empty())
              .orElseThrow()
              .contains("no name server"));
    }
  }

  @Test
  void anotherLeaderThanTheOneThatIsWantedIsALack() throws IOException {
    HostPort leader = serve(new Replica(ReplicaRole.LEADER, 100, 100));
    wantedLeader = Optional.of("n2");

    assertEquals("n1 leads group g0, and not n2, whose rows are wanted", probe("c", "n1", leader));
  }

  /** What is said without n3 of cluster c; empty: nothing. */
  private String probe(String clusterAtNameServer, String leaderNode, HostPort leader)
      throws IOException {
    var route =
        BrokerGroupRoute.newBuilder()
            .setBrokerGroup("g0")
            .setClusterId(clusterAtNameServer)
            .setLeaderNode(leaderNode)
            .addReplicas(
                ReplicaRoute.newBuilder().setNode("n1").setClientAddress(leader.toString()))
            .build();
    HostPort nameServer = serve(new NameServer(route));
    try (var probe = new GroupProbe(List.of(nameServer))) {
      return probe.lackWithout("n3", "g0", "c", wantedLeader).orElse("");
    }
  }

  private HostPort serve(BindableService service) throws IOException {
    Server server =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
            .addService(service)
            .directExecutor()
            .build()
            .start();
    servers.add(server);
    return new HostPort("127.0.0.1", server.getPort());
  }

  private static final class NameServer extends NameServerGrpc.NameServerImplBase {
    private final BrokerGroupRoute route;

    NameServer(BrokerGroupRoute route) {
      this.route = route;
    }

    @Override
    public void getRoutes(GetRoutesRequest request, StreamObserver<Routes> caller) {
      caller.onNext(Routes.newBuilder().addGroups(route).build());
      caller.onCompleted();
    }
  }

  private static class Replica extends AdminGrpc.AdminImplBase {
    private final ReplicaStatus status;

    Replica(ReplicaRole role, long applied, long logLast) {
      this.status =
          ReplicaStatus.newBuilder()
              .setRole(role)
              .setClusterId("c")
              .setCommittedIndex(100)
              .setAppliedIndex(applied)
              .setLogLastIndex(logLast)
              .build();
    }

    @Override
    public void getReplicaStatus(
        GetReplicaStatusRequest request, StreamObserver<ReplicaStatus> caller) {
      caller.onNext(status);
      caller.onCompleted();
    }
  }

  private static final class Leader extends Replica {
    private final HostPort follower;

    Leader(ReplicaRole role, HostPort follower) {
      super(role, 100, 100);
      this.follower = follower;
    }

    @Override
    public void listReplicas(
        ListReplicasRequest request, StreamObserver<ListReplicasResponse> caller) {
      caller.onNext(
          ListReplicasResponse.newBuilder()
              .addReplicas(voter("n1", true))
              .addReplicas(voter("n2", true).toBuilder().setClientAddress(follower.toString()))
              .addReplicas(voter("n3", false))
              .build());
      caller.onCompleted();
    }
  }
}
