package io.keelmq.nameserver;

import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.stub.MetadataUtils;
import io.keelmq.edge.SdkRefusal;
import io.keelmq.edge.SignatureCheck;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.Sdk;
import io.keelmq.rocketmq.v2.Code;

/**
 * What the headers of an SDK's call say of its client. Immutable.
 *
 * @param headers those that go along when the call is passed on
 */
record SdkCaller(Sdk sdk, Metadata headers) {

  private static final Context.Key<SdkCaller> KEY = Context.key("keelmq-sdk-caller");
  private static final String OF_SDKS = "x-mq-";

  /** Who makes the call that is being started. */
  static SdkCaller current() {
    return KEY.get();
  }

  /** Reads the headers of each call, and refuses those that lack a client id. */
  static ServerInterceptor reader() {
    return new ServerInterceptor() {
      @Override
      public <Q, R> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        Caller said = Caller.of(headers);
        if (said.clientId().isBlank()) {
          return SdkRefusal.end(
              call, Code.CLIENT_ID_REQUIRED, "expected the header x-mq-client-id, found none");
        }
        var caller = new SdkCaller(said.sdk(), passedOn(headers));
        return Contexts.interceptCall(
            Context.current().withValue(KEY, caller), call, headers, next);
      }
    };
  }

  /** The connection, over which calls carry this caller's headers. */
  Channel passedOnBy(Channel channel) {
    return ClientInterceptors.intercept(
        channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  private static Metadata passedOn(Metadata headers) {
    var some = new Metadata();
    for (String name : headers.keys()) {
      if (name.startsWith(OF_SDKS) && !name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
        copy(headers, some, header(name));
      }
    }
    copy(headers, some, SignatureCheck.AUTHORIZATION);
    return some;
  }

  private static void copy(Metadata from, Metadata to, Metadata.Key<String> key) {
    String value = from.get(key);
    if (value != null) {
      to.put(key, value);
    }
  }

  private static Metadata.Key<String> header(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}
