package io.keelmq.broker.registry;

import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.keelmq.common.HostPort;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.BrokerGroupRoute;
import io.keelmq.v1.GetRoutesRequest;
import io.keelmq.v1.NameServerGrpc;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who is in a group, as the name servers tell it, and the ways to those who are. For one thread,
 * which its calls block; each has a deadline.
 */
final class GroupRoutes implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(GroupRoutes.class);

  private static final long ROUTES_MILLIS = 1_500;
  private static final int CONNECT_MILLIS = 1_000;
  private static final int MAX_ROUTES_BYTES = 16 << 20;

  /** Name servers and members; beyond it somebody hands out nonsense. */
  private static final int MAX_CHANNELS = 32;

  private final List<HostPort> nameServers;
  private final Map<String, ManagedChannel> channels = new HashMap<>();

  GroupRoutes(List<HostPort> nameServers) {
    this.nameServers = List.copyOf(nameServers);
  }

  /** What the name server that knows the highest term says; only of a group that runs. */
  Optional<BrokerGroupRoute> of(String brokerGroup) {
    var found = new ArrayList<BrokerGroupRoute>();
    for (HostPort server : nameServers) {
      try {
        NameServerGrpc.newBlockingStub(channel(server.toString()))
            .withDeadlineAfter(ROUTES_MILLIS, TimeUnit.MILLISECONDS)
            .getRoutes(GetRoutesRequest.getDefaultInstance())
            .getGroupsList()
            .stream()
            .filter(group -> group.getBrokerGroup().equals(brokerGroup))
            .filter(group -> !group.getClusterId().isEmpty())
            .forEach(found::add);
      } catch (StatusRuntimeException e) {
        log.debug("no routes from {}: {}", server, StatusDetails.fromThrowable(e).getMessage());
      }
    }
    return found.stream().max(Comparator.comparingLong(BrokerGroupRoute::getTerm));
  }

  /** The connection to a member or name server; made if there is none. */
  ManagedChannel channel(String address) {
    if (channels.size() >= MAX_CHANNELS && !channels.containsKey(address)) {
      close();
    }
    ManagedChannel channel = channels.computeIfAbsent(address, GroupRoutes::open);
    // gRPC's own pauses grow to minutes; ours are a second.
    channel.resetConnectBackoff();
    return channel;
  }

  private static ManagedChannel open(String address) {
    HostPort to = HostPort.parse(address);
    return NettyChannelBuilder.forAddress(to.host(), to.port())
        .usePlaintext()
        .maxInboundMessageSize(MAX_ROUTES_BYTES)
        .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
        .build();
  }

  /** Ends all connections; later calls make new ones. */
  @Override
  public void close() {
    channels.values().forEach(ManagedChannel::shutdownNow);
    channels.clear();
  }
}
