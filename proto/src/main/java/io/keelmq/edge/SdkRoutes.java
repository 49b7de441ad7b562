package io.keelmq.edge;

import io.keelmq.common.HostPort;
import io.keelmq.rocketmq.v2.Address;
import io.keelmq.rocketmq.v2.AddressScheme;
import io.keelmq.rocketmq.v2.Broker;
import io.keelmq.rocketmq.v2.Endpoints;
import io.keelmq.rocketmq.v2.MessageQueue;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.Permission;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.v1.TopicType;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;

/**
 * What SDKs are told of a broker group: one broker with id 0 (SDKs pass over others) that is
 * reached at every replica. Brokers and name servers answer alike.
 *
 * <p>The order is that of the nodes and stays when leaders change: to an SDK, another order is
 * another broker, and it connects anew. Immutable.
 *
 * @param brokerName of the group
 * @param replicas where clients reach them, by node
 * @param leader the one that leads, if it is known
 */
public record SdkRoutes(String brokerName, List<HostPort> replicas, Optional<HostPort> leader) {

  public SdkRoutes {
    replicas = List.copyOf(replicas);
  }

  /**
   * The queues of a topic.
   *
   * @param topic as the SDK named it
   */
  public List<MessageQueue> queues(Sdk sdk, Resource topic, TopicType type, int count) {
    Broker broker = broker(sdk);
    var queues = new ArrayList<MessageQueue>(count);
    for (int id = 0; id < count; id++) {
      queues.add(
          MessageQueue.newBuilder()
              .setTopic(topic)
              .setId(id)
              .setPermission(Permission.READ_WRITE)
              .setBroker(broker)
              .addAcceptMessageTypes(messageType(type))
              .build());
    }
    return queues;
  }

  public Broker broker(Sdk sdk) {
    return Broker.newBuilder().setName(brokerName).setId(0).setEndpoints(endpoints(sdk)).build();
  }

  /** What can be sent to a topic of the type; SDKs look before they send. */
  public static MessageType messageType(TopicType type) {
    return switch (type) {
      case NORMAL, TOPIC_TYPE_UNSPECIFIED, UNRECOGNIZED -> MessageType.NORMAL;
      case FIFO -> MessageType.FIFO;
      case DELAY -> MessageType.DELAY;
      case TRANSACTION -> MessageType.TRANSACTION;
      case PRIORITY -> MessageType.PRIORITY;
    };
  }

  /**
   * SDKs take several addresses of one kind, IPv4 or IPv6, or one name. Where there is a choice,
   * IPv4 comes first, and with names only, the leader's stands for all.
   */
  private Endpoints endpoints(Sdk sdk) {
    List<HostPort> ordered = ordered(sdk);
    List<HostPort> v4 = addresses(ordered, 4);
    if (!v4.isEmpty()) {
      return endpoints(sdk, AddressScheme.IPv4, v4, "ipv4:");
    }
    List<HostPort> v6 = addresses(ordered, 16);
    if (!v6.isEmpty()) {
      return endpoints(sdk, AddressScheme.IPv6, v6, "ipv6:");
    }
    List<HostPort> one =
        leader.map(List::of).orElse(ordered.subList(0, Math.min(1, ordered.size())));
    return endpoints(sdk, AddressScheme.DOMAIN_NAME, one, "");
  }

  private List<HostPort> ordered(Sdk sdk) {
    if (sdk != Sdk.DOT_NET || leader.isEmpty()) {
      return replicas;
    }
    var leaderFirst = new LinkedHashSet<HostPort>();
    leaderFirst.add(leader.get());
    leaderFirst.addAll(replicas);
    return List.copyOf(leaderFirst);
  }

  private static List<HostPort> addresses(List<HostPort> all, int bytes) {
    return all.stream()
        .filter(
            one -> IpAddresses.bytes(one.host()).filter(found -> found.length == bytes).isPresent())
        .toList();
  }

  private static Endpoints endpoints(
      Sdk sdk, AddressScheme scheme, List<HostPort> addresses, String target) {
    var endpoints = Endpoints.newBuilder().setScheme(scheme);
    for (HostPort address : addresses) {
      // Joined with commas by the SDK, the first one's scheme makes it a target that gRPC knows.
      boolean first = endpoints.getAddressesCount() == 0;
      String prefix = sdk == Sdk.NODE && first && addresses.size() > 1 ? target : "";
      boolean bracket = sdk == Sdk.NODE && scheme == AddressScheme.IPv6;
      String host = bracket ? "[" + address.host() + "]" : address.host();
      endpoints.addAddresses(Address.newBuilder().setHost(prefix + host).setPort(address.port()));
    }
    return endpoints.build();
  }
}
