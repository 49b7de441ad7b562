package io.keelmq.edge;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.keelmq.rocketmq.v2.Code;

/**
 * Ends a call of an SDK before its service has seen it. SDKs look for codes in responses, so the
 * call itself ends well, with a response of its type that holds nothing but the status.
 */
public final class SdkRefusal {

  private SdkRefusal() {}

  /**
   * @return a listener for the interceptor to return, which bears with whatever still comes
   */
  public static <Q, R> ServerCall.Listener<Q> end(ServerCall<Q, R> call, Code code, String reason) {
    R response = response(call.getMethodDescriptor().getResponseMarshaller(), code, reason);
    if (response == null) {
      call.close(Status.FAILED_PRECONDITION.withDescription(code + ": " + reason), new Metadata());
    } else {
      call.sendHeaders(new Metadata());
      call.sendMessage(response);
      call.close(Status.OK, new Metadata());
    }
    return new ServerCall.Listener<>() {};
  }

  /** Null if the method's responses have no status. */
  @SuppressWarnings("unchecked")
  private static <R> R response(
      MethodDescriptor.Marshaller<R> marshaller, Code code, String reason) {
    if (!(marshaller instanceof MethodDescriptor.PrototypeMarshaller<R> known)
        || !(known.getMessagePrototype() instanceof Message prototype)) {
      return null;
    }
    FieldDescriptor status = prototype.getDescriptorForType().findFieldByName("status");
    if (status == null
        || status.getJavaType() != FieldDescriptor.JavaType.MESSAGE
        || status.getMessageType() != io.keelmq.rocketmq.v2.Status.getDescriptor()) {
      return null;
    }
    var value = io.keelmq.rocketmq.v2.Status.newBuilder().setCode(code).setMessage(reason).build();
    // The prototype is an R, and so is what its builder makes.
    return (R) prototype.newBuilderForType().setField(status, value).build();
  }
}
