package io.keelmq.broker.rocketmq;

import io.grpc.SynchronizationContext;
import io.grpc.stub.ServerCallStreamObserver;
import io.keelmq.broker.Leadership;
import io.keelmq.broker.api.CallCut;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.api.LeaderForwarder;
import io.keelmq.broker.api.Refusal;
import io.keelmq.common.StatusDetails;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.rocketmq.v2.ReceiveMessageRequest;
import io.keelmq.rocketmq.v2.ReceiveMessageResponse;
import io.keelmq.rocketmq.v2.Status;
import io.keelmq.v1.ErrorDetail;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One long poll of a client. It is carried out here if this replica leads, else by the one that
 * does; when that changes it goes on at the next one, under the same attempt id. Without a leader
 * it waits, and in the end found nothing, which is no error to anybody.
 *
 * <p>Fields that are not final are owned by {@link #turn}, which lets one thread at a time work on
 * the call.
 */
final class ReceiveCall implements LeaderPoll.Events, RemotePoll.Events {

  private static final Logger LOG = LoggerFactory.getLogger(ReceiveCall.class);

  private final Served served;
  private final SettleHandler settles;
  private final InstantSource wall;
  private final Caller caller;
  private final ReceiveMessageRequest request;
  private final PollRequest wanted;
  private final ServerCallStreamObserver<ReceiveMessageResponse> client;
  private final Runnable onEnd;
  private final boolean toBeTold;
  private final boolean forwarded = LeaderForwarder.isForwarded();
  private final Optional<CallCut> cut = CallCut.current();
  private final Runnable watcher;
  private final SynchronizationContext turn =
      new SynchronizationContext((thread, defect) -> defect(defect));
  private final long endNanos;

  private boolean answered;
  private boolean over;
  private boolean trying;
  private boolean lookedUp;
  private Leadership tried = Leadership.UNINITIALIZED;
  private Optional<LeaderPoll> local = Optional.empty();
  private Optional<RemotePoll> remote = Optional.empty();
  // What was answered and has not reached the client yet.
  private List<String> handles = List.of();

  ReceiveCall(
      Served served,
      SettleHandler settles,
      InstantSource wall,
      Caller caller,
      ReceiveMessageRequest request,
      PollRequest wanted,
      ServerCallStreamObserver<ReceiveMessageResponse> client,
      Runnable onEnd) {
    this.served = served;
    this.settles = settles;
    this.wall = wall;
    this.caller = caller;
    this.request = request;
    this.wanted = wanted;
    this.client = client;
    this.onEnd = onEnd;
    this.toBeTold = Onward.willTellOfReached(caller);
    this.watcher = () -> turn.execute(this::leadershipChanged);
    this.endNanos = edge().now() + TimeUnit.MILLISECONDS.toNanos(wanted.waitMillis());
  }

  private Edge edge() {
    return served.edge();
  }

  /** Called on the event loop, before the call returns to it. */
  void start() {
    client.setOnCancelHandler(() -> turn.execute(this::cancelled));
    client.setOnCloseHandler(() -> turn.execute(this::reached));
    served.sessions().pollBegan(caller.clientId());
    edge().watch().add(watcher);
    turn.execute(this::attempt);
    later(this::timeIsOver, wanted.waitMillis());
  }

  /** The server stops. */
  void stop() {
    turn.execute(
        () -> {
          if (forwarded) {
            refuse(Refusal.shuttingDown());
          } else {
            timeIsOver();
          }
        });
  }

  private void later(Runnable task, long millis) {
    try {
      turn.schedule(task, Math.max(0, millis), TimeUnit.MILLISECONDS, edge().timer());
    } catch (RejectedExecutionException e) {
      refuse(Refusal.shuttingDown());
    }
  }

  private void attempt() {
    if (answered || over || trying) {
      return;
    }
    Leadership now = edge().replica().leadership();
    tried = now;
    if (now.role() == Leadership.Role.UNINITIALIZED) {
      refuse(Refusal.notInitialized());
    } else if (now.isLeader()) {
      trying = true;
      var poll = new LeaderPoll(served, wanted, caller, toBeTold, now, this);
      local = Optional.of(poll);
      poll.start();
    } else if (forwarded) {
      refuse(Refusal.noLeader("this replica does not lead"));
    } else if (now.leaderAddress().isPresent()) {
      trying = true;
      forward(now.leaderAddress().get());
    } else {
      again();
    }
  }

  private void forward(String leaderAddress) {
    long waitMillis = Math.max(0, TimeUnit.NANOSECONDS.toMillis(endNanos - edge().now()));
    var poll =
        new RemotePoll(
            Onward.ofPoll(caller).apply(edge().forwarder().to(leaderAddress)), waitMillis, this);
    remote = Optional.of(poll);
    poll.start(
        request.toBuilder()
            .setAttemptId(wanted.attemptId())
            .setLongPollingTimeout(Times.duration(waitMillis))
            .build());
  }

  /** Tries again shortly, or when leadership changes, as long as there is time. */
  private void again() {
    trying = false;
    local = Optional.empty();
    remote = Optional.empty();
    if (answered || over) {
      return;
    }
    if (forwarded) {
      refuse(Refusal.noLeader("this replica lost the lead"));
    } else if (edge().now() - endNanos >= 0) {
      nothing();
    } else {
      later(this::attempt, Edge.RETRY_EVERY.toMillis());
    }
  }

  private void leadershipChanged() {
    if (answered || over) {
      return;
    }
    Leadership now = edge().replica().leadership();
    if (!trying) {
      attempt();
    } else if (!now.hasSameLeaderAs(tried)) {
      // What it was given stands in the state under its attempt's id.
      local.ifPresent(LeaderPoll::lost);
      remote.ifPresent(RemotePoll::cancel);
      again();
    }
  }

  private void timeIsOver() {
    if (answered || over) {
      return;
    }
    if (local.isPresent()) {
      local.get().endSoon();
    } else if (remote.isEmpty()) {
      nothing();
    } else {
      // The leader keeps the same time; if it does not answer, nobody waits for it for ever.
      later(this::nothing, Edge.DEADLINE_MARGIN.toMillis());
    }
  }

  @Override
  public void found(LeaderPoll from, List<Message> messages) {
    turn.execute(
        () -> {
          if (answered || over || !isLocal(from)) {
            from.lost();
          } else if (messages.isEmpty()) {
            nothing();
          } else {
            var frames = new ArrayList<ReceiveMessageResponse>(messages.size() + 2);
            frames.add(frame(Statuses.OK));
            for (Message message : messages) {
              frames.add(ReceiveMessageResponse.newBuilder().setMessage(message).build());
            }
            frames.add(now());
            answer(frames);
          }
        });
  }

  @Override
  public void noTopic(LeaderPoll from) {
    turn.execute(
        () -> {
          if (answered || over || !isLocal(from)) {
            return;
          }
          if (lookedUp) {
            again();
            return;
          }
          // A leader that was just elected may not have applied it yet.
          lookedUp = true;
          served
              .topics()
              .find(
                  ResourceChecks.name(wanted.topic()),
                  topic -> turn.execute(this::again),
                  why -> turn.execute(() -> refuse(why)));
        });
  }

  @Override
  public void refused(LeaderPoll from, Refusal why) {
    turn.execute(
        () -> {
          if (isLocal(from)) {
            refuse(why);
          }
        });
  }

  @Override
  public void stuck(LeaderPoll from, Refusal why) {
    turn.execute(
        () -> {
          if (!over && isLocal(from)) {
            String reason = edge().refuse(why).getMessage();
            cancelled();
            // Any answer would stand behind what the client does not read.
            cut.ifPresent(call -> call.now(reason));
          }
        });
  }

  @Override
  public void broken(LeaderPoll from, Refusal why) {
    turn.execute(
        () -> {
          if (isLocal(from)) {
            again();
          }
        });
  }

  private boolean isLocal(LeaderPoll from) {
    return local.filter(from::equals).isPresent();
  }

  @Override
  public void answered(RemotePoll from, List<ReceiveMessageResponse> frames) {
    turn.execute(
        () -> {
          List<String> given = handles(frames);
          if (answered || over || !isRemote(from)) {
            giveBack(given);
          } else {
            handles = given;
            answer(frames);
          }
        });
  }

  private static List<String> handles(List<ReceiveMessageResponse> frames) {
    return frames.stream()
        .filter(ReceiveMessageResponse::hasMessage)
        .map(frame -> frame.getMessage().getSystemProperties().getReceiptHandle())
        .toList();
  }

  @Override
  public void failed(RemotePoll from, Throwable failure) {
    turn.execute(
        () -> {
          if (answered || over || !isRemote(from)) {
            return;
          }
          ErrorDetail detail = StatusDetails.fromThrowable(failure);
          switch (detail.getCode()) {
            case NO_LEADER, SHUTTING_DOWN, NOT_INITIALIZED, OUTCOME_UNKNOWN, CODE_UNSPECIFIED ->
                again();
            default -> refuse(new Refusal(detail.getCode(), detail.getMessage()));
          }
        });
  }

  private boolean isRemote(RemotePoll from) {
    return remote.filter(from::equals).isPresent();
  }

  private void giveBack(List<String> given) {
    if (!given.isEmpty()) {
      settles.giveBack(caller, request.getGroup(), wanted.topic(), given);
    }
  }

  private void nothing() {
    answer(
        List.of(
            frame(Statuses.of(Code.MESSAGE_NOT_FOUND, "no message came while the poll waited")),
            now()));
  }

  private void refuse(Refusal why) {
    if (!forwarded) {
      refuse(Statuses.of(why));
    } else if (!answered && !over) {
      answered = true;
      end();
      client.onError(edge().refuse(why));
    }
  }

  private void refuse(Status why) {
    answer(List.of(frame(why)));
  }

  private void answer(List<ReceiveMessageResponse> frames) {
    if (answered || over) {
      return;
    }
    answered = true;
    frames.forEach(client::onNext);
    client.onCompleted();
  }

  private static ReceiveMessageResponse frame(Status status) {
    return ReceiveMessageResponse.newBuilder().setStatus(status).build();
  }

  private ReceiveMessageResponse now() {
    return ReceiveMessageResponse.newBuilder()
        .setDeliveryTimestamp(Times.timestamp(wall.millis()))
        .build();
  }

  /** All that was answered has left. */
  private void reached() {
    local.ifPresent(LeaderPoll::taken);
    if (wanted.kept() && !forwarded) {
      served.reached().add(local.map(LeaderPoll::handles).orElse(handles));
    }
    end();
  }

  private void cancelled() {
    if (over) {
      return;
    }
    local.ifPresent(LeaderPoll::lost);
    remote.ifPresent(RemotePoll::cancel);
    giveBack(handles);
    end();
  }

  private void end() {
    if (over) {
      return;
    }
    over = true;
    handles = List.of();
    edge().watch().remove(watcher);
    served.sessions().pollEnded(caller.clientId());
    onEnd.run();
  }

  private void defect(Throwable cause) {
    LOG.error("a receive call failed", cause);
    local.ifPresent(LeaderPoll::lost);
    if (!answered && !over) {
      answered = true;
      end();
      client.onError(edge().refuse(Refusal.internal(cause)));
    }
  }
}
