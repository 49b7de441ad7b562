package io.keelmq.rocketmq;

import io.keelmq.common.HostPort;
import io.keelmq.rocketmq.v2.Address;
import io.keelmq.rocketmq.v2.AddressScheme;
import io.keelmq.rocketmq.v2.Broker;
import io.keelmq.rocketmq.v2.Endpoints;
import io.keelmq.rocketmq.v2.MessageQueue;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.Permission;
import io.keelmq.rocketmq.v2.Resource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Routes as each SDK has to see them. A broker group is one broker with id 0, whose endpoints are
 * all its replicas: any of them serves any call. Stateless.
 */
public final class RouteShaper {

  /** SDKs filter by it: what has another id is neither sent to nor received from. */
  private static final int BROKER_ID = 0;

  /** Of queues in the assignments of consumers that take messages of all queues. */
  private static final int ALL_QUEUES = -1;

  /**
   * A topic at one broker group. Immutable.
   *
   * @param replicas where they serve clients, in the order of their nodes' names: SDKs compare
   *     addresses in their order and connect anew when it changes
   * @param leader absent while unknown
   * @param serving one of them that is known to serve; absent if none is
   * @param queues numbered from 0
   */
  public record Place(
      String brokerGroup,
      List<HostPort> replicas,
      Optional<HostPort> leader,
      Optional<HostPort> serving,
      MessageType type,
      int queues) {

    public Place {
      replicas = List.copyOf(replicas);
    }

    /** Whom SDKs should try first; any other replica may be the one that is dead. */
    private Optional<HostPort> best() {
      return leader.or(() -> serving);
    }
  }

  private RouteShaper() {}

  /** All queues of a topic at one group. */
  public static List<MessageQueue> queues(Resource topic, Place place, Sdk sdk) {
    MessageQueue.Builder queue = queue(topic, place, sdk);
    var queues = new ArrayList<MessageQueue>(place.queues());
    for (int id = 0; id < place.queues(); id++) {
      queues.add(queue.setId(id).build());
    }
    return queues;
  }

  /** Stands for all queues of a topic at one group. */
  public static MessageQueue anyQueue(Resource topic, Place place, Sdk sdk) {
    return queue(topic, place, sdk).setId(ALL_QUEUES).build();
  }

  private static MessageQueue.Builder queue(Resource topic, Place place, Sdk sdk) {
    return MessageQueue.newBuilder()
        .setTopic(topic)
        .setPermission(Permission.READ_WRITE)
        .setBroker(
            Broker.newBuilder()
                .setName(place.brokerGroup())
                .setId(BROKER_ID)
                .setEndpoints(endpoints(place, sdk)))
        .addAcceptMessageTypes(place.type());
  }

  /** The addresses of a group. */
  public static Endpoints endpoints(Place place, Sdk sdk) {
    AddressScheme scheme = scheme(place.replicas());
    // Most SDKs take no more than one name.
    if (scheme == AddressScheme.DOMAIN_NAME || sdk == Sdk.PYTHON_TLS) {
      HostPort one = place.best().orElse(place.replicas().get(0));
      return Endpoints.newBuilder()
          .setScheme(scheme(List.of(one)))
          .addAddresses(address(one.host(), one.port()))
          .build();
    }
    List<HostPort> replicas =
        sdk == Sdk.DOT_NET ? bestFirst(place.replicas(), place.best()) : place.replicas();
    var endpoints = Endpoints.newBuilder().setScheme(scheme);
    boolean asTarget = sdk == Sdk.NODE && replicas.size() > 1;
    for (HostPort replica : replicas) {
      String host = replica.host();
      if (asTarget && scheme == AddressScheme.IPv6) {
        host = "[" + host + "]";
      }
      if (asTarget && endpoints.getAddressesCount() == 0) {
        // What the SDK joins by commas becomes a target that its channel understands.
        host = (scheme == AddressScheme.IPv6 ? "ipv6:" : "ipv4:") + host;
      }
      endpoints.addAddresses(address(host, replica.port()));
    }
    return endpoints.build();
  }

  private static Address address(String host, int port) {
    return Address.newBuilder().setHost(host).setPort(port).build();
  }

  private static List<HostPort> bestFirst(List<HostPort> replicas, Optional<HostPort> best) {
    if (best.isEmpty() || !replicas.contains(best.get())) {
      return replicas;
    }
    var ordered = new ArrayList<HostPort>(replicas.size());
    ordered.add(best.get());
    replicas.stream().filter(replica -> !replica.equals(best.get())).forEach(ordered::add);
    return ordered;
  }

  private static AddressScheme scheme(List<HostPort> replicas) {
    if (replicas.stream().allMatch(replica -> isIpv4(replica.host()))) {
      return AddressScheme.IPv4;
    }
    return replicas.stream().allMatch(replica -> replica.host().indexOf(':') >= 0)
        ? AddressScheme.IPv6
        : AddressScheme.DOMAIN_NAME;
  }

  private static boolean isIpv4(String host) {
    return host.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
  }
}
