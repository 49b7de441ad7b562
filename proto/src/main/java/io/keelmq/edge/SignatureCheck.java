package io.keelmq.edge;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;

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

  /** {@code apache.rocketmq.v2.Code.UNAUTHORIZED}. */
  static final int UNAUTHORIZED = 40_100;

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

  /** SDKs look for codes in the response, so the call itself ends well. */
  private static <Q, R> ServerCall.Listener<Q> refuse(ServerCall<Q, R> call, String reason) {
    R response = response(call.getMethodDescriptor().getResponseMarshaller(), reason);
    if (response == null) {
      call.close(Status.UNAUTHENTICATED.withDescription(reason), new Metadata());
    } else {
      call.sendHeaders(new Metadata());
      call.sendMessage(response);
      call.close(Status.OK, new Metadata());
    }
    return new ServerCall.Listener<>() {};
  }

  /** Null if the method's responses have no status with a code and a message. */
  @SuppressWarnings("unchecked")
  private static <R> R response(MethodDescriptor.Marshaller<R> marshaller, String reason) {
    if (!(marshaller instanceof MethodDescriptor.PrototypeMarshaller<R> known)
        || !(known.getMessagePrototype() instanceof Message prototype)) {
      return null;
    }
    FieldDescriptor status = prototype.getDescriptorForType().findFieldByName("status");
    if (status == null || status.getJavaType() != FieldDescriptor.JavaType.MESSAGE) {
      return null;
    }
    Descriptor type = status.getMessageType();
    FieldDescriptor code = type.findFieldByName("code");
    FieldDescriptor message = type.findFieldByName("message");
    if (code == null || code.getJavaType() != FieldDescriptor.JavaType.ENUM || message == null) {
      return null;
    }
    Message.Builder response = prototype.newBuilderForType();
    response.setField(
        status,
        response
            .newBuilderForField(status)
            .setField(code, code.getEnumType().findValueByNumberCreatingIfUnknown(UNAUTHORIZED))
            .setField(message, reason)
            .build());
    // The prototype is an R, and so is what its builder makes.
    return (R) response.build();
  }
}
