package io.keelmq.nameserver;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.HostPort;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * One call with one answer that is passed on to a replica of the topic's group, and to the next one
 * if that cannot be reached, for as long as an SDK waits. Its attempts come one after the other.
 */
final class PassedOn<Q, R> {

  static final long HOLD_MILLIS = 2_500;

  private static final long PAUSE_MILLIS = 50;

  private final MethodDescriptor<Q, R> method;
  private final Q request;
  private final SdkCaller caller;
  private final Supplier<List<HostPort>> replicas;
  private final BrokerChannels channels;
  private final ScheduledExecutorService timer;
  private final LongSupplier clockMillis;
  private final StreamObserver<R> out;
  private final Function<String, R> unreached;
  // Carries the client's deadline, and its cancellation, to the replica.
  private final Context context = Context.current();
  private final long untilMillis;
  private int attempts;

  /**
   * @param replicas asked before each attempt; best first
   * @param unreached the answer when none could be reached, given the reason
   */
  PassedOn(
      MethodDescriptor<Q, R> method,
      Q request,
      SdkCaller caller,
      Supplier<List<HostPort>> replicas,
      BrokerChannels channels,
      ScheduledExecutorService timer,
      LongSupplier clockMillis,
      StreamObserver<R> out,
      Function<String, R> unreached) {
    this.method = method;
    this.request = request;
    this.caller = caller;
    this.replicas = replicas;
    this.channels = channels;
    this.timer = timer;
    this.clockMillis = clockMillis;
    this.out = out;
    this.unreached = unreached;
    this.untilMillis = clockMillis.getAsLong() + HOLD_MILLIS;
  }

  void start() {
    List<HostPort> best = replicas.get();
    if (best.isEmpty()) {
      again("no replica of its group is heard here");
      return;
    }
    HostPort replica = best.get(attempts++ % best.size());
    Channel channel;
    try {
      channel = caller.passedOnBy(channels.to(replica));
    } catch (IllegalStateException e) {
      // Stopping.
      end(e.getMessage());
      return;
    }
    context.run(
        () ->
            ClientCalls.asyncUnaryCall(
                channel.newCall(method, CallOptions.DEFAULT), request, new Answer(replica)));
  }

  private void again(String reason) {
    if (clockMillis.getAsLong() >= untilMillis || context.isCancelled()) {
      end(reason);
      return;
    }
    try {
      timer.schedule(this::start, PAUSE_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      end("the name server stops");
    }
  }

  private void end(String reason) {
    out.onNext(unreached.apply(reason));
    out.onCompleted();
  }

  private final class Answer implements StreamObserver<R> {

    private final HostPort replica;

    Answer(HostPort replica) {
      this.replica = replica;
    }

    @Override
    public void onNext(R response) {
      out.onNext(response);
    }

    @Override
    public void onError(Throwable failure) {
      Status status = Status.fromThrowable(failure);
      if (status.getCode() == Status.Code.UNAVAILABLE) {
        again("replica " + replica + " cannot be reached: " + status.getDescription());
      } else {
        out.onError(status.asRuntimeException());
      }
    }

    @Override
    public void onCompleted() {
      out.onCompleted();
    }
  }
}
