package io.keelmq.broker.api;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientStreamTracer;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.SynchronizationContext;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.Reply;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.Code;
import io.keelmq.v1.ErrorDetail;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One unary call that only the leader can answer: carried out here if this replica leads, passed on
 * if another does, and held while nobody is known to. Whoever repeats it after an unclear end
 * relies on the state machine, which knows the call by its origin or message id.
 *
 * <p>Its fields are owned by {@link #turn}, which lets one thread at a time work on the call.
 */
public final class HeldCall<Q, R> {

  /** How one try ended. */
  public sealed interface Answer<R> {
    /** The answer for the caller. */
    record Final<R>(R response) implements Answer<R> {}

    /** An error for the caller: trying again would not change it. */
    record Refused<R>(Refusal why) implements Answer<R> {}

    /** Not applied and never will be. */
    record NotDone<R>(Refusal why) implements Answer<R> {}

    /** Perhaps applied. */
    record Unclear<R>(String why) implements Answer<R> {}
  }

  /** Carries a call out at the leader; its consumer is told once, on any thread. */
  @FunctionalInterface
  public interface AtLeader<R> {
    void run(Consumer<Answer<R>> done);
  }

  private static final Logger LOG = LoggerFactory.getLogger(HeldCall.class);

  /** Without a deadline of the caller's, a leader that does not answer is given up after this. */
  private static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final Edge edge;
  private final MethodDescriptor<Q, R> method;
  private final Q request;
  private final AtLeader<R> atLeader;
  private final StreamObserver<R> caller;
  private final boolean repeatable;
  private final UnaryOperator<Channel> way;
  private final boolean forwarded = LeaderForwarder.isForwarded();
  private final SynchronizationContext turn;
  private final Runnable watcher;
  private final long endNanos;

  private boolean ended;
  private int tries;
  private boolean trying;
  private boolean unclear;
  private Refusal lastWhy = Refusal.noLeader("no leader is known");
  // 0: not held.
  private long holdUntilNanos;
  private Leadership tried;
  private ClientCall<Q, R> remote;

  private HeldCall(
      Edge edge,
      MethodDescriptor<Q, R> method,
      Q request,
      AtLeader<R> atLeader,
      StreamObserver<R> caller,
      boolean repeatable,
      UnaryOperator<Channel> way) {
    this.edge = edge;
    this.way = way;
    this.repeatable = repeatable;
    this.method = method;
    this.request = request;
    this.atLeader = atLeader;
    this.caller = caller;
    this.turn = new SynchronizationContext((thread, defect) -> broken(defect));
    this.watcher = () -> turn.execute(this::leadershipChanged);
    Deadline deadline = Context.current().getDeadline();
    long left =
        deadline == null
            ? LONGEST_NANOS
            : Math.min(
                LONGEST_NANOS,
                deadline.timeRemaining(TimeUnit.NANOSECONDS) - Edge.DEADLINE_MARGIN.toNanos());
    this.endNanos = edge.now() + Math.max(0, left);
    this.tried = Leadership.UNINITIALIZED;
  }

  /**
   * Starts a call that may be tried again after an unclear end; the caller is answered once. Does
   * not block.
   */
  public static <Q, R> void start(
      Edge edge,
      MethodDescriptor<Q, R> method,
      Q request,
      AtLeader<R> atLeader,
      StreamObserver<R> caller) {
    start(edge, method, request, atLeader, caller, UnaryOperator.identity());
  }

  /**
   * @param way puts around the connection to the leader what the call needs there
   */
  public static <Q, R> void start(
      Edge edge,
      MethodDescriptor<Q, R> method,
      Q request,
      AtLeader<R> atLeader,
      StreamObserver<R> caller,
      UnaryOperator<Channel> way) {
    start(new HeldCall<>(edge, method, request, atLeader, caller, true, way));
  }

  /** The same for a call whose repeat would be another change. */
  static <Q, R> void startOnce(
      Edge edge,
      MethodDescriptor<Q, R> method,
      Q request,
      AtLeader<R> atLeader,
      StreamObserver<R> caller) {
    start(new HeldCall<>(edge, method, request, atLeader, caller, false, UnaryOperator.identity()));
  }

  private static void start(HeldCall<?, ?> call) {
    Edge edge = call.edge;
    edge.watch().add(call.watcher);
    call.turn.execute(call::attempt);
  }

  /** What a proposal's end means to a call, where {@code applied} reads the reply. */
  public static <R> Answer<R> answer(ProposalOutcome outcome, Function<Reply, Answer<R>> applied) {
    if (outcome instanceof ProposalOutcome.Applied done) {
      return done.reply() instanceof Reply.Rejected rejected
          ? new Answer.Refused<>(ReplyMapper.refusal(rejected))
          : applied.apply(done.reply());
    }
    if (outcome instanceof ProposalOutcome.Unknown unknown) {
      return new Answer.Unclear<>(unknown.message());
    }
    var notProposed = (ProposalOutcome.NotProposed) outcome;
    Refusal why = ReplyMapper.refusal(notProposed);
    return switch (notProposed.reason()) {
      case NOT_LEADER, OVERLOADED, SHUTTING_DOWN -> new Answer.NotDone<>(why);
      case DISK_FULL, TOO_LARGE, FEATURE_LEVEL -> new Answer.Refused<>(why);
    };
  }

  private void attempt() {
    if (ended || trying) {
      return;
    }
    Leadership now = edge.replica().leadership();
    tried = now;
    if (now.role() == Leadership.Role.UNINITIALIZED) {
      end(Refusal.notInitialized());
    } else if (now.isLeader()) {
      int number = begin();
      atLeader.run(answer -> turn.execute(() -> answered(number, answer)));
    } else if (forwarded) {
      end(unclear ? outcomeUnknown() : Refusal.noLeader("this replica does not lead"));
    } else if (now.leaderAddress().isPresent()) {
      forward(now.leaderAddress().get());
    } else {
      lastWhy = Refusal.noLeader("no leader is known to this replica");
      hold();
    }
  }

  private int begin() {
    trying = true;
    return ++tries;
  }

  private void forward(String leaderAddress) {
    int number = begin();
    long leftNanos = endNanos - edge.now();
    if (leftNanos <= 0) {
      giveUp();
      return;
    }
    edge.stats().forwards.increment();
    var left = new LeftTheHouse();
    Channel channel = way.apply(edge.forwarder().to(leaderAddress));
    remote =
        channel.newCall(
            method,
            CallOptions.DEFAULT
                .withDeadlineAfter(leftNanos, TimeUnit.NANOSECONDS)
                .withStreamTracerFactory(left));
    ClientCalls.asyncUnaryCall(
        remote,
        request,
        new StreamObserver<R>() {
          private R response;

          @Override
          public void onNext(R value) {
            response = value;
          }

          @Override
          public void onError(Throwable failure) {
            Answer<R> answer = answerOf(failure, left.sent);
            turn.execute(() -> answered(number, answer));
          }

          @Override
          public void onCompleted() {
            turn.execute(() -> answered(number, new Answer.Final<>(response)));
          }
        });
  }

  private static <R> Answer<R> answerOf(Throwable failure, boolean sent) {
    ErrorDetail detail = StatusDetails.fromThrowable(failure);
    var why = new Refusal(detail.getCode(), detail.getMessage());
    if (!sent) {
      return new Answer.NotDone<>(
          Refusal.noLeader("the leader is not reached: " + detail.getMessage()));
    }
    return switch (detail.getCode()) {
      case NO_LEADER, SHUTTING_DOWN, NOT_INITIALIZED -> new Answer.NotDone<>(why);
      default ->
          StatusDetails.isUnknownOutcome(detail.getCode())
              ? new Answer.Unclear<>(detail.getMessage())
              : new Answer.Refused<>(why);
    };
  }

  private void answered(int number, Answer<R> answer) {
    if (ended || number != tries || !trying) {
      return;
    }
    trying = false;
    remote = null;
    if (answer instanceof Answer.Final<R> done) {
      end();
      caller.onNext(done.response());
      caller.onCompleted();
    } else if (answer instanceof Answer.Refused<R> refused) {
      end(refused.why());
    } else {
      if (answer instanceof Answer.NotDone<R> notDone) {
        lastWhy = notDone.why();
      } else {
        unclear = true;
        lastWhy = new Refusal(Code.OUTCOME_UNKNOWN, ((Answer.Unclear<R>) answer).why());
      }
      if (unclear && !repeatable) {
        giveUp();
      } else {
        hold();
      }
    }
  }

  private void hold() {
    long now = edge.now();
    if (forwarded && !edge.replica().leadership().isLeader()) {
      giveUp();
      return;
    }
    if (holdUntilNanos == 0) {
      edge.stats().holds.increment();
      holdUntilNanos = Math.min(now + Edge.HOLD.toNanos(), endNanos);
    }
    if (now - holdUntilNanos >= 0) {
      giveUp();
    } else if (!edge.replica().leadership().equals(tried)) {
      attempt();
    } else {
      try {
        turn.schedule(
            this::attempt, Edge.RETRY_EVERY.toMillis(), TimeUnit.MILLISECONDS, edge.timer());
      } catch (RejectedExecutionException e) {
        lastWhy = Refusal.shuttingDown();
        giveUp();
      }
    }
  }

  /** A try at a replica that leads no more is abandoned: its answer may never come. */
  private void leadershipChanged() {
    if (ended) {
      return;
    }
    Leadership now = edge.replica().leadership();
    if (trying && remote != null) {
      boolean sameLeader =
          now.leaderNode().equals(tried.leaderNode()) && now.term() == tried.term();
      if (sameLeader || !repeatable) {
        return;
      }
      ClientCall<Q, R> abandoned = remote;
      answered(tries, new Answer.Unclear<>("the leader changed during the call"));
      abandoned.cancel("the leader changed", null);
    } else if (!trying && (now.isLeader() || now.leaderAddress().isPresent())) {
      attempt();
    }
  }

  private void giveUp() {
    end(unclear ? outcomeUnknown() : lastWhy);
  }

  private Refusal outcomeUnknown() {
    return new Refusal(
        Code.OUTCOME_UNKNOWN,
        "it may have been applied; "
            + (repeatable
                ? "repeating it with the same id is safe: "
                : "look before repeating it: ")
            + lastWhy.message());
  }

  private void end(Refusal why) {
    end();
    caller.onError(edge.refuse(why));
  }

  private void end() {
    ended = true;
    edge.watch().remove(watcher);
  }

  private void broken(Throwable defect) {
    LOG.error("call={} failed", method.getFullMethodName(), defect);
    if (!ended) {
      end(Refusal.internal(defect));
    }
  }

  /** Whether a call's headers were handed to a connection: before that nobody can have seen it. */
  private static final class LeftTheHouse extends ClientStreamTracer.Factory {
    private volatile boolean sent;

    @Override
    public ClientStreamTracer newClientStreamTracer(
        ClientStreamTracer.StreamInfo info, Metadata headers) {
      return new ClientStreamTracer() {
        @Override
        public void outboundHeaders() {
          sent = true;
        }
      };
    }
  }
}
