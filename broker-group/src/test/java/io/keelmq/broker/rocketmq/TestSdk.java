package io.keelmq.broker.rocketmq;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Limits;
import io.keelmq.rocketmq.v2.AckMessageEntry;
import io.keelmq.rocketmq.v2.AckMessageRequest;
import io.keelmq.rocketmq.v2.AckMessageResponse;
import io.keelmq.rocketmq.v2.ChangeInvisibleDurationRequest;
import io.keelmq.rocketmq.v2.ChangeInvisibleDurationResponse;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.rocketmq.v2.MessageQueue;
import io.keelmq.rocketmq.v2.MessagingServiceGrpc;
import io.keelmq.rocketmq.v2.ReceiveMessageRequest;
import io.keelmq.rocketmq.v2.ReceiveMessageResponse;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.SendMessageRequest;
import io.keelmq.rocketmq.v2.SendMessageResponse;
import io.keelmq.rocketmq.v2.SystemProperties;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** One client at one replica, which calls as an SDK does. */
final class TestSdk {

  private final ApiCluster cluster;
  private final int node;
  private final Metadata headers = new Metadata();

  TestSdk(ApiCluster cluster, int node, String clientId) {
    this.cluster = cluster;
    this.node = node;
    if (!clientId.isEmpty()) {
      put("x-mq-client-id", clientId);
    }
    put("x-mq-language", "JAVA");
    put("x-mq-client-version", "5.2.0");
  }

  /** Tells the replicas' addresses to the state machine, as {@code cluster init} does. */
  static void recordMembers(ApiCluster cluster, int nodes) {
    var founders = new ArrayList<Command.Founder>();
    for (int node = 0; node < nodes; node++) {
      founders.add(
          new Command.Founder(
              "n" + node,
              "127.0.0.1:" + (1 + node),
              "127.0.0.1:" + cluster.port(node),
              Limits.LEAST_INCARNATION + node));
    }
    cluster.group.apply(new Command.RecordMembers(founders));
  }

  TestSdk put(String name, String value) {
    Metadata.Key<String> key = Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    headers.discardAll(key);
    headers.put(key, value);
    return this;
  }

  MessagingServiceGrpc.MessagingServiceBlockingStub calls() {
    return calls(30_000);
  }

  MessagingServiceGrpc.MessagingServiceBlockingStub calls(long deadlineMillis) {
    return MessagingServiceGrpc.newBlockingStub(
            ClientInterceptors.intercept(
                cluster.channel(node), MetadataUtils.newAttachHeadersInterceptor(headers)))
        .withDeadlineAfter(deadlineMillis, TimeUnit.MILLISECONDS);
  }

  MessagingServiceGrpc.MessagingServiceStub asyncCalls() {
    return MessagingServiceGrpc.newStub(
        ClientInterceptors.intercept(
            cluster.channel(node), MetadataUtils.newAttachHeadersInterceptor(headers)));
  }

  static Resource resource(String name) {
    return Resource.newBuilder().setName(name).build();
  }

  static Message message(String topic, String id, Consumer<SystemProperties.Builder> more) {
    var system = SystemProperties.newBuilder().setMessageId(id);
    more.accept(system);
    return Message.newBuilder()
        .setTopic(resource(topic))
        .setSystemProperties(system)
        .setBody(ByteString.copyFromUtf8("body of " + id))
        .build();
  }

  SendMessageResponse send(Message... messages) {
    return calls()
        .sendMessage(SendMessageRequest.newBuilder().addAllMessages(List.of(messages)).build());
  }

  SendMessageResponse send(String topic, String id) {
    return send(message(topic, id, system -> {}));
  }

  static ReceiveMessageRequest.Builder receive(String group, String topic) {
    return ReceiveMessageRequest.newBuilder()
        .setGroup(resource(group))
        .setMessageQueue(MessageQueue.newBuilder().setTopic(resource(topic)))
        .setBatchSize(32)
        .setInvisibleDuration(Duration.newBuilder().setSeconds(30))
        .setLongPollingTimeout(Duration.newBuilder().setSeconds(20));
  }

  /** What a poll came to. */
  record Received(Code code, List<Message> messages, boolean hasTime) {

    List<String> ids() {
      return messages.stream().map(one -> one.getSystemProperties().getMessageId()).toList();
    }

    String handle() {
      return messages.get(0).getSystemProperties().getReceiptHandle();
    }
  }

  Received receive(ReceiveMessageRequest.Builder request) {
    return receive(request, 30_000);
  }

  Received receive(ReceiveMessageRequest.Builder request, long deadlineMillis) {
    return read(calls(deadlineMillis).receiveMessage(request.build()));
  }

  static Received read(Iterator<ReceiveMessageResponse> frames) {
    Code code = Code.CODE_UNSPECIFIED;
    var messages = new ArrayList<Message>();
    boolean hasTime = false;
    while (frames.hasNext()) {
      ReceiveMessageResponse frame = frames.next();
      switch (frame.getContentCase()) {
        case STATUS -> code = frame.getStatus().getCode();
        case MESSAGE -> messages.add(frame.getMessage());
        case DELIVERY_TIMESTAMP -> hasTime = true;
        case CONTENT_NOT_SET -> throw new IllegalStateException("an empty frame");
      }
    }
    return new Received(code, messages, hasTime);
  }

  AckMessageResponse ack(String group, String topic, String... handles) {
    var request =
        AckMessageRequest.newBuilder().setGroup(resource(group)).setTopic(resource(topic));
    for (String handle : handles) {
      request.addEntries(AckMessageEntry.newBuilder().setReceiptHandle(handle));
    }
    return calls().ackMessage(request.build());
  }

  ChangeInvisibleDurationResponse change(String group, String topic, String handle, long millis) {
    return calls()
        .changeInvisibleDuration(
            ChangeInvisibleDurationRequest.newBuilder()
                .setGroup(resource(group))
                .setTopic(resource(topic))
                .setReceiptHandle(handle)
                .setInvisibleDuration(
                    Duration.newBuilder()
                        .setSeconds(millis / 1_000)
                        .setNanos((int) (millis % 1_000) * 1_000_000))
                .build());
  }

  static Timestamp at(long millis) {
    return Timestamp.newBuilder()
        .setSeconds(Math.floorDiv(millis, 1_000L))
        .setNanos((int) Math.floorMod(millis, 1_000L) * 1_000_000)
        .build();
  }
}
