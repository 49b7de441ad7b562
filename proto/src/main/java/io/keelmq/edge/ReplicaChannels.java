package io.keelmq.edge;

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
 * Connections to replicas, for calls that are passed on. Made when they are needed; beyond a bound
 * the oldest goes. Callbacks run on gRPC's threads and must only hand over.
 *
 * <p>Thread-safe: the map of connections is guarded by its lock, under which nobody else is called.
 */
public final class ReplicaChannels implements AutoCloseable {

  private static final int CONNECT_TIMEOUT_MILLIS = 1_000;
  private static final int MAX_INBOUND_BYTES = 16 << 20;
  private static final int WINDOW_BYTES = 1 << 20;

  private final int most;
  private final String whenClosed;
  private final Map<String, ManagedChannel> channels = new LinkedHashMap<>();
  private boolean closed;

  /**
   * @param most connections at once
   * @param whenClosed said to whoever asks for one after {@link #close}
   */
  public ReplicaChannels(int most, String whenClosed) {
    this.most = most;
    this.whenClosed = whenClosed;
  }

  /**
   * The connection to a replica; made if there is none, and woken if it rests after a failure.
   *
   * @param address host:port
   * @throws IllegalStateException after {@link #close}
   */
  public ManagedChannel to(String address) {
    ManagedChannel channel = find(address);
    if (channel.getState(true) == ConnectivityState.TRANSIENT_FAILURE) {
      // A replica that was just restarted must not wait for gRPC's growing pauses.
      channel.resetConnectBackoff();
    }
    return channel;
  }

  private ManagedChannel find(String address) {
    ManagedChannel evicted = null;
    ManagedChannel channel;
    synchronized (channels) {
      if (closed) {
        throw new IllegalStateException(whenClosed);
      }
      channel = channels.get(address);
      if (channel == null) {
        channel = open(HostPort.parse(address));
        channels.put(address, channel);
        if (channels.size() > most) {
          Iterator<ManagedChannel> oldest = channels.values().iterator();
          evicted = oldest.next();
          oldest.remove();
        }
      }
    }
    if (evicted != null) {
      evicted.shutdown();
    }
    return channel;
  }

  private static ManagedChannel open(HostPort replica) {
    return NettyChannelBuilder.forAddress(replica.host(), replica.port())
        .usePlaintext()
        .directExecutor()
        .disableRetry()
        .maxInboundMessageSize(MAX_INBOUND_BYTES)
        .flowControlWindow(WINDOW_BYTES)
        .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_TIMEOUT_MILLIS)
        .keepAliveTime(10, TimeUnit.SECONDS)
        .keepAliveTimeout(3, TimeUnit.SECONDS)
        .build();
  }

  @Override
  public void close() {
    Map<String, ManagedChannel> open;
    synchronized (channels) {
      closed = true;
      open = Map.copyOf(channels);
      channels.clear();
    }
    open.values().forEach(ManagedChannel::shutdownNow);
  }
}
