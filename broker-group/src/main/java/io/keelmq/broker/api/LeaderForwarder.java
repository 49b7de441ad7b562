package io.keelmq.broker.api;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ConnectivityState;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.keelmq.common.HostPort;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Connections to the other replicas, over which calls are passed on to the one that leads. A call
 * passed on carries {@code keelmq-hop: 1} and is not passed on again.
 *
 * <p>Thread-safe: the map of connections is guarded by its lock, under which nobody else is called.
 */
public final class LeaderForwarder implements AutoCloseable {

  static final Metadata.Key<String> HOP =
      Metadata.Key.of("keelmq-hop", Metadata.ASCII_STRING_MARSHALLER);

  /** More addresses than a group has members; beyond it the oldest connection goes. */
  static final int MAX_PEERS = 16;

  private static final int CONNECT_TIMEOUT_MILLIS = 1_000;
  private static final int MAX_INBOUND_BYTES = 16 << 20;
  private static final int WINDOW_BYTES = 1 << 20;

  private static final Context.Key<Boolean> FORWARDED =
      Context.keyWithDefault("keelmq-forwarded", false);

  private final Map<String, ManagedChannel> channels = new LinkedHashMap<>();
  private boolean closed;

  /** Whether the call that is being started was passed on by another replica. */
  public static boolean isForwarded() {
    return FORWARDED.get();
  }

  /** Marks calls that were passed on. */
  static ServerInterceptor readsHop() {
    return new ServerInterceptor() {
      @Override
      public <Q, R> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        return headers.containsKey(HOP)
            ? Contexts.interceptCall(
                Context.current().withValue(FORWARDED, true), call, headers, next)
            : next.startCall(call, headers);
      }
    };
  }

  /**
   * The connection to a replica; made if there is none, and woken if it rests after a failure.
   *
   * @param address host:port
   */
  public Channel to(String address) {
    ManagedChannel channel = channel(address);
    if (channel.getState(true) == ConnectivityState.TRANSIENT_FAILURE) {
      // A replica that was just restarted must not wait for gRPC's growing pauses.
      channel.resetConnectBackoff();
    }
    return ClientInterceptors.intercept(channel, new WritesHop());
  }

  private ManagedChannel channel(String address) {
    ManagedChannel evicted = null;
    ManagedChannel channel;
    synchronized (channels) {
      if (closed) {
        throw new IllegalStateException("the server is stopping");
      }
      channel = channels.get(address);
      if (channel == null) {
        channel = open(HostPort.parse(address));
        channels.put(address, channel);
        if (channels.size() > MAX_PEERS) {
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

  private static ManagedChannel open(HostPort peer) {
    return NettyChannelBuilder.forAddress(peer.host(), peer.port())
        .usePlaintext()
        // Callbacks only hand over; see the threads of the package.
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

  private static final class WritesHop implements ClientInterceptor {

    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(
        MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void start(Listener<R> responses, Metadata headers) {
          headers.put(HOP, "1");
          super.start(responses, headers);
        }
      };
    }
  }
}
