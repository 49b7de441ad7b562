package io.keelmq.broker.rocketmq;

import io.grpc.SynchronizationContext;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.api.TransactionChecks;
import io.keelmq.broker.state.HeldId;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.Sdk;
import io.keelmq.rocketmq.v2.ClientType;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.RecoverOrphanedTransactionCommand;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.Settings;
import io.keelmq.rocketmq.v2.Status;
import io.keelmq.rocketmq.v2.TelemetryCommand;
import io.keelmq.v1.TransactionCheck;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One client's telemetry stream: its settings and the answers to them, and the transactions it is
 * asked about. No other call depends on it. Its fields are owned by {@link #turn}.
 */
final class TelemetrySession implements StreamObserver<TelemetryCommand>, TransactionChecks.Asked {

  /** Node's SDK hangs if it is answered before it waits for the answer. */
  static final long NODE_PAUSE_MILLIS = 300;

  static final int MAX_TOPICS = 1_024;

  /** Settings that wait for those before them to be answered. SDKs say one at a time. */
  static final int MAX_ASKED = 64;

  private static final Status TOO_MANY =
      Statuses.of(
          Code.TOO_MANY_REQUESTS, MAX_ASKED + " settings wait for their answers on this stream");

  private static final Logger LOG = LoggerFactory.getLogger(TelemetrySession.class);

  private final Served served;
  private final SettingsAnswers answers;
  private final TransactionChecks checks;
  private final Caller caller;
  private final ServerCallStreamObserver<TelemetryCommand> client;
  private final Runnable onEnd;
  private final SynchronizationContext turn =
      new SynchronizationContext((thread, defect) -> defect(defect));

  // What was said and not answered: answers come in the order of what they answer.
  private final ArrayDeque<Settings> asked = new ArrayDeque<>();
  private boolean answering;
  private Map<String, Resource> topics = Map.of();
  private boolean ended;

  TelemetrySession(
      Served served,
      SettingsAnswers answers,
      TransactionChecks checks,
      Caller caller,
      ServerCallStreamObserver<TelemetryCommand> client,
      Runnable onEnd) {
    this.served = served;
    this.answers = answers;
    this.checks = checks;
    this.caller = caller;
    this.client = client;
    this.onEnd = onEnd;
  }

  /** Called on the event loop before anything arrives. */
  void start() {
    served.sessions().streamOpened(caller.clientId());
    client.setOnCancelHandler(() -> turn.execute(this::end));
  }

  /** The server stops, or has no room: the client opens another stream elsewhere. */
  void stop() {
    turn.execute(
        () -> {
          if (!ended) {
            end();
            client.onCompleted();
          }
        });
  }

  @Override
  public void onNext(TelemetryCommand command) {
    if (command.hasSettings()) {
      turn.execute(() -> arrived(command.getSettings()));
    }
    // What else clients say answers questions that nobody asks here.
  }

  @Override
  public void onError(Throwable failure) {
    turn.execute(this::end);
  }

  @Override
  public void onCompleted() {
    stop();
  }

  private void arrived(Settings settings) {
    if (ended) {
      return;
    }
    served.sessions().seen(caller.clientId());
    Optional<Status> refusal =
        CallerChecks.clientId(caller.clientId())
            .or(() -> check(settings))
            .or(() -> asked.size() >= MAX_ASKED ? Optional.of(TOO_MANY) : Optional.empty());
    if (refusal.isPresent()) {
      send(TelemetryCommand.newBuilder().setStatus(refusal.get()).build());
      return;
    }
    publishes(settings);
    asked.add(settings);
    answerNext();
  }

  private void answerNext() {
    if (ended || answering || asked.isEmpty()) {
      return;
    }
    answering = true;
    Settings settings = asked.remove();
    if (caller.sdk() == Sdk.NODE) {
      try {
        turn.schedule(
            () -> answer(settings),
            NODE_PAUSE_MILLIS,
            TimeUnit.MILLISECONDS,
            served.edge().timer());
      } catch (RejectedExecutionException e) {
        stop();
      }
    } else {
      answer(settings);
    }
  }

  private static Optional<Status> check(Settings settings) {
    boolean publishes = settings.getClientType() == ClientType.PRODUCER;
    boolean known =
        settings.getClientType() != ClientType.CLIENT_TYPE_UNSPECIFIED
            && settings.getClientType() != ClientType.UNRECOGNIZED;
    boolean fits = publishes ? !settings.hasSubscription() : !settings.hasPublishing();
    if (!known || !fits) {
      return Optional.of(
          Statuses.of(
              Code.UNRECOGNIZED_CLIENT_TYPE,
              "client_type "
                  + settings.getClientType()
                  + " with "
                  + settings.getPubSubCase()
                  + ": expected a producer with publishing, or a consumer with subscription"));
    }
    return settings.getPublishing().getTopicsCount() > MAX_TOPICS
        ? Optional.of(
            Statuses.of(
                Code.BAD_REQUEST,
                settings.getPublishing().getTopicsCount() + " topics, at most " + MAX_TOPICS))
        : Optional.empty();
  }

  private void publishes(Settings settings) {
    var now = new HashMap<String, Resource>();
    for (Resource topic : settings.getPublishing().getTopicsList()) {
      now.put(ResourceChecks.name(topic), topic);
    }
    if (!now.equals(topics)) {
      checks.remove(topics.keySet(), this);
      topics = now;
      checks.add(topics.keySet(), this);
    }
  }

  private void answer(Settings settings) {
    if (!ended) {
      answers.answer(settings, caller, answer -> turn.execute(() -> answered(answer)));
    }
  }

  private void answered(Settings answer) {
    answering = false;
    if (!ended) {
      send(TelemetryCommand.newBuilder().setStatus(Statuses.OK).setSettings(answer).build());
    }
    answerNext();
  }

  private void send(TelemetryCommand command) {
    client.onNext(command);
  }

  @Override
  public boolean isReady() {
    return client.isReady();
  }

  @Override
  public void ask(TransactionCheck check, Runnable heard) {
    turn.execute(
        () -> {
          Optional<HeldId> held = HeldId.parse(check.getHeldId());
          if (ended || held.isEmpty() || !client.isReady()) {
            return;
          }
          Resource topic =
              topics.getOrDefault(
                  check.getTopic(), Resource.newBuilder().setName(check.getTopic()).build());
          List<Message.Builder> messages =
              StoredMessages.read(check.getRecord(), topic, MessageType.TRANSACTION, caller.sdk());
          if (messages.isEmpty()) {
            return;
          }
          Message message = messages.get(0).build();
          send(
              TelemetryCommand.newBuilder()
                  .setStatus(Statuses.OK)
                  .setRecoverOrphanedTransactionCommand(
                      RecoverOrphanedTransactionCommand.newBuilder()
                          .setMessage(message)
                          .setTransactionId(
                              new HeldHandle(
                                      held.get(), message.getSystemProperties().getMessageId())
                                  .transactionId()))
                  .build());
          heard.run();
        });
  }

  private void end() {
    if (ended) {
      return;
    }
    ended = true;
    asked.clear();
    checks.remove(topics.keySet(), this);
    served.sessions().streamClosed(caller.clientId());
    onEnd.run();
  }

  private void defect(Throwable cause) {
    LOG.error("a telemetry stream failed", cause);
    if (!ended) {
      end();
      client.onError(io.grpc.Status.INTERNAL.withDescription(cause.toString()).asException());
    }
  }
}
