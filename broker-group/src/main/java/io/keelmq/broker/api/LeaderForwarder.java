package io.keelmq.broker.api;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.keelmq.edge.ReplicaChannels;

/**
 * Connections to the other replicas, over which calls are passed on to the one that leads. A call
 * passed on carries {@code keelmq-hop: 1} and is not passed on again. Thread-safe.
 */
public final class LeaderForwarder implements AutoCloseable {

  static final Metadata.Key<String> HOP =
      Metadata.Key.of("keelmq-hop", Metadata.ASCII_STRING_MARSHALLER);

  /** More addresses than a group has members; beyond it the oldest connection goes. */
  private static final int MAX_PEERS = 16;

  private static final Context.Key<Boolean> FORWARDED =
      Context.keyWithDefault("keelmq-forwarded", false);

  private final ReplicaChannels channels = new ReplicaChannels(MAX_PEERS, "the server is stopping");

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
   * The connection to a replica, for calls that are passed on. Throws IllegalStateException after
   * {@link #close}.
   *
   * @param address host:port
   */
  public Channel to(String address) {
    return ClientInterceptors.intercept(channels.to(address), new WritesHop());
  }

  @Override
  public void close() {
    channels.close();
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
