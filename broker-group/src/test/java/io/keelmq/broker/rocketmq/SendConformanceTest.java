package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.state.TopicType;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.Digest;
import io.keelmq.rocketmq.v2.DigestType;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.SendMessageRequest;
import io.keelmq.rocketmq.v2.SendMessageResponse;
import io.keelmq.rocketmq.v2.SystemProperties;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Every limit of a message that is sent, beside the answers of RocketMQ's proxy 5.4.0. */
class SendConformanceTest {

  private ConformanceTable table;
  private ApiCluster cluster;
  private TestSdk sdk;

  @BeforeEach
  void start() throws Exception {
    table = new ConformanceTable();
    cluster = table.cluster;
    sdk = table.sdk;
  }

  @AfterEach
  void stop() {
    table.close();
  }

  @Test
  void answersEachLimitOfAMessageAsTheProxyDoes() {
    messages();
    types();
    times();

    table.check();
  }

  private Code sendWith(Consumer<Message.Builder> more) {
    Message.Builder message = TestSdk.message("NORMAL", table.id(), system -> {}).toBuilder();
    more.accept(message);
    return sdk.send(message.build()).getStatus().getCode();
  }

  private static String text(int bytes) {
    return "x".repeat(bytes);
  }

  private void messages() {
    table.row(
        "no message",
        Code.MESSAGE_CORRUPTED,
        () ->
            sdk.calls().sendMessage(SendMessageRequest.getDefaultInstance()).getStatus().getCode());
    table.row(
        "two topics in one request",
        Code.MESSAGE_CORRUPTED,
        () ->
            sdk.send(
                    TestSdk.message("NORMAL", table.id(), system -> {}),
                    TestSdk.message("FIFO", table.id(), system -> system.setMessageGroup("g")))
                .getStatus()
                .getCode());
    table.row(
        "batch of 2, one topic",
        Code.OK,
        () -> {
          SendMessageResponse sent =
              sdk.send(
                  TestSdk.message("NORMAL", table.id(), system -> {}),
                  TestSdk.message("NORMAL", table.id(), system -> {}));
          assertEquals(2, sent.getEntriesCount());
          return sent.getStatus().getCode();
        });
    table.row(
        "body empty",
        Code.MESSAGE_BODY_EMPTY,
        () -> sendWith(message -> message.setBody(ByteString.EMPTY)));
    table.row("body of 4 MiB", Code.OK, () -> sendWith(message -> message.setBody(bytes(4 << 20))));
    table.row(
        "body of 4 MiB + 1",
        Code.MESSAGE_BODY_TOO_LARGE,
        () -> sendWith(message -> message.setBody(bytes((4 << 20) + 1))));
    table.row(
        "message id empty",
        Code.ILLEGAL_MESSAGE_ID,
        () -> table.send("NORMAL", system -> system.setMessageId("")));
    table.row(
        "tag blank", Code.ILLEGAL_MESSAGE_TAG, () -> table.send("NORMAL", s -> s.setTag(" ")));
    table.row(
        "tag with '|'", Code.ILLEGAL_MESSAGE_TAG, () -> table.send("NORMAL", s -> s.setTag("a|b")));
    table.row(
        "tag with control character",
        Code.ILLEGAL_MESSAGE_TAG,
        () -> table.send("NORMAL", s -> s.setTag("a\tb")));
    table.row("tag", Code.OK, () -> table.send("NORMAL", s -> s.setTag("a b")));
    table.row(
        "key blank", Code.ILLEGAL_MESSAGE_KEY, () -> table.send("NORMAL", s -> s.addKeys(" ")));
    table.row(
        "key with control character",
        Code.ILLEGAL_MESSAGE_KEY,
        () -> table.send("NORMAL", s -> s.addKeys("a\nb")));
    table.row("key with space", Code.OK, () -> table.send("NORMAL", s -> s.addKeys("a b")));
    table.row("property TAGS", Code.ILLEGAL_MESSAGE_PROPERTY_KEY, () -> property("TAGS", "x"));
    table.row("property KEYS", Code.ILLEGAL_MESSAGE_PROPERTY_KEY, () -> property("KEYS", "x"));
    table.row(
        "property UNIQ_KEY", Code.ILLEGAL_MESSAGE_PROPERTY_KEY, () -> property("UNIQ_KEY", "x"));
    table.row(
        "property name with control character",
        Code.ILLEGAL_MESSAGE_PROPERTY_KEY,
        () -> property("a\u0001", "x"));
    table.row(
        "property value with control character",
        Code.ILLEGAL_MESSAGE_PROPERTY_KEY,
        () -> property("a", "\u0002"));
    table.row("128 properties", Code.OK, () -> sendWith(message -> properties(message, 128)));
    table.row(
        "129 properties",
        Code.MESSAGE_PROPERTIES_TOO_LARGE,
        () -> sendWith(message -> properties(message, 129)));
    table.row(
        "properties, tag and keys of 16384 bytes", Code.OK, () -> sendWith(m -> sized(m, 16_384)));
    table.row(
        "properties, tag and keys of 16385 bytes",
        Code.MESSAGE_PROPERTIES_TOO_LARGE,
        () -> sendWith(message -> sized(message, 16_385)));
    table.row(
        "message group of 63 bytes",
        Code.OK,
        () -> table.send("FIFO", system -> system.setMessageGroup(text(63))));
    table.row(
        "message group of 64 bytes",
        Code.ILLEGAL_MESSAGE_GROUP,
        () -> table.send("FIFO", system -> system.setMessageGroup(text(64))));
    table.row(
        "message group blank",
        Code.ILLEGAL_MESSAGE_GROUP,
        () -> table.send("FIFO", system -> system.setMessageGroup(" ")));
    table.row(
        "message group with control character",
        Code.ILLEGAL_MESSAGE_GROUP,
        () -> table.send("FIFO", system -> system.setMessageGroup("a\rb")));
    table.row(
        "wrong CRC of the body",
        Code.OK,
        () ->
            table.send(
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
    table.row("message_type unspecified", Code.OK, () -> table.send("NORMAL", system -> {}));
    table.row(
        "message_type FIFO without a group on a NORMAL topic",
        Code.OK,
        () -> table.send("NORMAL", system -> system.setMessageType(MessageType.FIFO)));
    Map<TopicType, Consumer<SystemProperties.Builder>> kinds =
        Map.of(
            TopicType.NORMAL,
            system -> {},
            TopicType.FIFO,
            system -> system.setMessageGroup("g"),
            TopicType.DELAY,
            system -> system.setDeliveryTimestamp(TestSdk.at(1)),
            TopicType.TRANSACTION,
            system -> system.setMessageType(MessageType.TRANSACTION),
            TopicType.PRIORITY,
            system -> system.setPriority(1));
    for (TopicType topic : TopicType.values()) {
      for (TopicType kind : TopicType.values()) {
        table.row(
            kind + " message on a " + topic + " topic",
            topic == kind ? Code.OK : Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE,
            () -> table.send(topic.name(), kinds.get(kind)));
      }
    }
    table.row(
        "lite message on a NORMAL topic",
        Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE,
        () -> table.send("NORMAL", system -> system.setLiteTopic("l")));
  }

  private void times() {
    long minute = 60_000;
    long day = 24 * 60 * minute;
    table.row("delay of 24 h - 1 min", Code.OK, () -> delayed(day - minute));
    table.row("delay of 24 h + 1 min", Code.ILLEGAL_DELIVERY_TIME, () -> delayed(day + minute));
    table.row("delivery time in the past", Code.OK, () -> delayed(-minute));
    table.row("first check after 3600 s", Code.OK, () -> halfWithCheck(3_600));
    table.row("first check after 3601 s", Code.BAD_REQUEST, () -> halfWithCheck(3_601));
  }

  private Code delayed(long aheadMillis) {
    return table.send(
        "DELAY",
        system ->
            system.setDeliveryTimestamp(TestSdk.at(cluster.group.timeMillis() + aheadMillis)));
  }

  private Code halfWithCheck(long seconds) {
    return table.send(
        "TRANSACTION",
        system ->
            system
                .setMessageType(MessageType.TRANSACTION)
                .setOrphanedTransactionRecoveryDuration(Duration.newBuilder().setSeconds(seconds)));
  }
}
