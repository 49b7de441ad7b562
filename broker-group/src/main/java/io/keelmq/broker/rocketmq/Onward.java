package io.keelmq.broker.rocketmq;

import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.keelmq.broker.api.LeaderForwarder;
import io.keelmq.rocketmq.Caller;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;

/**
 * What replicas tell each other about a call of this protocol that one passes on to the other.
 * Stateless.
 */
final class Onward {

  /** The messages did not reach their client: they are given back and were not delivered. */
  private static final Metadata.Key<String> RELEASE = key("keelmq-release");

  /** The call was held, so that a deadline may have passed meanwhile. */
  private static final Metadata.Key<String> WAITED = key("keelmq-waited");

  /** Of a poll: whoever passed it on tells when its answer has reached the client. */
  private static final Metadata.Key<String> TELLS_OF_REACHED = key("keelmq-tells-of-reached");

  /** Longer than any call that is not held takes. */
  private static final long WAITED_NANOS = 200_000_000;

  private Onward() {}

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  static boolean isRelease(Caller caller) {
    return LeaderForwarder.isForwarded() && caller.headers().containsKey(RELEASE);
  }

  static boolean willTellOfReached(Caller caller) {
    return LeaderForwarder.isForwarded() && caller.headers().containsKey(TELLS_OF_REACHED);
  }

  static boolean hasWaited(Caller caller) {
    return LeaderForwarder.isForwarded() && caller.headers().containsKey(WAITED);
  }

  static boolean hasWaited(long sinceNanos, LongSupplier nanoClock) {
    return nanoClock.getAsLong() - sinceNanos > WAITED_NANOS;
  }

  /** Sends the caller's metadata along. */
  static UnaryOperator<Channel> of(Caller caller) {
    return channel -> with(channel, caller.onward());
  }

  /** The same, for a poll. */
  static UnaryOperator<Channel> ofPoll(Caller caller) {
    return channel -> {
      Metadata headers = caller.onward();
      headers.put(TELLS_OF_REACHED, "1");
      return with(channel, headers);
    };
  }

  /** The same, for a call that came at {@code sinceNanos}. */
  static UnaryOperator<Channel> of(
      Caller caller, boolean release, long sinceNanos, LongSupplier nanoClock) {
    return channel -> {
      Metadata headers = caller.onward();
      if (release) {
        headers.put(RELEASE, "1");
      }
      if (hasWaited(sinceNanos, nanoClock)) {
        headers.put(WAITED, "1");
      }
      return with(channel, headers);
    };
  }

  private static Channel with(Channel channel, Metadata headers) {
    return ClientInterceptors.intercept(
        channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }
}
