package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.state.Limits;
import io.keelmq.v1.Batch;
import io.keelmq.v1.Code;
import io.keelmq.v1.Message;
import io.keelmq.v1.OpenProducer;
import io.keelmq.v1.QueueOffset;
import io.keelmq.v1.ReadFrom;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.Run;
import io.keelmq.v1.SendRequest;
import io.keelmq.v1.Topic;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class RequestChecksTest {

  @Test
  void topicNames() {
    for (String legal : List.of("a", "%RETRY%g", "A-b_9", "x".repeat(127))) {
      assertEquals(Optional.empty(), RequestChecks.topic(legal));
    }
    for (String illegal : List.of("", "x".repeat(128), "a b", "a|b", "a.b", "ä", "a\n")) {
      assertEquals(Code.ILLEGAL_TOPIC, code(RequestChecks.topic(illegal)));
    }
  }

  @Test
  void consumerGroupNames() {
    assertEquals(Code.OK, code(RequestChecks.consumerGroup("g".repeat(120))));
    assertEquals(Code.ILLEGAL_CONSUMER_GROUP, code(RequestChecks.consumerGroup("g".repeat(121))));
    assertEquals(Code.ILLEGAL_CONSUMER_GROUP, code(RequestChecks.consumerGroup("g/h")));
  }

  @Test
  void placesOfMessages() {
    assertEquals(Code.OK, ofRun(run -> run.setDeliverAtMillis(Long.MAX_VALUE)));
    assertEquals(Code.ILLEGAL_DELIVERY_TIME, ofRun(run -> run.setDeliverAtMillis(-1)));
    assertEquals(Code.INVALID_ARGUMENT, ofRun(run -> run.setDeliverAtMillis(1).setHalf(true)));
    assertEquals(Code.OK, ofRun(run -> run.setHalf(true)));
    assertEquals(
        Code.OK,
        ofRun(run -> run.setHalf(true).setFirstCheckMillis(Limits.MAX_FIRST_CHECK_MILLIS)));
    assertEquals(
        Code.INVALID_ARGUMENT,
        ofRun(run -> run.setHalf(true).setFirstCheckMillis(Limits.MAX_FIRST_CHECK_MILLIS + 1)));
    assertEquals(Code.INVALID_ARGUMENT, ofRun(run -> run.setHalf(true).setFirstCheckMillis(-1)));
    assertEquals(Code.INVALID_ARGUMENT, ofRun(run -> run.setFirstCheckMillis(1)));
  }

  private static Code ofRun(Consumer<Run.Builder> change) {
    var run = ApiCluster.run("t", 0, "a").toBuilder();
    change.accept(run);
    return code(
        RequestChecks.batch(Batch.newBuilder().setSequence(1).addRuns(run.build()).build()));
  }

  @Test
  void priorities() {
    assertEquals(Code.OK, of(message -> message.setPriority(Integer.MAX_VALUE)));
    assertEquals(Code.INVALID_ARGUMENT, of(message -> message.setPriority(-1)));
  }

  @Test
  void checkTopics() {
    var open = OpenProducer.newBuilder().setProducerId("p");
    for (int i = 0; i < RequestChecks.MAX_CHECK_TOPICS; i++) {
      open.addCheckTopics("t" + i);
    }
    assertEquals(Code.OK, code(RequestChecks.open(open.build())));
    assertEquals(
        Code.INVALID_ARGUMENT, code(RequestChecks.open(open.clone().addCheckTopics("t").build())));
    assertEquals(
        Code.ILLEGAL_TOPIC,
        code(RequestChecks.open(open.clearCheckTopics().addCheckTopics("a b").build())));
  }

  @Test
  void heldIds() {
    assertEquals(Code.OK, code(RequestChecks.held("t", "12-345")));
    assertEquals(Code.ILLEGAL_TOPIC, code(RequestChecks.held("", "12-345")));
    for (String wrong : List.of("", "x", "1", "-1", "1-", "01-1", "\u0000".repeat(1_000))) {
      assertEquals(Code.INVALID_ARGUMENT, code(RequestChecks.held("t", wrong)), wrong);
    }
  }

  @Test
  void bodies() {
    assertEquals(Code.OK, ofBody(0));
    assertEquals(Code.OK, ofBody(4 << 20));
    assertEquals(Code.MESSAGE_BODY_TOO_LARGE, ofBody((4 << 20) + 1));
  }

  private static Code ofBody(int bytes) {
    return of(message -> message.setBody(ByteString.copyFrom(new byte[bytes])));
  }

  @Test
  void properties() {
    assertEquals(Code.OK, of(message -> putProperties(message, 128)));
    assertEquals(Code.MESSAGE_PROPERTIES_TOO_LARGE, of(message -> putProperties(message, 129)));
    assertEquals(Code.OK, of(message -> message.putProperties("k", "v".repeat(16_383))));
    assertEquals(
        Code.MESSAGE_PROPERTIES_TOO_LARGE,
        of(message -> message.putProperties("k", "v".repeat(16_384))));
    // Tag, keys and properties count together.
    assertEquals(
        Code.OK, of(m -> m.setTag("t").addKeys("k").putProperties("k", "v".repeat(16_381))));
    assertEquals(
        Code.MESSAGE_PROPERTIES_TOO_LARGE,
        of(m -> m.setTag("t").addKeys("k").putProperties("k", "v".repeat(16_382))));
    assertEquals(Code.ILLEGAL_MESSAGE_PROPERTY_KEY, of(m -> m.putProperties("", "v")));
    assertEquals(Code.ILLEGAL_MESSAGE_PROPERTY_KEY, of(m -> m.putProperties("a\tb", "v")));
    assertEquals(Code.ILLEGAL_MESSAGE_PROPERTY_KEY, of(m -> m.putProperties("a", "v\u0007")));
    assertEquals(Code.OK, of(m -> m.putProperties("größe", "日本")));
  }

  private static void putProperties(Message.Builder message, int count) {
    for (int i = 0; i < count; i++) {
      message.putProperties("k" + i, "v");
    }
  }

  @Test
  void idsTagsKeysAndMessageGroups() {
    assertEquals(Code.OK, of(m -> m.setMessageId("i".repeat(128))));
    assertEquals(Code.ILLEGAL_MESSAGE_ID, of(m -> m.setMessageId("i".repeat(129))));
    assertEquals(Code.OK, of(m -> m.setTag("a b")));
    for (String tag : List.of(" ", "a|b", "a\nb", "\u00a0\u0085", "ü|")) {
      assertEquals(Code.ILLEGAL_MESSAGE_TAG, of(m -> m.setTag(tag)), tag);
    }
    assertEquals(Code.OK, of(m -> m.addAllKeys(Collections.nCopies(16, "a b"))));
    assertEquals(Code.ILLEGAL_MESSAGE_KEY, of(m -> m.addAllKeys(Collections.nCopies(17, "a"))));
    for (String key : List.of("", "  ", "a\u007f", "\u3000")) {
      assertEquals(Code.ILLEGAL_MESSAGE_KEY, of(m -> m.addKeys(key)), key);
    }
    assertEquals(Code.OK, of(m -> m.setMessageGroup("g".repeat(63))));
    assertEquals(Code.OK, of(m -> m.setMessageGroup("")));
    assertEquals(Code.ILLEGAL_MESSAGE_GROUP, of(m -> m.setMessageGroup("g".repeat(64))));
    assertEquals(Code.ILLEGAL_MESSAGE_GROUP, of(m -> m.setMessageGroup(" ")));
    assertEquals(Code.ILLEGAL_MESSAGE_GROUP, of(m -> m.setMessageGroup("a\u0001")));
  }

  @Test
  void aSendNeedsAnIdAndAClient() {
    assertEquals(Code.OK, ofSend("c", "t", Message.newBuilder().setMessageId("m")));
    assertEquals(Code.ILLEGAL_MESSAGE_ID, ofSend("c", "t", Message.newBuilder()));
    assertEquals(Code.INVALID_ARGUMENT, ofSend("", "t", Message.newBuilder().setMessageId("m")));
    assertEquals(Code.OK, ofSend("c".repeat(255), "t", Message.newBuilder().setMessageId("m")));
    assertEquals(
        Code.INVALID_ARGUMENT,
        ofSend("c".repeat(256), "t", Message.newBuilder().setMessageId("m")));
    assertEquals(Code.ILLEGAL_TOPIC, ofSend("c", "t t", Message.newBuilder().setMessageId("m")));
  }

  private static Code ofSend(String client, String topic, Message.Builder message) {
    SendRequest request =
        SendRequest.newBuilder().setClientId(client).setTopic(topic).setMessage(message).build();
    return code(RequestChecks.send(request, request.getMessage().toByteArray()));
  }

  @Test
  void batches() {
    Run one = ApiCluster.run("t", 0, "a");
    assertEquals(Code.OK, ofBatch(1, Collections.nCopies(1_024, one)));
    assertEquals(Code.INVALID_ARGUMENT, ofBatch(1, Collections.nCopies(1_025, one)));
    assertEquals(Code.INVALID_ARGUMENT, ofBatch(1, List.of()));
    assertEquals(Code.INVALID_ARGUMENT, ofBatch(0, List.of(one)));
    assertEquals(Code.OK, ofBatch(1, List.of(many(4_096))));
    assertEquals(Code.INVALID_ARGUMENT, ofBatch(1, List.of(many(4_097))));
    assertEquals(Code.QUEUE_NOT_FOUND, ofBatch(1, List.of(one.toBuilder().setQueue(-1).build())));
    assertEquals(Code.ILLEGAL_TOPIC, ofBatch(1, List.of(one.toBuilder().setTopic("").build())));
    assertEquals(Code.INVALID_ARGUMENT, ofBatch(1, List.of(one.toBuilder().setCount(0).build())));
    assertEquals(Code.MESSAGE_CORRUPTED, ofBatch(1, List.of(one.toBuilder().setCount(2).build())));
    assertEquals(
        Code.MESSAGE_CORRUPTED,
        ofBatch(1, List.of(ApiCluster.run("t", 0, "a", "b").toBuilder().setCount(1).build())));
  }

  @Test
  void batchBytes() {
    String half = "x".repeat((4 << 20) - 5);
    Run fits = ApiCluster.run("t", 0, half);
    int left = (8 << 20) - fits.getRecords().size();
    // A body of so many bytes takes 4 bytes of length and 5 of tag and length in front.
    Run rest = ApiCluster.run("t", 0, "y".repeat(left - 9));
    assertEquals(8 << 20, fits.getRecords().size() + rest.getRecords().size());
    assertEquals(Code.OK, ofBatch(1, List.of(fits, rest)));
    assertEquals(
        Code.INVALID_ARGUMENT, ofBatch(1, List.of(fits, rest, ApiCluster.run("t", 0, ""))));
  }

  private static Run many(int count) {
    return ApiCluster.run("t", 0, Collections.nCopies(count, "x").toArray(String[]::new));
  }

  private static Code ofBatch(long sequence, List<Run> runs) {
    return code(
        RequestChecks.batch(Batch.newBuilder().setSequence(sequence).addAllRuns(runs).build()));
  }

  @Test
  void producers() {
    assertEquals(Code.OK, ofProducer("p".repeat(64), 0));
    assertEquals(Code.INVALID_ARGUMENT, ofProducer("p".repeat(65), 0));
    assertEquals(Code.INVALID_ARGUMENT, ofProducer("", 0));
    assertEquals(Code.INVALID_ARGUMENT, ofProducer("ü", 0));
    assertEquals(Code.INVALID_ARGUMENT, ofProducer("p", -1));
  }

  private static Code ofProducer(String id, long epoch) {
    return code(
        RequestChecks.open(OpenProducer.newBuilder().setProducerId(id).setEpoch(epoch).build()));
  }

  @Test
  void reads() {
    var read = ReadRequest.newBuilder().setTopic("t");
    assertEquals(Code.OK, code(RequestChecks.read(read.build())));
    assertEquals(
        Code.ILLEGAL_OFFSET,
        code(
            RequestChecks.read(read.clone().setFrom(ReadFrom.newBuilder().setOffset(-1)).build())));
    var queue = ReadRequest.QueueStart.newBuilder().setQueue(1);
    assertEquals(
        Code.INVALID_ARGUMENT,
        code(RequestChecks.read(read.clone().addQueues(queue).addQueues(queue).build())));
    assertEquals(
        Code.ILLEGAL_OFFSET,
        code(
            RequestChecks.read(
                read.clone()
                    .addQueues(queue.setFrom(ReadFrom.newBuilder().setOffset(-5)))
                    .build())));
  }

  @Test
  void topicSettingsAndOffsets() {
    assertEquals(Code.OK, ofTopic(0, 0));
    assertEquals(Code.OK, ofTopic(1_024, 1));
    assertEquals(Code.INVALID_ARGUMENT, ofTopic(1_025, 0));
    assertEquals(Code.INVALID_ARGUMENT, ofTopic(-1, 0));
    assertEquals(Code.INVALID_ARGUMENT, ofTopic(1, -1));
    assertEquals(Code.OK, ofTopic(1, Limits.MAX_RETENTION_MILLIS));
    assertEquals(Code.INVALID_ARGUMENT, ofTopic(1, Limits.MAX_RETENTION_MILLIS + 1));
    var offset = QueueOffset.newBuilder().setQueue(0).setOffset(-1).build();
    assertEquals(Code.ILLEGAL_OFFSET, code(RequestChecks.offsets(List.of(offset))));
    assertEquals(Code.INVALID_ARGUMENT, code(RequestChecks.offsets(List.of())));
    var twice = Collections.nCopies(2, QueueOffset.getDefaultInstance());
    assertEquals(Code.INVALID_ARGUMENT, code(RequestChecks.offsets(twice)));
  }

  private static Code ofTopic(int queues, long retention) {
    return code(
        RequestChecks.newTopic(
            Topic.newBuilder()
                .setTopic("t")
                .setQueues(queues)
                .setRetentionMillis(retention)
                .build(),
            true));
  }

  @Test
  void sizesOfQueuesWaitForTheUpgradeOfAllReplicas() {
    var sized = Topic.newBuilder().setTopic("t").setRetentionBytes(1).build();
    var plain = Topic.newBuilder().setTopic("t").build();

    assertEquals(Code.PRECONDITION_FAILED, code(RequestChecks.newTopic(sized, false)));
    assertEquals(Optional.empty(), RequestChecks.newTopic(plain, false));
    assertEquals(Optional.empty(), RequestChecks.newTopic(sized, true));
    var negative = sized.toBuilder().setRetentionBytes(-1).build();
    assertEquals(Code.INVALID_ARGUMENT, code(RequestChecks.newTopic(negative, true)));
    assertEquals(
        Code.INVALID_ARGUMENT,
        code(RequestChecks.retentionBytes(Limits.MAX_RETENTION_BYTES + 1, true)));
    assertEquals(Code.PRECONDITION_FAILED, code(RequestChecks.retentionBytes(0, false)));
  }

  @Test
  void saysWhichRunAndMessage() {
    var bad = new ArrayList<Message>();
    bad.add(Message.getDefaultInstance());
    bad.add(Message.newBuilder().setTag(" ").build());
    Run run =
        Run.newBuilder().setTopic("t").setCount(2).setRecords(ApiCluster.records(bad)).build();

    String message =
        RequestChecks.batch(
                Batch.newBuilder()
                    .setSequence(1)
                    .addRuns(ApiCluster.run("t", 0, "a"))
                    .addRuns(run)
                    .build())
            .orElseThrow()
            .message();

    assertTrue(message.contains("run 1") && message.contains("message 1"), message);
  }

  private static Code of(Consumer<Message.Builder> settings) {
    var message = Message.newBuilder();
    settings.accept(message);
    return code(RecordScan.check(ApiCluster.records(List.of(message.build())), 1));
  }

  private static Code code(Optional<Refusal> refusal) {
    return refusal.map(Refusal::code).orElse(Code.OK);
  }
}
