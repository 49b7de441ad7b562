package io.keelmq.broker.api;

import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import java.util.Collection;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Resets a call at once. What gRPC lets a handler do ends a call behind all that was written to it,
 * and that never leaves where a client reads nothing. The end of a deadline resets a call, and this
 * is taken for one: the call's context is made below one that can be cancelled. Thread-safe.
 */
public final class CallCut {

  private static final Context.Key<CallCut> CURRENT = Context.key("keelmq-call-cut");

  private final Context.CancellableContext context;

  private CallCut(Context.CancellableContext context) {
    this.context = context;
  }

  /** Of the call that is being started, if it streams to its client. */
  public static Optional<CallCut> current() {
    return Optional.ofNullable(CURRENT.get());
  }

  /** Handler and client are told that the call was cancelled; {@code why} is for logs. */
  public void now(String why) {
    context.cancel(Status.DEADLINE_EXCEEDED.withDescription(why).asRuntimeException());
  }

  /** Lets {@link #current} know, in calls that have one request and many responses. */
  static ServerStreamTracer.Factory tracer(Collection<ServerServiceDefinition> services) {
    Set<String> methods =
        services.stream()
            .flatMap(service -> service.getMethods().stream())
            .map(method -> method.getMethodDescriptor())
            .filter(method -> method.getType().clientSendsOneMessage())
            .filter(method -> !method.getType().serverSendsOneMessage())
            .map(method -> method.getFullMethodName())
            .collect(Collectors.toSet());
    var none = new ServerStreamTracer() {};
    return new ServerStreamTracer.Factory() {
      @Override
      public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
        return methods.contains(method) ? new Tracer() : none;
      }
    };
  }

  private static final class Tracer extends ServerStreamTracer {

    @Override
    public Context filterContext(Context context) {
      Context.CancellableContext below = context.withCancellation();
      return below.withValue(CURRENT, new CallCut(below));
    }
  }
}
