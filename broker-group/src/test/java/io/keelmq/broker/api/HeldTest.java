package io.keelmq.broker.api;

import static io.keelmq.broker.api.testing.ApiCluster.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.grpc.StatusRuntimeException;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.broker.api.testing.TestReader;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Limits;
import io.keelmq.broker.state.TopicType;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.Code;
import io.keelmq.v1.EndTransactionRequest;
import io.keelmq.v1.HeldMessage;
import io.keelmq.v1.ListHeldRequest;
import io.keelmq.v1.Message;
import io.keelmq.v1.Origin;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.RecallRequest;
import io.keelmq.v1.Run;
import io.keelmq.v1.SendRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Delayed, half and prioritized messages over real connections. */
class HeldTest {

  private ApiCluster cluster;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(5, 3);
    cluster.createTopic("later", 2, TopicType.DELAY);
    cluster.createTopic("deals", 2, TopicType.TRANSACTION);
    cluster.createTopic("urgent", 3, TopicType.PRIORITY);
    cluster.createTopic("plain", 1);
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  @Test
  void namesDelayedRunsAndDeliversThemInTime() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(1), "p", 0);
    producer.opened();
    producer.publish(1, run("later", 0, "now"), delayed("soon", 60_000));

    BatchReceipt receipt = producer.receipt();

    assertEquals(List.of(0L, -1L), receipt.getFirstOffsetsList());
    assertEquals("", receipt.getHeldIds(0));
    assertFalse(receipt.getHeldIds(1).isEmpty());
    assertEquals(List.of("now"), read("later"));
    advance(60_000);
    assertEquals(List.of("now", "soon"), read("later"));
  }

  @Test
  void answersARepeatedSendWithTheSameName() {
    var request = send("later", "m1").setDeliverAtMillis(in(60_000)).build();

    var first = cluster.streams(0).send(request);
    var again = cluster.streams(2).send(request);

    assertEquals(-1, first.getOffset());
    assertEquals(first.getHeldId(), again.getHeldId());
    assertEquals(-1, again.getOffset());
    assertTrue(again.getDuplicate());
  }

  @Test
  void givesOrdinaryReceiptsNoNames() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
    producer.publish(1, run("plain", 0, "a"));

    assertEquals(0, producer.receipt().getHeldIdsCount());
    assertEquals("", cluster.streams(0).send(send("plain", "m1").build()).getHeldId());
  }

  @Test
  void recallsOnceByItsOrigin() throws Exception {
    String id =
        cluster
            .streams(1)
            .send(send("later", "m1").setDeliverAtMillis(in(60_000)).build())
            .getHeldId();
    var recall =
        RecallRequest.newBuilder()
            .setOrigin(Origin.newBuilder().setId(7).setSequence(1))
            .setTopic("later")
            .setHeldId(id)
            .build();

    cluster.streams(2).recall(recall);
    cluster.streams(0).recall(recall);

    assertEquals(
        Code.HELD_NOT_FOUND,
        code(() -> cluster.streams(1).recall(recall.toBuilder().clearOrigin().build())));
    advance(60_000);
    assertEquals(List.of(), read("later"));
  }

  @Test
  void decidesAHalfMessageUnderANewLeader() throws Exception {
    String id = half("m1");
    assertEquals(List.of(), read("deals"));

    cluster.group.elect(2);

    var committed = cluster.streams(0).endTransaction(end(id, true));
    assertEquals(0, committed.getOffset());
    assertEquals(List.of("m1"), read("deals"));
    assertEquals(committed, cluster.streams(1).endTransaction(end(id, true)));
    assertEquals(
        Code.PRECONDITION_FAILED, code(() -> cluster.streams(1).endTransaction(end(id, false))));
    assertEquals(
        Code.HELD_NOT_FOUND, code(() -> cluster.streams(1).endTransaction(end("9999-5", true))));
  }

  @Test
  void holdsADecisionDuringAnElectionAndRepeatsWhatIsUnclear() throws Exception {
    String id = half("m1");
    cluster.group.pauseApply(true);
    var answer =
        CompletableFuture.supplyAsync(() -> cluster.streams(1).endTransaction(end(id, true)));
    Awaitility.await().until(() -> cluster.stats(1).forwards() > 1);

    cluster.group.elect(-1);
    cluster.group.pauseApply(false);
    Awaitility.await().until(() -> cluster.stats(1).holds() > 0);
    cluster.group.elect(1);

    assertEquals(0, answer.join().getOffset());
    assertEquals(List.of("m1"), read("deals"));
  }

  @Test
  void rollsBack() throws Exception {
    String id = half("m1");

    cluster.streams(1).endTransaction(end(id, false));

    assertEquals(List.of(), read("deals"));
    assertEquals(
        Code.PRECONDITION_FAILED, code(() -> cluster.streams(0).endTransaction(end(id, true))));
  }

  @Test
  void refusesWhatTheTopicDoesNotTake() throws Exception {
    assertEquals(
        Code.MESSAGE_TYPE_CONFLICT,
        code(() -> cluster.streams(1).send(send("plain", "m").setHalf(true).build())));
    assertEquals(
        Code.MESSAGE_TYPE_CONFLICT,
        code(() -> cluster.streams(1).send(send("deals", "m").setDeliverAtMillis(5).build())));
    assertEquals(
        Code.ILLEGAL_DELIVERY_TIME,
        code(
            () ->
                cluster
                    .streams(1)
                    .send(
                        send("later", "m")
                            .setDeliverAtMillis(in(Limits.MAX_DELAY_MILLIS + 60_000))
                            .build())));
    assertEquals(
        Code.ILLEGAL_DELIVERY_TIME,
        code(() -> cluster.streams(1).send(send("later", "m").setDeliverAtMillis(-1).build())));
    assertEquals(
        Code.INVALID_ARGUMENT,
        code(
            () ->
                cluster
                    .streams(1)
                    .send(send("later", "m").setHalf(true).setDeliverAtMillis(5).build())));
    assertEquals(
        Code.INVALID_ARGUMENT, code(() -> cluster.streams(0).endTransaction(end("soon", true))));
    String id = half("m1");
    assertEquals(
        Code.INVALID_ARGUMENT,
        code(
            () ->
                cluster
                    .streams(0)
                    .recall(RecallRequest.newBuilder().setTopic("deals").setHeldId(id).build())));
    var producer = TestProducer.open(cluster.asyncStreams(1), "p", 0);
    producer.opened();
    producer.publish(1, run("plain", 0, "a").toBuilder().setHalf(true).build());
    assertEquals(Code.MESSAGE_TYPE_CONFLICT, producer.receipt().getCode());
    producer.publish(1, run("plain", 0, "a"));
    assertEquals(Code.OK, producer.receipt().getCode());
  }

  @Test
  void asksAProducerAtAFollowerWhatBecameOfAHalfMessage() throws Exception {
    var asked = TestProducer.open(cluster.asyncStreams(2), "asked", List.of("deals"));
    asked.opened();
    var other = TestProducer.open(cluster.asyncStreams(1), "other", 0);
    other.opened();
    other.publish(1, run("deals", 0, "a", "b").toBuilder().setHalf(true).build());
    String id = other.receipt().getHeldIds(0);

    advance(Limits.FIRST_CHECK_MILLIS);

    var check = asked.check();
    assertEquals("deals", check.getTopic());
    assertEquals(id, check.getHeldId());
    assertEquals(1, check.getCheck());
    assertEquals(run("deals", 0, "a", "b").getRecords(), check.getRecord());

    // A stream that was passed on to the leader carries batches and checks alike.
    asked.publish(1, run("plain", 0, "x"));
    assertEquals(Code.OK, asked.receipt().getCode());
    advance(Limits.CHECK_INTERVAL_MILLIS);
    assertEquals(2, asked.check().getCheck());
    assertEquals(2, cluster.stats(2).checksAsked());

    cluster.streams(0).endTransaction(end(id, true));
    advance(Limits.CHECK_INTERVAL_MILLIS);
    asked.publish(2, run("plain", 0, "y"));
    assertEquals(Code.OK, asked.receipt().getCode(), "and no check before it");
    assertEquals(List.of("a", "b"), read("deals"));
  }

  @Test
  void asksNobodyOfAProducerThatHasLeft() throws Exception {
    var asked = TestProducer.open(cluster.asyncStreams(0), "asked", List.of("deals"));
    asked.opened();
    half("m1");
    asked.requests.onCompleted();
    assertTrue(asked.next().completed());
    var next = TestProducer.open(cluster.asyncStreams(0), "next", List.of("deals", "plain"));
    next.opened();

    advance(Limits.FIRST_CHECK_MILLIS);

    assertEquals(1, next.check().getCheck());
    assertEquals(1, cluster.stats(0).checksAsked());
    assertEquals(0, cluster.stats(0).checksDropped());
  }

  @Test
  void listsWhatIsHeldWithItsRecords() throws Exception {
    long due = in(60_000);
    var ids = new ArrayList<String>();
    for (int i = 0; i < 3; i++) {
      ids.add(
          cluster
              .streams(0)
              .send(send("later", "m" + i).setDeliverAtMillis(due).build())
              .getHeldId());
    }
    half("h1");

    List<HeldMessage> all = list("later", 0, "");
    assertEquals(ids, all.stream().map(HeldMessage::getHeldId).toList());
    assertEquals(due, all.get(0).getDueMillis());
    assertFalse(all.get(0).getHalf());
    assertEquals(
        "m0",
        Message.parseDelimitedFrom(all.get(0).getRecords().newInput()).getBody().toStringUtf8());
    assertEquals(all.subList(0, 2), list("later", 2, ""));
    assertEquals(all.subList(2, 3), list("later", 2, ids.get(1)));
    assertEquals(List.of(), list("later", 2, ids.get(2)));
    assertTrue(list("deals", 0, "").get(0).getHalf());

    cluster.group.hideEntries(true);
    assertTrue(list("later", 0, "").get(0).getRecords().isEmpty());
    cluster.group.hideEntries(false);
    assertEquals(Code.TOPIC_NOT_FOUND, code(() -> list("none", 0, "")));
    assertEquals(Code.INVALID_ARGUMENT, code(() -> list("later", 1_001, "")));
    assertEquals(Code.INVALID_ARGUMENT, code(() -> list("later", 1, "x")));
  }

  @Test
  void listsNoMoreThanFitsIntoAnAnswer() {
    var body = ByteString.copyFrom(new byte[900_000]);
    for (int i = 0; i < 5; i++) {
      var request = send("later", "m" + i).setDeliverAtMillis(in(60_000));
      request.getMessageBuilder().setBody(body);
      cluster.streams(0).send(request.build());
    }
    int seen = 0;
    String after = "";
    int answers = 0;
    for (var page = list("later", 0, after); !page.isEmpty(); page = list("later", 0, after)) {
      assertTrue(page.size() <= 2, "an answer has 2 MiB of records at most");
      seen += page.size();
      answers++;
      after = page.get(page.size() - 1).getHeldId();
    }

    assertEquals(5, seen);
    assertEquals(3, answers);
  }

  @Test
  void putsAPriorityIntoItsQueue() {
    for (int priority : List.of(0, 1, 2, 3, Integer.MAX_VALUE)) {
      var request = send("urgent", "m" + priority);
      request.getMessageBuilder().setPriority(priority);
      assertEquals(Math.min(priority, 2), cluster.streams(1).send(request.build()).getQueue());
    }
    var elsewhere = send("urgent", "x").setQueue(1);
    elsewhere.getMessageBuilder().setPriority(2);
    assertEquals(1, cluster.streams(1).send(elsewhere.build()).getQueue());
    var negative = send("urgent", "y");
    negative.getMessageBuilder().setPriority(-1);
    assertEquals(Code.INVALID_ARGUMENT, code(() -> cluster.streams(1).send(negative.build())));
  }

  private String half(String id) {
    return cluster.streams(1).send(send("deals", id).setQueue(0).setHalf(true).build()).getHeldId();
  }

  private Run delayed(String body, long millis) {
    return run("later", 1, body).toBuilder().setDeliverAtMillis(in(millis)).build();
  }

  private long in(long millis) {
    return cluster.group.timeMillis() + millis;
  }

  private void advance(long millis) {
    cluster.group.passTime(millis);
    cluster.group.apply(new Command.AdvanceTime());
  }

  private List<HeldMessage> list(String topic, int max, String after) {
    return cluster
        .admin(2)
        .listHeld(
            ListHeldRequest.newBuilder().setTopic(topic).setMax(max).setAfterHeldId(after).build())
        .getMessagesList();
  }

  private List<String> read(String topic) throws InterruptedException {
    return TestReader.open(
            cluster.asyncStreams(2), ReadRequest.newBuilder().setTopic(topic).build())
        .bodies();
  }

  private static SendRequest.Builder send(String topic, String id) {
    return SendRequest.newBuilder()
        .setClientId("c")
        .setTopic(topic)
        .setMessage(Message.newBuilder().setMessageId(id).setBody(ByteString.copyFromUtf8(id)));
  }

  private static EndTransactionRequest end(String id, boolean commit) {
    return EndTransactionRequest.newBuilder()
        .setTopic("deals")
        .setHeldId(id)
        .setCommit(commit)
        .build();
  }

  private static Code code(Executable call) {
    return StatusDetails.fromThrowable(assertThrows(StatusRuntimeException.class, call)).getCode();
  }
}
