package io.keelmq.nameserver;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.keelmq.edge.SdkRefusal;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.v2.Code;

/** Refuses calls of an SDK that do not say whose they are, as brokers do. Stateless. */
final class RequiresClientId implements ServerInterceptor {

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    return Caller.of(call, headers).clientId().isBlank()
        ? SdkRefusal.end(
            call, Code.CLIENT_ID_REQUIRED, "expected the header x-mq-client-id, found none")
        : next.startCall(call, headers);
  }
}
