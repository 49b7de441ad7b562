package io.keelmq.edge;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.keelmq.rocketmq.v2.Code;

/**
 * Lets a call of {@code apache.rocketmq.v2} pass if a known user has signed it, and answers
 * UNAUTHORIZED otherwise. Without users every call passes, whatever its header says: SDKs send one
 * without credentials too. Thread-safe.
 *
 * <p>What is signed is the time of the call as text, by no clock that could be checked (some SDKs
 * send local time and call it UTC), and nothing else of it: whoever reads a header can repeat it.
 * It is worth something over TLS only.
 */
public final class SignatureCheck implements ServerInterceptor {

  /** The access key of who made the present call; empty without users. Rights will go by it. */
  public static final Context.Key<String> CALLER = Context.keyWithDefault("keelmq-caller", "");

  public static final Metadata.Key<String> AUTHORIZATION = header("authorization");
  public static final Metadata.Key<String> DATE_TIME = header(Authorization.SIGNED_HEADER);

  private final Users users;

  public SignatureCheck(Users users) {
    this.users = users;
  }

  private static Metadata.Key<String> header(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    if (users.isEmpty()) {
      return next.startCall(call, headers);
    }
    String header = headers.get(AUTHORIZATION);
    String dateTime = headers.get(DATE_TIME);
    if (header == null || dateTime == null) {
      return refuse(
          call,
          "this server knows users: expected the headers authorization and "
              + Authorization.SIGNED_HEADER
              + "; give the client an access key and a secret");
    }
    Authorization authorization;
    try {
      authorization = Authorization.parse(header);
    } catch (IllegalArgumentException e) {
      return refuse(call, e.getMessage());
    }
    if (!users.hasSigned(authorization, dateTime)) {
      return refuse(
          call, "the access key is unknown here or its secret is another one: check both");
    }
    Context context = Context.current().withValue(CALLER, authorization.accessKey());
    return Contexts.interceptCall(context, call, headers, next);
  }

  private static <Q, R> ServerCall.Listener<Q> refuse(ServerCall<Q, R> call, String reason) {
    return SdkRefusal.end(call, Code.UNAUTHORIZED, reason);
  }
}
