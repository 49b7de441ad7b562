package io.keelmq.client;

import io.grpc.CallOptions;
import io.grpc.MethodDescriptor;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.keelmq.common.Durations;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.Code;
import io.keelmq.v1.ErrorDetail;
import io.keelmq.v1.Origin;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Unary calls to a group: to the leader or to whoever forwards, again and again until an answer or
 * the deadline. Attempts are started by the loop; callers wait on futures.
 */
final class Calls {

  /** A replica holds a call for 2.5 s while it looks for a leader; one that says less is dead. */
  static final long ATTEMPT_MILLIS = 4_000;

  /** What a repeat would do. */
  enum Repeat {
    /** Changes nothing. */
    QUERY,
    /** A change that carries an origin, by which the group tells its repeats. */
    NAMED_CHANGE,
    /** A change that must not be made twice. */
    ONCE
  }

  private final ClientLoop loop;
  private final Channels channels;
  private final RouteCache routes;
  private final LeaderRouting routing;
  private final long originId;
  private final AtomicLong originSequence = new AtomicLong();

  Calls(ClientLoop loop, Channels channels, RouteCache routes, LeaderRouting routing) {
    this.loop = loop;
    this.channels = channels;
    this.routes = routes;
    this.routing = routing;
    long id;
    do {
      id = ThreadLocalRandom.current().nextLong();
    } while (id == 0);
    originId = id;
  }

  /** A name for one change, kept over its repeats. */
  Origin newOrigin() {
    return Origin.newBuilder()
        .setId(originId)
        .setSequence(originSequence.incrementAndGet())
        .build();
  }

  /**
   * @param group empty: the first initialized one
   */
  <Q, R> CompletableFuture<R> call(
      MethodDescriptor<Q, R> method, Q request, Repeat repeat, String group, Duration timeout) {
    var call = new RetriedCall<>(method, request, repeat, group, timeout);
    loop.execute(call::attempt);
    return call.result;
  }

  /** One attempt at one replica, whoever it is. */
  <Q, R> CompletableFuture<R> callAt(
      String address, MethodDescriptor<Q, R> method, Q request, Duration timeout) {
    var result = new CompletableFuture<R>();
    try {
      start(address, method, request, timeout.toMillis(), new Answer<>(result));
    } catch (ClientClosed e) {
      result.completeExceptionally(e);
    }
    return result;
  }

  /** Waits, and throws what the future ends with as the caller's own. */
  <R> R join(CompletableFuture<R> result, Duration timeout) {
    if (loop.isCurrent() && !result.isDone()) {
      throw new IllegalStateException(
          "a blocking call from a callback of this client would wait for itself; use another thread");
    }
    try {
      // The call ends by itself at its deadline; the margin is for a machine that stands still.
      return result.get(timeout.toMillis() + 5_000, TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw Failures.unwrap(e.getCause());
    } catch (TimeoutException e) {
      throw new OutcomeUnknown(
          Code.OUTCOME_UNKNOWN, "no answer within " + Durations.text(timeout), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new OutcomeUnknown(Code.OUTCOME_UNKNOWN, "interrupted while waiting", e);
    }
  }

  private <Q, R> void start(
      String address,
      MethodDescriptor<Q, R> method,
      Q request,
      long timeoutMillis,
      StreamObserver<R> answer) {
    var options =
        CallOptions.DEFAULT.withDeadlineAfter(Math.max(1, timeoutMillis), TimeUnit.MILLISECONDS);
    ClientCalls.asyncUnaryCall(channels.at(address).newCall(method, options), request, answer);
  }

  /** A call over its attempts. Owned by the loop. */
  private final class RetriedCall<Q, R> {
    final CompletableFuture<R> result = new CompletableFuture<>();
    private final MethodDescriptor<Q, R> method;
    private final Q request;
    private final Repeat repeat;
    private final String group;
    private final Duration timeout;
    private final long deadlineNanos;
    private final RetryPolicy backoff = RetryPolicy.forReplicas();
    private boolean mayBeApplied;
    private String lastWord = "";

    RetriedCall(
        MethodDescriptor<Q, R> method, Q request, Repeat repeat, String group, Duration timeout) {
      this.method = method;
      this.request = request;
      this.repeat = repeat;
      this.group = group;
      this.timeout = timeout;
      deadlineNanos = loop.nanoTime() + timeout.toNanos();
    }

    void attempt() {
      long leftMillis = (deadlineNanos - loop.nanoTime()) / 1_000_000;
      if (leftMillis <= 0) {
        giveUp();
        return;
      }
      if (group.isEmpty() && routes.table().onlyUninitialized()) {
        result.completeExceptionally(new RequestRejected(Code.NOT_INITIALIZED, routes.problem()));
        return;
      }
      Optional<LeaderRouting.Target> target = routing.pick(group, false);
      if (target.isEmpty()) {
        lastWord = routes.problem();
        again(Math.max(10, backoff.nextDelayMillis()));
        return;
      }
      var answer = new CompletableFuture<R>();
      answer.whenComplete(
          (value, failure) -> loop.execute(() -> ended(target.get(), value, failure)));
      try {
        long attemptMillis =
            repeat == Repeat.ONCE ? leftMillis : Math.min(leftMillis, ATTEMPT_MILLIS);
        start(target.get().address(), method, request, attemptMillis, new Answer<>(answer));
      } catch (ClientClosed e) {
        result.completeExceptionally(e);
      }
    }

    private void ended(LeaderRouting.Target target, R value, Throwable failure) {
      if (failure == null) {
        routing.worked(target);
        result.complete(value);
        return;
      }
      ErrorDetail detail = Failures.detail(failure);
      // A wiped replica speaks for itself, not for its group.
      boolean wiped =
          detail.getCode() == Code.NOT_INITIALIZED && !routes.table().onlyUninitialized();
      if (Failures.isDefinite(detail.getCode()) && !wiped) {
        result.completeExceptionally(new RequestRejected(detail.getCode(), detail.getMessage()));
        return;
      }
      lastWord = target.node() + " at " + target.address() + ": " + detail.getMessage();
      boolean unknown =
          StatusDetails.isUnknownOutcome(detail.getCode()) && !Failures.neverSent(failure);
      mayBeApplied |= unknown && repeat != Repeat.QUERY;
      if (unknown && repeat == Repeat.ONCE) {
        giveUp();
        return;
      }
      if (detail.getCode() != Code.TOO_MANY_REQUESTS) {
        routing.failed(target);
      }
      routing.hint(target, detail.getLeaderNode());
      again(backoff.nextDelayMillis());
    }

    private void again(long delayMillis) {
      long leftMillis = (deadlineNanos - loop.nanoTime()) / 1_000_000;
      loop.schedule(this::attempt, Math.max(0, Math.min(delayMillis, leftMillis)));
    }

    private void giveUp() {
      String text =
          "%s: no answer within %s; last: %s"
              .formatted(
                  method.getBareMethodName(),
                  timeout,
                  lastWord.isEmpty() ? routes.problem() : lastWord);
      result.completeExceptionally(
          mayBeApplied
              ? new OutcomeUnknown(Code.OUTCOME_UNKNOWN, text)
              : new Unavailable(Code.NO_LEADER, text));
    }
  }

  private record Answer<R>(CompletableFuture<R> result) implements StreamObserver<R> {
    @Override
    public void onNext(R value) {
      result.complete(value);
    }

    @Override
    public void onError(Throwable failure) {
      result.completeExceptionally(failure);
    }

    @Override
    public void onCompleted() {
      result.completeExceptionally(
          StatusDetails.toException(Code.OUTCOME_UNKNOWN, "the call ended without an answer"));
    }
  }
}
