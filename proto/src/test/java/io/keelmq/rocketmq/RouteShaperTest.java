package io.keelmq.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.common.HostPort;
import io.keelmq.rocketmq.v2.AddressScheme;
import io.keelmq.rocketmq.v2.Endpoints;
import io.keelmq.rocketmq.v2.MessageQueue;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.Permission;
import io.keelmq.rocketmq.v2.Resource;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RouteShaperTest {

  private static final Resource TOPIC = Resource.newBuilder().setName("t").build();

  private static RouteShaper.Place place(String leader, String... replicas) {
    return new RouteShaper.Place(
        "g0",
        List.of(replicas).stream().map(HostPort::parse).toList(),
        Optional.of(leader).filter(text -> !text.isEmpty()).map(HostPort::parse),
        Optional.of(replicas[replicas.length - 1]).map(HostPort::parse),
        MessageType.FIFO,
        3);
  }

  private static List<String> addresses(Endpoints endpoints) {
    return endpoints.getAddressesList().stream()
        .map(address -> address.getHost() + ":" + address.getPort())
        .toList();
  }

  private static final RouteShaper.Place THREE =
      place("10.0.0.2:8081", "10.0.0.1:8081", "10.0.0.2:8081", "10.0.0.3:8081");

  @Test
  void hasOneBrokerWithId0AndEveryQueue() {
    List<MessageQueue> queues = RouteShaper.queues(TOPIC, THREE, Sdk.OTHER);

    assertEquals(List.of(0, 1, 2), queues.stream().map(MessageQueue::getId).toList());
    for (MessageQueue queue : queues) {
      assertEquals(TOPIC, queue.getTopic());
      assertEquals(Permission.READ_WRITE, queue.getPermission());
      assertEquals(0, queue.getBroker().getId());
      assertEquals("g0", queue.getBroker().getName());
      assertEquals(List.of(MessageType.FIFO), queue.getAcceptMessageTypesList());
    }
    assertEquals(-1, RouteShaper.anyQueue(TOPIC, THREE, Sdk.OTHER).getId());
  }

  @Test
  void keepsTheOrderOfNodes() {
    Endpoints endpoints = RouteShaper.endpoints(THREE, Sdk.OTHER);

    assertEquals(AddressScheme.IPv4, endpoints.getScheme());
    assertEquals(List.of("10.0.0.1:8081", "10.0.0.2:8081", "10.0.0.3:8081"), addresses(endpoints));
  }

  @Test
  void makesATargetOfWhatNodeJoins() {
    Endpoints endpoints = RouteShaper.endpoints(THREE, Sdk.NODE);

    assertEquals(
        "ipv4:10.0.0.1:8081,10.0.0.2:8081,10.0.0.3:8081", String.join(",", addresses(endpoints)));
    assertEquals(
        List.of("10.0.0.1:8081"),
        addresses(RouteShaper.endpoints(place("", "10.0.0.1:8081"), Sdk.NODE)));
    assertEquals(
        "ipv6:[::1]:1,[::2]:1",
        String.join(
            ",", addresses(RouteShaper.endpoints(place("", "[::1]:1", "[::2]:1"), Sdk.NODE))));
  }

  @Test
  void putsTheLeaderFirstForDotNet() {
    assertEquals(
        List.of("10.0.0.2:8081", "10.0.0.1:8081", "10.0.0.3:8081"),
        addresses(RouteShaper.endpoints(THREE, Sdk.DOT_NET)));
  }

  @Test
  void namesTheLeaderOnlyToPythonOverTls() {
    Endpoints endpoints = RouteShaper.endpoints(THREE, Sdk.PYTHON_TLS);

    assertEquals(AddressScheme.IPv4, endpoints.getScheme());
    assertEquals(List.of("10.0.0.2:8081"), addresses(endpoints));
  }

  @Test
  void namesOneReplicaWhereTheyHaveNames() {
    Endpoints endpoints =
        RouteShaper.endpoints(place("b.example:1", "a.example:1", "b.example:1"), Sdk.OTHER);

    assertEquals(AddressScheme.DOMAIN_NAME, endpoints.getScheme());
    assertEquals(List.of("b.example:1"), addresses(endpoints));
  }

  @Test
  void namesAReplicaThatServesWhileNobodyLeads() {
    RouteShaper.Place place = place("", "a.example:1", "b.example:1", "c.example:1");

    assertEquals(List.of("c.example:1"), addresses(RouteShaper.endpoints(place, Sdk.OTHER)));
  }

  @Test
  void knowsSdksByWhatTheySay() {
    assertEquals(Sdk.NODE, Sdk.of("HTTP", "grpc-node-js/1.14.7", false));
    assertEquals(Sdk.NODE, Sdk.of("", "grpc-node-js/1.14.7", false));
    assertEquals(Sdk.DOT_NET, Sdk.of("DOT_NET", "grpc-dotnet/2.1", false));
    assertEquals(Sdk.OTHER, Sdk.of("JAVA", "grpc-java-netty/1.50", false));
    assertEquals(Sdk.OTHER, Sdk.of("", "", false));
    assertEquals(Sdk.OTHER, Sdk.of("PYTHON", "grpc-python-asyncio/1.7", false));
    assertEquals(Sdk.PYTHON_TLS, Sdk.of("PYTHON", "grpc-python-asyncio/1.7", true));
  }
}
