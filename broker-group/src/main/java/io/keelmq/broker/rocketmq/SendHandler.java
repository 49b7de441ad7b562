package io.keelmq.broker.rocketmq;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.api.Edge;
import io.keelmq.broker.api.HeldCall;
import io.keelmq.broker.api.SendCall;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.Topic;
import io.keelmq.broker.state.TopicType;
import io.keelmq.rocketmq.Caller;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Encoding;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.SendMessageRequest;
import io.keelmq.rocketmq.v2.SendMessageResponse;
import io.keelmq.rocketmq.v2.SendResultEntry;
import io.keelmq.rocketmq.v2.Status;
import io.keelmq.rocketmq.v2.SystemProperties;
import io.keelmq.v1.SendRequest;
import io.keelmq.v1.SendResponse;
import io.keelmq.v1.StreamsGrpc;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * SendMessage: each message becomes a Send of {@code keelmq.v1}, which chooses the queue, tells
 * repeats by client id, topic and message id, and finds the leader. Thread-safe.
 */
final class SendHandler {

  /** Messages in one request; SDKs send one. */
  static final int MAX_BATCH = 256;

  private final Edge edge;
  private final TopicLookup topics;
  private final RocketmqOptions options;
  private final InstantSource wall;

  SendHandler(Edge edge, TopicLookup topics, RocketmqOptions options, InstantSource wall) {
    this.edge = edge;
    this.topics = topics;
    this.options = options;
    this.wall = wall;
  }

  void send(SendMessageRequest request, StreamObserver<SendMessageResponse> observer) {
    var caller = new Answering<>(observer, SendHandler::failed);
    String clientId = Caller.current().clientId();
    Optional<Status> refusal =
        CallerChecks.clientId(clientId).or(() -> check(request.getMessagesList()));
    if (refusal.isPresent()) {
      caller.refuse(refusal.get());
      return;
    }
    topics.find(
        ResourceChecks.name(request.getMessages(0).getTopic()),
        topic -> send(request, clientId, topic, caller),
        caller::refuse);
  }

  private static SendMessageResponse failed(Status status) {
    return SendMessageResponse.newBuilder().setStatus(status).build();
  }

  private Optional<Status> check(List<Message> messages) {
    if (messages.isEmpty() || messages.size() > MAX_BATCH) {
      return Optional.of(
          Statuses.of(
              Code.MESSAGE_CORRUPTED,
              messages.size() + " messages: expected 1 to " + MAX_BATCH + " in a request"));
    }
    Optional<Status> refusal = ResourceChecks.topic(messages.get(0).getTopic());
    if (refusal.isPresent()) {
      return refusal;
    }
    long now = wall.millis();
    for (Message message : messages) {
      if (!message.getTopic().equals(messages.get(0).getTopic())) {
        return Optional.of(
            Statuses.of(Code.MESSAGE_CORRUPTED, "the messages of a request must have one topic"));
      }
      refusal = MessageChecks.check(message, now, options.maxDelay().toMillis());
      if (refusal.isPresent()) {
        return refusal;
      }
    }
    return Optional.empty();
  }

  private void send(
      SendMessageRequest request,
      String clientId,
      Topic topic,
      Answering<SendMessageResponse> caller) {
    for (Message message : request.getMessagesList()) {
      MessageType type = MessageChecks.type(message.getSystemProperties());
      MessageType expected = MessageChecks.type(topic.type());
      if (type != expected) {
        caller.refuse(
            Statuses.of(
                Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE,
                "topic "
                    + topic.name()
                    + " takes "
                    + expected
                    + " messages, and this one is "
                    + type
                    + " by its properties"));
        return;
      }
    }
    var batch = new Batch(request.getMessagesList(), caller);
    for (int i = 0; i < request.getMessagesCount(); i++) {
      SendRequest send = translate(clientId, topic, request.getMessages(i));
      HeldCall.start(
          edge,
          StreamsGrpc.getSendMethod(),
          send,
          new SendCall(edge, send, send.getMessage().toByteArray()),
          batch.of(i));
    }
  }

  private static SendRequest translate(String clientId, Topic topic, Message message) {
    SystemProperties system = message.getSystemProperties();
    var stored =
        io.keelmq.v1.Message.newBuilder()
            .setMessageId(system.getMessageId())
            .addAllKeys(system.getKeysList())
            .setTag(system.getTag())
            .putAllProperties(message.getUserPropertiesMap())
            .setMessageGroup(system.getMessageGroup())
            .setPriority(system.getPriority())
            .setBornHost(system.getBornHost())
            .setTraceContext(system.getTraceContext())
            .setGzip(system.getBodyEncoding() == Encoding.GZIP)
            .setBody(message.getBody());
    if (system.hasBornTimestamp()) {
      stored.setBornTimeMillis(Times.millis(system.getBornTimestamp()));
    }
    var send = SendRequest.newBuilder().setClientId(clientId).setTopic(topic.name());
    if (topic.type() == TopicType.DELAY) {
      long due = Math.max(1, Times.millis(system.getDeliveryTimestamp()));
      stored.setDueMillis(due);
      send.setDeliverAtMillis(due);
    } else if (topic.type() == TopicType.TRANSACTION) {
      send.setHalf(true);
      if (system.hasOrphanedTransactionRecoveryDuration()) {
        send.setFirstCheckMillis(Times.millis(system.getOrphanedTransactionRecoveryDuration()));
      }
    }
    return send.setMessage(stored).build();
  }

  /** The results of one request, as they come. Thread-safe. */
  private static final class Batch {
    private final List<Message> messages;
    private final Answering<SendMessageResponse> caller;
    private final SendResultEntry[] results;
    private int open;

    Batch(List<Message> messages, Answering<SendMessageResponse> caller) {
      this.messages = messages;
      this.caller = caller;
      this.results = new SendResultEntry[messages.size()];
      this.open = results.length;
    }

    StreamObserver<SendResponse> of(int index) {
      String messageId = messages.get(index).getSystemProperties().getMessageId();
      return new StreamObserver<>() {
        @Override
        public void onNext(SendResponse response) {
          set(index, entry(messages.get(index), response));
        }

        @Override
        public void onError(Throwable failure) {
          set(
              index,
              SendResultEntry.newBuilder()
                  .setStatus(Answering.status(failure))
                  .setMessageId(messageId)
                  .build());
        }

        @Override
        public void onCompleted() {}
      };
    }

    private void set(int index, SendResultEntry result) {
      synchronized (this) {
        results[index] = result;
        if (--open > 0) {
          return;
        }
      }
      var statuses = new ArrayList<Status>(results.length);
      for (SendResultEntry each : results) {
        statuses.add(each.getStatus());
      }
      caller.answer(
          SendMessageResponse.newBuilder()
              .setStatus(Statuses.ofAll(statuses))
              .addAllEntries(List.of(results))
              .build());
    }
  }

  private static SendResultEntry entry(Message message, SendResponse response) {
    String messageId = message.getSystemProperties().getMessageId();
    var entry =
        SendResultEntry.newBuilder()
            .setStatus(Statuses.OK)
            .setMessageId(messageId)
            .setOffset(Math.max(0, response.getOffset()));
    Optional<HeldId> held = HeldId.parse(response.getHeldId());
    if (held.isPresent()) {
      var handle = new HeldHandle(held.get(), messageId);
      if (MessageChecks.type(message.getSystemProperties()) == MessageType.TRANSACTION) {
        entry.setTransactionId(handle.transactionId());
      } else {
        entry.setRecallHandle(handle.recallHandle());
      }
    }
    return entry.build();
  }
}
