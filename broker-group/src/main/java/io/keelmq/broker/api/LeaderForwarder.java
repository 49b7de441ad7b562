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
import io.grpc.stub.StreamObserver;
import io.keelmq.edge.ReplicaChannels;
import java.util.function.Consumer;

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

  /** Makes a call over a channel. */
  @FunctionalInterface
  public interface Word<R> {
    void say(Channel channel, StreamObserver<R> answer);
  }

  /**
   * Says something to a replica of its own accord, so that the end of nobody's call ends this one;
   * the answer has nothing in it.
   *
   * @param address host:port
   * @param heard called when it was answered
   * @param unheard called when it was not, on this thread or another one
   */
  public <R> void tell(String address, Word<R> word, Runnable heard, Consumer<Throwable> unheard) {
    try {
      Context.ROOT.run(() -> word.say(to(address), new Answer<>(heard, unheard)));
    } catch (RuntimeException e) {
      unheard.accept(e);
    }
  }

  private record Answer<R>(Runnable heard, Consumer<Throwable> unheard)
      implements StreamObserver<R> {

    @Override
    public void onNext(R answer) {
      // It says nothing.
    }

    @Override
    public void onError(Throwable failure) {
      unheard.accept(failure);
    }

    @Override
    public void onCompleted() {
      heard.run();
    }
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
