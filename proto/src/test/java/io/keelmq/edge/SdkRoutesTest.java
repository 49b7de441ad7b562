package io.keelmq.edge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Metadata;
import io.keelmq.common.HostPort;
import io.keelmq.rocketmq.v2.Address;
import io.keelmq.rocketmq.v2.AddressScheme;
import io.keelmq.rocketmq.v2.Endpoints;
import io.keelmq.rocketmq.v2.MessageQueue;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.Permission;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.v1.TopicType;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SdkRoutesTest {

  private static final HostPort ONE = new HostPort("10.0.0.1", 8081);
  private static final HostPort TWO = new HostPort("10.0.0.2", 8082);
  private static final HostPort THREE = new HostPort("10.0.0.3", 8083);
  private static final SdkRoutes ROUTES =
      new SdkRoutes("g0", List.of(ONE, TWO, THREE), Optional.of(TWO));

  @Test
  void everyQueueIsOnBrokerZeroAtEveryReplica() {
    var topic = Resource.newBuilder().setName("orders").build();

    List<MessageQueue> queues = ROUTES.queues(Sdk.OTHER, topic, TopicType.FIFO, 2);

    assertEquals(List.of(0, 1), queues.stream().map(MessageQueue::getId).toList());
    for (MessageQueue queue : queues) {
      assertEquals(topic, queue.getTopic());
      assertEquals(Permission.READ_WRITE, queue.getPermission());
      assertEquals(List.of(MessageType.FIFO), queue.getAcceptMessageTypesList());
      assertEquals("g0", queue.getBroker().getName());
      assertEquals(0, queue.getBroker().getId());
      assertEquals(AddressScheme.IPv4, queue.getBroker().getEndpoints().getScheme());
      assertEquals(
          List.of("10.0.0.1:8081", "10.0.0.2:8082", "10.0.0.3:8083"),
          addresses(queue.getBroker().getEndpoints()));
    }
  }

  @Test
  void nodeJoinsThemToAMultipleTarget() {
    assertEquals(
        "ipv4:10.0.0.1:8081,10.0.0.2:8082,10.0.0.3:8083",
        String.join(",", addresses(endpoints(ROUTES, Sdk.NODE))));
    var alone = new SdkRoutes("g0", List.of(ONE), Optional.of(ONE));
    assertEquals(List.of("10.0.0.1:8081"), addresses(endpoints(alone, Sdk.NODE)));
    var six = new HostPort("::1", 8081);
    var seven = new HostPort("::2", 8081);
    assertEquals(
        "ipv6:[::1]:8081,[::2]:8081",
        String.join(
            ",",
            addresses(
                endpoints(new SdkRoutes("g0", List.of(six, seven), Optional.empty()), Sdk.NODE))));
  }

  @Test
  void dotNetIsSentToTheLeader() {
    assertEquals(
        List.of("10.0.0.2:8082", "10.0.0.1:8081", "10.0.0.3:8083"),
        addresses(endpoints(ROUTES, Sdk.DOT_NET)));
  }

  @Test
  void oneNameStandsForAll() {
    var a = new HostPort("a.example", 1);
    var b = new HostPort("b.example", 2);

    Endpoints names = endpoints(new SdkRoutes("g0", List.of(a, b), Optional.of(b)), Sdk.OTHER);
    Endpoints mixed = endpoints(new SdkRoutes("g0", List.of(a, ONE), Optional.of(a)), Sdk.OTHER);

    assertEquals(AddressScheme.DOMAIN_NAME, names.getScheme());
    assertEquals(List.of("b.example:2"), addresses(names));
    assertEquals(List.of("10.0.0.1:8081"), addresses(mixed));
  }

  @Test
  void nobodyKnownIsNoAddress() {
    var none = new SdkRoutes("g0", List.of(), Optional.empty());

    assertTrue(addresses(endpoints(none, Sdk.OTHER)).isEmpty());
  }

  @Test
  void tellsSdksByTheirHeaders() {
    assertEquals(Sdk.NODE, Sdk.of(headers("HTTP", "grpc-node-js/1.14.7")));
    assertEquals(Sdk.NODE, Sdk.of(headers("NODE_JS", "grpc-node-js/1.14.7")));
    assertEquals(Sdk.DOT_NET, Sdk.of(headers("DOT_NET", "grpc-dotnet/2.0")));
    assertEquals(Sdk.OTHER, Sdk.of(headers("JAVA", "grpc-java-netty/1.50.0")));
    assertEquals(Sdk.OTHER, Sdk.of(new Metadata()));
  }

  private static Metadata headers(String language, String userAgent) {
    var headers = new Metadata();
    headers.put(Metadata.Key.of("x-mq-language", Metadata.ASCII_STRING_MARSHALLER), language);
    headers.put(Metadata.Key.of("user-agent", Metadata.ASCII_STRING_MARSHALLER), userAgent);
    return headers;
  }

  private static Endpoints endpoints(SdkRoutes routes, Sdk sdk) {
    return routes.broker(sdk).getEndpoints();
  }

  private static List<String> addresses(Endpoints endpoints) {
    return endpoints.getAddressesList().stream().map(SdkRoutesTest::text).toList();
  }

  private static String text(Address address) {
    return address.getHost() + ":" + address.getPort();
  }
}
