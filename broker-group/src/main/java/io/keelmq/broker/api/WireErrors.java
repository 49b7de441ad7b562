package io.keelmq.broker.api;

import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.StatusRuntimeException;
import io.keelmq.v1.PublishRequest;
import io.keelmq.v1.StreamsGrpc;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Puts readers around a service's own, so that a request that is no protobuf ends its call with
 * INVALID_ARGUMENT. Left alone, gRPC ends it with an internal error and writes a stack to the log
 * for each one.
 */
final class WireErrors {

  private WireErrors() {}

  /** The same service; Publish is read by {@link PublishRequests}. */
  static ServerServiceDefinition guard(ServerServiceDefinition service, Edge edge) {
    var methods = new ArrayList<ServerMethodDefinition<?, ?>>();
    service.getMethods().forEach(method -> methods.add(guard(method)));
    var descriptor =
        ServiceDescriptor.newBuilder(service.getServiceDescriptor().getName())
            .setSchemaDescriptor(service.getServiceDescriptor().getSchemaDescriptor());
    methods.forEach(method -> descriptor.addMethod(method.getMethodDescriptor()));
    var guarded = ServerServiceDefinition.builder(descriptor.build());
    methods.forEach(guarded::addMethod);
    List<ServerInterceptor> interceptors =
        List.of(new RefusesMalformed(edge), LeaderForwarder.readsHop());
    return ServerInterceptors.interceptForward(guarded.build(), interceptors);
  }

  private static <Q, R> ServerMethodDefinition<Q, R> guard(ServerMethodDefinition<Q, R> method) {
    MethodDescriptor<Q, R> descriptor = method.getMethodDescriptor();
    MethodDescriptor.Marshaller<Q> reader = descriptor.getRequestMarshaller();
    if (descriptor.getFullMethodName().equals(StreamsGrpc.getPublishMethod().getFullMethodName())) {
      reader = publishReader(reader);
    }
    return ServerMethodDefinition.create(
        descriptor.toBuilder(new Lenient<>(reader), descriptor.getResponseMarshaller()).build(),
        method.getServerCallHandler());
  }

  /** The method's name says that Q is PublishRequest. */
  @SuppressWarnings("unchecked")
  private static <Q> MethodDescriptor.Marshaller<Q> publishReader(
      MethodDescriptor.Marshaller<Q> reader) {
    return (MethodDescriptor.Marshaller<Q>)
        new PublishRequests((MethodDescriptor.Marshaller<PublishRequest>) reader);
  }

  /** Reads what is no protobuf as null, which only {@link RefusesMalformed} gets to see. */
  private record Lenient<Q>(MethodDescriptor.Marshaller<Q> reader)
      implements MethodDescriptor.Marshaller<Q> {

    @Override
    public InputStream stream(Q value) {
      return reader.stream(value);
    }

    @Override
    public Q parse(InputStream in) {
      try {
        return reader.parse(in);
      } catch (StatusRuntimeException malformed) {
        return null;
      }
    }
  }

  private record RefusesMalformed(Edge edge) implements ServerInterceptor {

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
      return new SimpleForwardingServerCallListener<>(next.startCall(call, headers)) {
        private boolean refused;

        @Override
        public void onMessage(Q request) {
          if (refused) {
            return;
          }
          if (request != null) {
            super.onMessage(request);
            return;
          }
          refused = true;
          // To its handler the call looks as if the caller had gone.
          super.onCancel();
          StatusRuntimeException status =
              edge.refuse(
                  Refusal.invalid(
                      "the bytes are no request of "
                          + call.getMethodDescriptor().getFullMethodName()));
          call.close(status.getStatus(), status.getTrailers());
        }

        @Override
        public void onHalfClose() {
          if (!refused) {
            super.onHalfClose();
          }
        }

        @Override
        public void onReady() {
          if (!refused) {
            super.onReady();
          }
        }

        @Override
        public void onCancel() {
          if (!refused) {
            super.onCancel();
          }
        }

        @Override
        public void onComplete() {
          if (!refused) {
            super.onComplete();
          }
        }
      };
    }
  }
}
