package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.TopicType;
import io.keelmq.rocketmq.v2.ClientType;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Digest;
import io.keelmq.rocketmq.v2.DigestType;
import io.keelmq.rocketmq.v2.EndTransactionRequest;
import io.keelmq.rocketmq.v2.FilterExpression;
import io.keelmq.rocketmq.v2.FilterType;
import io.keelmq.rocketmq.v2.GetOffsetRequest;
import io.keelmq.rocketmq.v2.HeartbeatRequest;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.NotifyClientTerminationRequest;
import io.keelmq.rocketmq.v2.PullMessageRequest;
import io.keelmq.rocketmq.v2.QueryAssignmentRequest;
import io.keelmq.rocketmq.v2.QueryOffsetRequest;
import io.keelmq.rocketmq.v2.QueryRouteRequest;
import io.keelmq.rocketmq.v2.RecallMessageRequest;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.SendMessageRequest;
import io.keelmq.rocketmq.v2.SendMessageResponse;
import io.keelmq.rocketmq.v2.SyncLiteSubscriptionRequest;
import io.keelmq.rocketmq.v2.SystemProperties;
import io.keelmq.rocketmq.v2.TransactionResolution;
import io.keelmq.rocketmq.v2.UpdateOffsetRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Every limit of RocketMQ's proxy 5.4.0: what it answers, what is answered here, and where the two
 * differ on purpose. Prints the table. Asked through a follower, so that both replicas have a say.
 */
class ConformanceTest {

  /** Stands for what gRPC says where the proxy has no method. */
  private static final String GRPC_UNIMPLEMENTED = "(gRPC UNIMPLEMENTED)";

  private record Row(String input, String theirs, Code ours, Supplier<Code> actual) {}

  private final List<Row> rows = new ArrayList<>();
  private ApiCluster cluster;
  private TestSdk sdk;
  private int ids;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(1, 3);
    TestSdk.recordMembers(cluster, 3);
    for (TopicType type : TopicType.values()) {
      cluster.createTopic(type.name(), type, 2);
    }
    for (String topic : List.of("ack", "again", "changed", "expired", "mixed", "poll")) {
      cluster.createTopic(topic, 1);
    }
    sdk = new TestSdk(cluster, 1, "client-1");
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private void row(String input, Code both, Supplier<Code> actual) {
    rows.add(new Row(input, both.name(), both, actual));
  }

  private void improved(String input, String theirs, Code ours, Supplier<Code> actual) {
    rows.add(new Row(input, theirs, ours, actual));
  }

  private String id() {
    return "id-" + ++ids;
  }

  private Code send(String topic, Consumer<SystemProperties.Builder> more) {
    return sdk.send(TestSdk.message(topic, id(), more)).getStatus().getCode();
  }

  private Code sendWith(Consumer<Message.Builder> more) {
    Message.Builder message = TestSdk.message("NORMAL", id(), system -> {}).toBuilder();
    more.accept(message);
    return sdk.send(message.build()).getStatus().getCode();
  }

  private Code route(String topic) {
    return sdk.calls()
        .queryRoute(QueryRouteRequest.newBuilder().setTopic(TestSdk.resource(topic)).build())
        .getStatus()
        .getCode();
  }

  private Code poll(String group, String topic) {
    return sdk.receive(TestSdk.receive(group, topic)).code();
  }

  private String received(String group, String topic) {
    assertEquals(Code.OK, send(topic, system -> {}));
    TestSdk.Received received = sdk.receive(TestSdk.receive(group, topic));
    assertEquals(Code.OK, received.code());
    return received.handle();
  }

  private Code ack(String group, String topic, String... handles) {
    return sdk.ack(group, topic, handles).getStatus().getCode();
  }

  private void passTime(long millis) {
    cluster.group.passTime(millis);
    cluster.group.apply(new Command.AdvanceTime());
  }

  private static String text(int bytes) {
    return "x".repeat(bytes);
  }

  @Test
  void answersEachLimitAsTheProxyDoes() {
    names();
    messages();
    types();
    times();
    polls();
    settlements();
    rest();

    var wrong = new ArrayList<String>();
    System.out.printf("%-62s %-40s %s%n", "input", "RocketMQ 5.4.0", "here");
    for (Row row : rows) {
      Code actual = row.actual().get();
      boolean same = actual.name().equals(row.theirs());
      System.out.printf(
          "%-62s %-40s %s%s%n", row.input(), row.theirs(), same ? "=" : actual.name(), "");
      if (actual != row.ours()) {
        wrong.add(row.input() + ": expected " + row.ours() + ", found " + actual);
      }
    }
    assertEquals(List.of(), wrong);
    assertTrue(rows.size() > 80, "only " + rows.size() + " rows");
  }

  private void names() {
    row(
        "no x-mq-client-id",
        Code.CLIENT_ID_REQUIRED,
        () ->
            new TestSdk(cluster, 1, "")
                .calls()
                .queryRoute(
                    QueryRouteRequest.newBuilder().setTopic(TestSdk.resource("NORMAL")).build())
                .getStatus()
                .getCode());
    row("topic empty (route)", Code.ILLEGAL_TOPIC, () -> route(""));
    row("topic blank (route)", Code.ILLEGAL_TOPIC, () -> route("  "));
    row("topic with '.' (route)", Code.ILLEGAL_TOPIC, () -> route("a.b"));
    row("topic of 127 (route)", Code.TOPIC_NOT_FOUND, () -> route(text(127)));
    row("topic of 128 (route)", Code.ILLEGAL_TOPIC, () -> route(text(128)));
    row("topic with '|' (route)", Code.TOPIC_NOT_FOUND, () -> route("a|b"));
    row("system topic (route)", Code.ILLEGAL_TOPIC, () -> route("rmq_sys_REVIVE_LOG_g0"));
    row("system topic (send)", Code.ILLEGAL_TOPIC, () -> send("TBW102", system -> {}));
    row("topic with '.' (send)", Code.ILLEGAL_TOPIC, () -> send("a.b", system -> {}));
    row("topic unknown (route)", Code.TOPIC_NOT_FOUND, () -> route("unheard"));
    row("topic unknown (receive)", Code.TOPIC_NOT_FOUND, () -> poll("g", "unheard"));
    improved(
        "topic unknown (send)",
        "MESSAGE_PROPERTY_CONFLICT_WITH_TYPE",
        Code.TOPIC_NOT_FOUND,
        () -> send("unheard", system -> {}));
    row("route without endpoints", Code.OK, () -> route("NORMAL"));
    row("group with '.'", Code.ILLEGAL_CONSUMER_GROUP, () -> poll("a.b", "NORMAL"));
    row("group empty", Code.ILLEGAL_CONSUMER_GROUP, () -> poll("", "NORMAL"));
    row("group of 121", Code.ILLEGAL_CONSUMER_GROUP, () -> poll(text(121), "NORMAL"));
  }

  private void messages() {
    row(
        "no message",
        Code.MESSAGE_CORRUPTED,
        () ->
            sdk.calls().sendMessage(SendMessageRequest.getDefaultInstance()).getStatus().getCode());
    row(
        "two topics in one request",
        Code.MESSAGE_CORRUPTED,
        () ->
            sdk.send(
                    TestSdk.message("NORMAL", id(), system -> {}),
                    TestSdk.message("FIFO", id(), system -> system.setMessageGroup("g")))
                .getStatus()
                .getCode());
    row(
        "batch of 2, one topic",
        Code.OK,
        () -> {
          SendMessageResponse sent =
              sdk.send(
                  TestSdk.message("NORMAL", id(), system -> {}),
                  TestSdk.message("NORMAL", id(), system -> {}));
          assertEquals(2, sent.getEntriesCount());
          return sent.getStatus().getCode();
        });
    row(
        "body empty",
        Code.MESSAGE_BODY_EMPTY,
        () -> sendWith(message -> message.setBody(ByteString.EMPTY)));
    row("body of 4 MiB", Code.OK, () -> sendWith(message -> message.setBody(bytes(4 << 20))));
    row(
        "body of 4 MiB + 1",
        Code.MESSAGE_BODY_TOO_LARGE,
        () -> sendWith(message -> message.setBody(bytes((4 << 20) + 1))));
    row(
        "message id empty",
        Code.ILLEGAL_MESSAGE_ID,
        () -> send("NORMAL", system -> system.setMessageId("")));
    row("tag blank", Code.ILLEGAL_MESSAGE_TAG, () -> send("NORMAL", s -> s.setTag(" ")));
    row("tag with '|'", Code.ILLEGAL_MESSAGE_TAG, () -> send("NORMAL", s -> s.setTag("a|b")));
    row(
        "tag with control character",
        Code.ILLEGAL_MESSAGE_TAG,
        () -> send("NORMAL", s -> s.setTag("a\tb")));
    row("tag", Code.OK, () -> send("NORMAL", s -> s.setTag("a b")));
    row("key blank", Code.ILLEGAL_MESSAGE_KEY, () -> send("NORMAL", s -> s.addKeys(" ")));
    row(
        "key with control character",
        Code.ILLEGAL_MESSAGE_KEY,
        () -> send("NORMAL", s -> s.addKeys("a\nb")));
    row("key with space", Code.OK, () -> send("NORMAL", s -> s.addKeys("a b")));
    row("property TAGS", Code.ILLEGAL_MESSAGE_PROPERTY_KEY, () -> property("TAGS", "x"));
    row("property KEYS", Code.ILLEGAL_MESSAGE_PROPERTY_KEY, () -> property("KEYS", "x"));
    row("property UNIQ_KEY", Code.ILLEGAL_MESSAGE_PROPERTY_KEY, () -> property("UNIQ_KEY", "x"));
    row(
        "property name with control character",
        Code.ILLEGAL_MESSAGE_PROPERTY_KEY,
        () -> property("a\u0001", "x"));
    row(
        "property value with control character",
        Code.ILLEGAL_MESSAGE_PROPERTY_KEY,
        () -> property("a", "\u0002"));
    row("128 properties", Code.OK, () -> sendWith(message -> properties(message, 128)));
    row(
        "129 properties",
        Code.MESSAGE_PROPERTIES_TOO_LARGE,
        () -> sendWith(message -> properties(message, 129)));
    row("properties, tag and keys of 16384 bytes", Code.OK, () -> sendWith(m -> sized(m, 16_384)));
    row(
        "properties, tag and keys of 16385 bytes",
        Code.MESSAGE_PROPERTIES_TOO_LARGE,
        () -> sendWith(message -> sized(message, 16_385)));
    row(
        "message group of 63 bytes",
        Code.OK,
        () -> send("FIFO", system -> system.setMessageGroup(text(63))));
    row(
        "message group of 64 bytes",
        Code.ILLEGAL_MESSAGE_GROUP,
        () -> send("FIFO", system -> system.setMessageGroup(text(64))));
    row(
        "message group blank",
        Code.ILLEGAL_MESSAGE_GROUP,
        () -> send("FIFO", system -> system.setMessageGroup(" ")));
    row(
        "message group with control character",
        Code.ILLEGAL_MESSAGE_GROUP,
        () -> send("FIFO", system -> system.setMessageGroup("a\rb")));
    row(
        "wrong CRC of the body",
        Code.OK,
        () ->
            send(
                "NORMAL",
                system ->
                    system.setBodyDigest(
                        Digest.newBuilder().setType(DigestType.CRC32).setChecksum("00000000"))));
  }

  private static ByteString bytes(int count) {
    return ByteString.copyFrom(new byte[count]);
  }

  private Code property(String key, String value) {
    return sendWith(message -> message.putUserProperties(key, value));
  }

  private static void properties(Message.Builder message, int count) {
    for (int i = 0; i < count; i++) {
      message.putUserProperties("p" + i, "v");
    }
  }

  private static void sized(Message.Builder message, int bytes) {
    message.getSystemPropertiesBuilder().setTag("tag4").addKeys("key4");
    message.putUserProperties("name", text(bytes - 4 - 4 - 4));
  }

  private void types() {
    row("message_type unspecified", Code.OK, () -> send("NORMAL", system -> {}));
    row(
        "message_type FIFO without a group on a NORMAL topic",
        Code.OK,
        () -> send("NORMAL", system -> system.setMessageType(MessageType.FIFO)));
    List<Consumer<SystemProperties.Builder>> kinds =
        List.of(
            system -> {},
            system -> system.setMessageGroup("g"),
            system -> system.setDeliveryTimestamp(TestSdk.at(1)),
            system -> system.setMessageType(MessageType.TRANSACTION),
            system -> system.setPriority(1));
    for (TopicType topic : TopicType.values()) {
      for (TopicType kind : TopicType.values()) {
        row(
            kind + " message on a " + topic + " topic",
            topic == kind ? Code.OK : Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE,
            () -> send(topic.name(), kinds.get(kind.ordinal())));
      }
    }
    row(
        "lite message on a NORMAL topic",
        Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE,
        () -> send("NORMAL", system -> system.setLiteTopic("l")));
  }

  private void times() {
    long minute = 60_000;
    long day = 24 * 60 * minute;
    row("delay of 24 h - 1 min", Code.OK, () -> delayed(day - minute));
    row("delay of 24 h + 1 min", Code.ILLEGAL_DELIVERY_TIME, () -> delayed(day + minute));
    row("delivery time in the past", Code.OK, () -> delayed(-minute));
    row("first check after 3600 s", Code.OK, () -> halfWithCheck(3_600));
    row("first check after 3601 s", Code.BAD_REQUEST, () -> halfWithCheck(3_601));
  }

  private Code delayed(long aheadMillis) {
    return send(
        "DELAY",
        system ->
            system.setDeliveryTimestamp(TestSdk.at(cluster.group.timeMillis() + aheadMillis)));
  }

  private Code halfWithCheck(long seconds) {
    return send(
        "TRANSACTION",
        system ->
            system
                .setMessageType(MessageType.TRANSACTION)
                .setOrphanedTransactionRecoveryDuration(Duration.newBuilder().setSeconds(seconds)));
  }

  private void polls() {
    long hours12 = 12 * 3_600;
    row("invisible for 9 s", Code.ILLEGAL_INVISIBLE_TIME, () -> invisible(9));
    row("invisible for 10 s", Code.OK, () -> invisible(10));
    row("invisible for 12 h", Code.OK, () -> invisible(hours12));
    row("invisible for 12 h + 1 s", Code.ILLEGAL_INVISIBLE_TIME, () -> invisible(hours12 + 1));
    row(
        "invisible absent, not renewed",
        Code.ILLEGAL_INVISIBLE_TIME,
        () -> sdk.receive(TestSdk.receive("g", "poll").clearInvisibleDuration()).code());
    row(
        "invisible absent, renewed",
        Code.OK,
        () -> {
          send("poll", system -> {});
          return sdk.receive(
                  TestSdk.receive("g", "poll").clearInvisibleDuration().setAutoRenew(true))
              .code();
        });
    row(
        "batch of 0",
        Code.MESSAGE_NOT_FOUND,
        () -> sdk.receive(TestSdk.receive("g", "poll").setBatchSize(0)).code());
    row(
        "batch of 100: at most 32",
        Code.OK,
        () -> {
          for (int i = 0; i < 40; i++) {
            assertEquals(Code.OK, send("poll", system -> {}));
          }
          var received = sdk.receive(TestSdk.receive("g", "poll").setBatchSize(100));
          assertTrue(received.messages().size() <= 32, "got " + received.messages().size());
          return received.code();
        });
    row(
        "poll with a deadline of 4 s",
        Code.ILLEGAL_POLLING_TIME,
        () -> sdk.receive(TestSdk.receive("g", "poll"), 4_000).code());
    row(
        "the same by an SDK before 5.0.3",
        Code.BAD_REQUEST,
        () ->
            new TestSdk(cluster, 1, "old")
                .put("x-mq-client-version", "5.0.2")
                .receive(TestSdk.receive("g", "poll"), 4_000)
                .code());
    improved(
        "bad SQL",
        "INTERNAL_SERVER_ERROR",
        Code.ILLEGAL_FILTER_EXPRESSION,
        () ->
            sdk.receive(
                    TestSdk.receive("g", "poll")
                        .setFilterExpression(
                            FilterExpression.newBuilder()
                                .setType(FilterType.SQL)
                                .setExpression("a = = 1")))
                .code());
    improved("receive without settings", "INTERNAL_SERVER_ERROR", Code.OK, () -> invisible(20));
  }

  private Code invisible(long seconds) {
    send("poll", system -> {});
    return sdk.receive(
            TestSdk.receive("g", "poll")
                .setBatchSize(1)
                .setInvisibleDuration(Duration.newBuilder().setSeconds(seconds)))
        .code();
  }

  private void settlements() {
    var handle = new String[2];
    row(
        "ack",
        Code.OK,
        () -> {
          handle[0] = received("g", "ack");
          return ack("g", "ack", handle[0]);
        });
    row("ack again", Code.OK, () -> ack("g", "ack", handle[0]));
    row(
        "ack of a superseded handle",
        Code.OK,
        () -> {
          handle[0] = received("g", "changed");
          var changed = sdk.change("g", "changed", handle[0], 20_000);
          assertEquals(Code.OK, changed.getStatus().getCode());
          handle[1] = changed.getReceiptHandle();
          return ack("g", "changed", handle[0]);
        });
    row(
        "ack of an expired handle",
        Code.INVALID_RECEIPT_HANDLE,
        () -> {
          handle[0] = received("g", "expired");
          passTime(31_000);
          return ack("g", "expired", handle[0]);
        });
    improved(
        "ack of garbage",
        "INTERNAL_SERVER_ERROR",
        Code.INVALID_RECEIPT_HANDLE,
        () -> ack("g", "ack", "garbage"));
    row(
        "ack of a good and a bad handle",
        Code.MULTIPLE_RESULTS,
        () -> ack("g", "mixed", received("g", "mixed"), "garbage"));
    row("change to 0 s", Code.OK, () -> change(received("g", "again"), 0));
    row("change to 12 h", Code.OK, () -> change(received("g2", "again"), 12 * 3_600_000L));
    row(
        "change to 12 h + 1 s",
        Code.ILLEGAL_INVISIBLE_TIME,
        () -> change(received("g3", "again"), 12 * 3_600_000L + 1_000));
  }

  private Code change(String handle, long millis) {
    for (String group : List.of("g", "g2", "g3")) {
      Code code = sdk.change(group, "again", handle, millis).getStatus().getCode();
      if (code != Code.INVALID_RECEIPT_HANDLE) {
        return code;
      }
    }
    return Code.INVALID_RECEIPT_HANDLE;
  }

  private void rest() {
    improved(
        "heartbeat without settings",
        "UNRECOGNIZED_CLIENT_TYPE",
        Code.OK,
        () ->
            sdk.calls()
                .heartbeat(HeartbeatRequest.newBuilder().setClientType(ClientType.PRODUCER).build())
                .getStatus()
                .getCode());
    improved(
        "termination without settings",
        "UNRECOGNIZED_CLIENT_TYPE",
        Code.OK,
        () ->
            sdk.calls()
                .notifyClientTermination(NotifyClientTerminationRequest.getDefaultInstance())
                .getStatus()
                .getCode());
    row("transaction id empty", Code.INVALID_TRANSACTION_ID, () -> endTransaction(""));
    row("transaction id unknown", Code.INTERNAL_SERVER_ERROR, () -> endTransaction("unknown"));
    row(
        "transaction id of nothing that waits",
        Code.INTERNAL_SERVER_ERROR,
        () ->
            endTransaction(
                new HeldHandle(new io.keelmq.broker.state.HeldId(1, 1), "m").transactionId()));
    row(
        "bad recall handle",
        Code.INTERNAL_SERVER_ERROR,
        () ->
            sdk.calls()
                .recallMessage(
                    RecallMessageRequest.newBuilder()
                        .setTopic(TestSdk.resource("DELAY"))
                        .setRecallHandle("bad")
                        .build())
                .getStatus()
                .getCode());
    row(
        "assignment of an unknown group",
        Code.OK,
        () ->
            sdk.calls()
                .queryAssignment(
                    QueryAssignmentRequest.newBuilder()
                        .setTopic(TestSdk.resource("NORMAL"))
                        .setGroup(TestSdk.resource("never-heard"))
                        .build())
                .getStatus()
                .getCode());
    Resource none = Resource.getDefaultInstance();
    improved(
        "PullMessage",
        GRPC_UNIMPLEMENTED,
        Code.NOT_IMPLEMENTED,
        () ->
            sdk.calls()
                .pullMessage(PullMessageRequest.getDefaultInstance())
                .next()
                .getStatus()
                .getCode());
    improved(
        "UpdateOffset",
        GRPC_UNIMPLEMENTED,
        Code.NOT_IMPLEMENTED,
        () ->
            sdk.calls()
                .updateOffset(UpdateOffsetRequest.newBuilder().setGroup(none).build())
                .getStatus()
                .getCode());
    improved(
        "GetOffset",
        GRPC_UNIMPLEMENTED,
        Code.NOT_IMPLEMENTED,
        () -> sdk.calls().getOffset(GetOffsetRequest.getDefaultInstance()).getStatus().getCode());
    improved(
        "QueryOffset",
        GRPC_UNIMPLEMENTED,
        Code.NOT_IMPLEMENTED,
        () ->
            sdk.calls().queryOffset(QueryOffsetRequest.getDefaultInstance()).getStatus().getCode());
    improved(
        "SyncLiteSubscription",
        "(5.5 only)",
        Code.NOT_IMPLEMENTED,
        () ->
            sdk.calls()
                .syncLiteSubscription(SyncLiteSubscriptionRequest.getDefaultInstance())
                .getStatus()
                .getCode());
  }

  private Code endTransaction(String id) {
    return sdk.calls()
        .endTransaction(
            EndTransactionRequest.newBuilder()
                .setTopic(TestSdk.resource("TRANSACTION"))
                .setMessageId("m")
                .setTransactionId(id)
                .setResolution(TransactionResolution.COMMIT)
                .build())
        .getStatus()
        .getCode();
  }
}
