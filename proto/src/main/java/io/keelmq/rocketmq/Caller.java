package io.keelmq.rocketmq;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.util.List;

/**
 * Who makes a call, as the SDK says in its metadata. Not changed once it is made.
 *
 * @param clientId empty if it says none
 * @param version of the SDK
 * @param headers all that the call came with
 */
public record Caller(String clientId, Sdk sdk, String version, Metadata headers) {

  public static final Metadata.Key<String> CLIENT_ID = key("x-mq-client-id");
  private static final Metadata.Key<String> LANGUAGE = key("x-mq-language");
  private static final Metadata.Key<String> VERSION = key("x-mq-client-version");
  private static final Metadata.Key<String> REQUEST_ID = key("x-mq-request-id");
  private static final Metadata.Key<String> USER_AGENT = key("user-agent");

  private static final List<Metadata.Key<String>> ONWARD =
      List.of(
          CLIENT_ID,
          LANGUAGE,
          VERSION,
          key("x-mq-protocol"),
          key("x-mq-date-time"),
          REQUEST_ID,
          key("x-mq-namespace"),
          key("x-mq-session-token"),
          key("authorization"));

  public static final Caller UNKNOWN = new Caller("", Sdk.OTHER, "", new Metadata());

  private static final Context.Key<Caller> CURRENT =
      Context.keyWithDefault("rocketmq-caller", UNKNOWN);

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** Of the call that is being started. */
  public static Caller current() {
    return CURRENT.get();
  }

  public static Caller of(ServerCall<?, ?> call, Metadata headers) {
    boolean tls = call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION) != null;
    return new Caller(
        text(headers, CLIENT_ID),
        Sdk.of(text(headers, LANGUAGE), text(headers, USER_AGENT), tls),
        text(headers, VERSION),
        headers);
  }

  /**
   * Names this call on all its ways; an SDK that tries again names another. Empty if it has none.
   */
  public String requestId() {
    return text(headers, REQUEST_ID);
  }

  /** What another server has to be told when the call is passed on to it. */
  public Metadata onward() {
    var onward = new Metadata();
    for (Metadata.Key<String> key : ONWARD) {
      String value = headers.get(key);
      if (value != null) {
        onward.put(key, value);
      }
    }
    return onward;
  }

  private static String text(Metadata headers, Metadata.Key<String> key) {
    String value = headers.get(key);
    return value == null ? "" : value;
  }

  /** Lets {@link #current} know. */
  public static ServerInterceptor reader() {
    return new ServerInterceptor() {
      @Override
      public <Q, R> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        return Contexts.interceptCall(
            Context.current().withValue(CURRENT, of(call, headers)), call, headers, next);
      }
    };
  }
}
