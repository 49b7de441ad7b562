package io.keelmq.nameserver;

import io.grpc.Channel;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.keelmq.common.HostPort;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Connections to replicas, for calls that are passed on. Made when they are needed, closed when
 * they rest. Thread-safe: the lock guards the map, and nobody else is called under it.
 */
final class BrokerChannels implements AutoCloseable {

  /** Beyond it the oldest goes. */
  static final int MAX_CHANNELS = 64;

  private static final int CONNECT_TIMEOUT_MILLIS = 1_000;
  private static final int MAX_INBOUND_BYTES = 16 << 20;

  private final Map<HostPort, ManagedChannel> channels = new LinkedHashMap<>();
  private boolean closed;

  /** Throws IllegalStateException after {@link #close}. */
  Channel to(HostPort address) {
    ManagedChannel evicted = null;
    ManagedChannel channel;
    synchronized (channels) {
      if (closed) {
        throw new IllegalStateException("the name server stops");
      }
      channel = channels.get(address);
      if (channel == null) {
        channel = open(address);
        channels.put(address, channel);
        if (channels.size() > MAX_CHANNELS) {
          Iterator<ManagedChannel> oldest = channels.values().iterator();
          evicted = oldest.next();
          oldest.remove();
        }
      }
    }
    if (evicted != null) {
      evicted.shutdown();
    }
    if (channel.getState(true) == ConnectivityState.TRANSIENT_FAILURE) {
      // A replica that was just restarted must not wait for gRPC's growing pauses.
      channel.resetConnectBackoff();
    }
    return channel;
  }

  private static ManagedChannel open(HostPort address) {
    return NettyChannelBuilder.forAddress(address.host(), address.port())
        .usePlaintext()
        .directExecutor()
        .disableRetry()
        .maxInboundMessageSize(MAX_INBOUND_BYTES)
        .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_TIMEOUT_MILLIS)
        .keepAliveTime(10, TimeUnit.SECONDS)
        .keepAliveTimeout(3, TimeUnit.SECONDS)
        .build();
  }

  @Override
  public void close() {
    Map<HostPort, ManagedChannel> open;
    synchronized (channels) {
      closed = true;
      open = Map.copyOf(channels);
      channels.clear();
    }
    open.values().forEach(ManagedChannel::shutdownNow);
  }
}
