package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.StateView;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.DigestType;
import io.keelmq.rocketmq.v2.Encoding;
import io.keelmq.rocketmq.v2.FilterExpression;
import io.keelmq.rocketmq.v2.FilterType;
import io.keelmq.rocketmq.v2.ForwardMessageToDeadLetterQueueRequest;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.rocketmq.v2.NotifyClientTerminationRequest;
import io.keelmq.rocketmq.v2.ReceiveMessageRequest;
import io.keelmq.rocketmq.v2.SystemProperties;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Polls and what becomes of what they bring, through leaders and followers that change. */
class ReceiveTest {

  private final AtomicLong skippedNanos = new AtomicLong();
  private ApiCluster cluster;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(new FakeGroup(7, 3), 3, () -> System.nanoTime() + skippedNanos.get());
    TestSdk.recordMembers(cluster, 3);
    cluster.createTopic("t", 4);
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private TestSdk sdk(int node) {
    return new TestSdk(cluster, node, "client");
  }

  private static void eventually(Callable<Boolean> condition) {
    Awaitility.await().atMost(java.time.Duration.ofSeconds(60)).until(condition);
  }

  private static ReceiveMessageRequest.Builder kept(String group, String topic) {
    return TestSdk.receive(group, topic).clearInvisibleDuration().setAutoRenew(true);
  }

  private StateView.Cursor cursor(String group, String topic, int queue) {
    StateView state = cluster.group.state();
    return state
        .cursor(
            state.consumerGroup(group).orElseThrow().id(),
            state.topic(topic).orElseThrow().id(),
            queue)
        .orElseThrow();
  }

  private long leased(String group, String topic) {
    long leased = 0;
    for (int queue = 0; queue < 4; queue++) {
      leased += cursor(group, topic, queue).leased();
    }
    return leased;
  }

  private void passTime(long millis) {
    cluster.group.passTime(millis);
    cluster.group.apply(new Command.AdvanceTime());
  }

  @Test
  void deliversWhatWasSentThroughAnyReplica() {
    for (int node = 0; node < 3; node++) {
      String topic = "topic" + node;
      cluster.createTopic(topic, 4);
      Message sent =
          TestSdk.message(
                  topic,
                  "m" + node,
                  system ->
                      system
                          .setTag("a")
                          .addKeys("k1")
                          .addKeys("k2")
                          .setTraceContext("trace")
                          .setBornHost("host")
                          .setBornTimestamp(TestSdk.at(123_456)))
              .toBuilder()
              .putUserProperties("n", "v")
              .build();
      assertEquals(Code.OK, sdk(node).send(sent).getStatus().getCode());

      TestSdk.Received received = sdk(node).receive(TestSdk.receive("g", topic));

      assertEquals(Code.OK, received.code());
      assertTrue(received.hasTime());
      Message message = received.messages().get(0);
      SystemProperties system = message.getSystemProperties();
      assertEquals(sent.getBody(), message.getBody());
      assertEquals(sent.getTopic(), message.getTopic());
      assertEquals(sent.getUserPropertiesMap(), message.getUserPropertiesMap());
      assertEquals("m" + node, system.getMessageId());
      assertEquals("a", system.getTag());
      assertEquals(List.of("k1", "k2"), system.getKeysList());
      assertEquals("trace", system.getTraceContext());
      assertEquals("host", system.getBornHost());
      assertEquals(TestSdk.at(123_456), system.getBornTimestamp());
      assertEquals(1, system.getDeliveryAttempt());
      assertEquals(Encoding.IDENTITY, system.getBodyEncoding());
      assertNotEquals(DigestType.DIGEST_TYPE_UNSPECIFIED, system.getBodyDigest().getType());
      assertTrue(system.getStoreTimestamp().getSeconds() > 0);
      assertEquals(Code.OK, sdk(node).ack("g", topic, received.handle()).getStatus().getCode());
    }
  }

  @Test
  void tellsARetriedSendByItsId() {
    var first = sdk(0).send("t", "m1").getEntries(0);
    var again = sdk(2).send("t", "m1").getEntries(0);

    assertEquals("m1", again.getMessageId());
    assertEquals(first.getOffset(), again.getOffset());
    TestSdk.Received received = sdk(1).receive(TestSdk.receive("g", "t"));
    assertEquals(List.of("m1"), received.ids());
  }

  @Test
  void waitsForAMessage() throws Exception {
    for (int node = 0; node < 2; node++) {
      TestSdk waiting = sdk(node);
      var poll = CompletableFuture.supplyAsync(() -> waiting.receive(TestSdk.receive("g", "t")));
      eventually(() -> cluster.stats(0).parkedConsumers() == 1);

      sdk(2).send("t", "late" + node);

      TestSdk.Received received = poll.get();
      assertEquals(List.of("late" + node), received.ids());
      sdk(node).ack("g", "t", received.handle());
    }
  }

  @Test
  void findsNothingWhenTheTimeIsOver() {
    TestSdk.Received received =
        sdk(1)
            .receive(
                TestSdk.receive("g", "t")
                    .setLongPollingTimeout(Duration.newBuilder().setSeconds(1)));

    assertEquals(Code.MESSAGE_NOT_FOUND, received.code());
    assertTrue(received.hasTime());
    assertEquals(0, leased("g", "t"));
  }

  @Test
  void takesWhatTheFilterWants() {
    for (int i = 0; i < 10; i++) {
      int number = i;
      sdk(0)
          .send(
              TestSdk.message(
                      "t", "m" + i, system -> system.setTag(number % 2 == 0 ? "even" : "odd"))
                  .toBuilder()
                  .putUserProperties("n", "" + i)
                  .build());
    }

    var tagged = FilterExpression.newBuilder().setType(FilterType.TAG).setExpression("odd || none");
    assertEquals(List.of("m1", "m3", "m5", "m7", "m9"), all("g1", 5, tagged));
    var sql =
        FilterExpression.newBuilder()
            .setType(FilterType.SQL)
            .setExpression("TAGS = 'even' AND n BETWEEN 3 AND 7");
    assertEquals(List.of("m4", "m6"), all("g2", 2, sql));
  }

  private List<String> all(String group, int count, FilterExpression.Builder filter) {
    var ids = new java.util.TreeSet<String>();
    while (ids.size() < count) {
      ids.addAll(sdk(1).receive(TestSdk.receive(group, "t").setFilterExpression(filter)).ids());
    }
    return List.copyOf(ids);
  }

  @Test
  void givesTheSameBatchToARepeatOfAPoll() {
    sdk(0).send("t", "m1");
    ReceiveMessageRequest.Builder poll = TestSdk.receive("g", "t").setAttemptId("attempt-1");
    TestSdk.Received first = sdk(0).receive(poll);
    assertEquals(List.of("m1"), first.ids());

    for (int leader = 1; leader < 3; leader++) {
      TestSdk.Received again = sdk(leader).receive(poll);
      assertEquals(first.ids(), again.ids());
      assertEquals(first.handle(), again.handle());
      assertEquals(1, again.messages().get(0).getSystemProperties().getDeliveryAttempt());
      cluster.group.elect(leader);
    }
    assertEquals(Code.OK, sdk(0).ack("g", "t", first.handle()).getStatus().getCode());
    assertEquals(0, leased("g", "t"));
  }

  @Test
  void goesOnAtTheNextLeader() throws Exception {
    sdk(0).receive(TestSdk.receive("g", "t").setBatchSize(0));
    TestSdk waiting = sdk(2);
    var poll = CompletableFuture.supplyAsync(() -> waiting.receive(TestSdk.receive("g", "t")));
    eventually(() -> cluster.stats(0).parkedConsumers() == 1);

    cluster.group.elect(-1);
    cluster.group.elect(1);
    eventually(() -> cluster.stats(1).parkedConsumers() == 1);
    sdk(0).send("t", "m1");

    assertEquals(List.of("m1"), poll.get().ids());
  }

  @Test
  void findsNothingWhileThereIsNoLeader() {
    cluster.group.elect(-1);

    TestSdk.Received received =
        sdk(2)
            .receive(
                TestSdk.receive("g", "t").setLongPollingTimeout(Duration.getDefaultInstance()));

    assertEquals(Code.MESSAGE_NOT_FOUND, received.code());
  }

  @Test
  void givesBackWhatAClientThatIsGoneWasGiven() {
    for (int node = 0; node < 2; node++) {
      CancellableContext context = Context.current().withCancellation();
      TestSdk leaving = sdk(node);
      context.run(
          () -> leaving.asyncCalls().receiveMessage(kept("g", "t").build(), new Discarded<>()));
      eventually(() -> cluster.stats(0).parkedConsumers() == 1);
      context.cancel(null);
      eventually(() -> cluster.stats(0).parkedConsumers() == 0);

      sdk(0).send("t", "m" + node);
      TestSdk.Received received =
          new TestSdk(cluster, 1, "another").receive(TestSdk.receive("g", "t"));

      assertEquals(List.of("m" + node), received.ids());
      assertEquals(1, received.messages().get(0).getSystemProperties().getDeliveryAttempt());
      new TestSdk(cluster, 1, "another").ack("g", "t", received.handle());
    }
  }

  @Test
  void keepsALeaseUpWhileItsClientLives() {
    sdk(1).send("t", "m1");
    TestSdk.Received received = sdk(1).receive(kept("g", "t"));
    assertEquals(List.of("m1"), received.ids());
    eventually(() -> cluster.stats(0).reachedLeases() == 1);

    for (int i = 0; i < 8; i++) {
      long before = deadline();
      passTime(12_000);
      skippedNanos.addAndGet(java.time.Duration.ofSeconds(16).toNanos());
      sdk(1)
          .calls()
          .heartbeat(
              io.keelmq.rocketmq.v2.HeartbeatRequest.newBuilder()
                  .setClientType(io.keelmq.rocketmq.v2.ClientType.PUSH_CONSUMER)
                  .build());
      eventually(() -> deadline() != before);
    }
    assertEquals(1, leased("g", "t"));
    assertEquals(Code.OK, sdk(2).ack("g", "t", received.handle()).getStatus().getCode());
    assertEquals(0, leased("g", "t"));
  }

  /** The deadline of the one lease that there is. */
  private long deadline() {
    StateView state = cluster.group.state();
    long group = state.consumerGroup("g").orElseThrow().id();
    long topic = state.topic("t").orElseThrow().id();
    for (int queue = 0; queue < 4; queue++) {
      for (var batch : state.leased(group, topic, queue, java.util.Optional.empty(), 10)) {
        return batch.deadlineMillis();
      }
    }
    return -1;
  }

  @Test
  void cutsTheLeasesOfAClientThatLeaves() {
    sdk(1).send("t", "m1");
    assertEquals(List.of("m1"), sdk(1).receive(kept("g", "t")).ids());

    sdk(1).calls().notifyClientTermination(NotifyClientTerminationRequest.getDefaultInstance());

    TestSdk.Received received =
        new TestSdk(cluster, 2, "another").receive(TestSdk.receive("g", "t"));
    assertEquals(List.of("m1"), received.ids());
    assertEquals(2, received.messages().get(0).getSystemProperties().getDeliveryAttempt());
  }

  @Test
  void saysSoWhenWhatIsAcknowledgedWasTakenAndGivenToAnother() {
    sdk(1).send("t", "m1");
    String cut = sdk(1).receive(kept("g", "t")).handle();
    sdk(1).calls().notifyClientTermination(NotifyClientTerminationRequest.getDefaultInstance());
    var another = new TestSdk(cluster, 2, "another");
    String handle = another.receive(TestSdk.receive("g", "t")).handle();

    assertEquals(
        Code.INVALID_RECEIPT_HANDLE, sdk(1).ack("g", "t", cut).getEntries(0).getStatus().getCode());
    assertEquals(Code.OK, another.ack("g", "t", handle).getEntries(0).getStatus().getCode());
    assertEquals(
        Code.OK,
        sdk(1).ack("g", "t", cut).getEntries(0).getStatus().getCode(),
        "it is settled now, whoever did it");
  }

  @Test
  void takesAcksAcrossLeaders() {
    sdk(0).send("t", "m1");
    TestSdk.Received received = sdk(0).receive(kept("g", "t"));

    cluster.group.elect(1);
    assertEquals(Code.OK, sdk(2).ack("g", "t", received.handle()).getStatus().getCode());
    cluster.group.elect(2);
    assertEquals(Code.OK, sdk(0).ack("g", "t", received.handle()).getStatus().getCode());
    assertEquals(0, leased("g", "t"));
  }

  @Test
  void namesALeaseAnewWhenItIsChanged() {
    sdk(0).send("t", "m1");
    String first = sdk(1).receive(TestSdk.receive("g", "t")).handle();

    var changed = sdk(2).change("g", "t", first, 60_000);
    assertEquals(Code.OK, changed.getStatus().getCode());
    assertNotEquals(first, changed.getReceiptHandle());
    passTime(31_000);

    assertEquals(Code.OK, sdk(1).ack("g", "t", changed.getReceiptHandle()).getStatus().getCode());
    assertEquals(0, leased("g", "t"));
  }

  @Test
  void makesADeadLetterOfTheLastDelivery() {
    cluster.group.apply(
        new Command.CreateConsumerGroup("g", new GroupSettings(GroupKind.LEASE, false, 2, false)));
    sdk(0).send("t", "m1");
    for (int attempt = 1; attempt <= 2; attempt++) {
      TestSdk.Received received = sdk(1).receive(TestSdk.receive("g", "t"));
      assertEquals(attempt, received.messages().get(0).getSystemProperties().getDeliveryAttempt());
      assertEquals(Code.OK, sdk(1).change("g", "t", received.handle(), 0).getStatus().getCode());
    }

    TestSdk.Received dead = sdk(2).receive(TestSdk.receive("other", "%DLQ%g"));

    SystemProperties system = dead.messages().get(0).getSystemProperties();
    assertEquals("m1", system.getMessageId());
    assertEquals("t", system.getDeadLetterQueue().getTopic());
    assertEquals("m1", system.getDeadLetterQueue().getMessageId());
  }

  @Test
  void forwardsToTheDeadLetters() {
    sdk(0).send("t", "m1");
    String handle = sdk(1).receive(TestSdk.receive("g", "t")).handle();

    var answer =
        sdk(1)
            .calls()
            .forwardMessageToDeadLetterQueue(
                ForwardMessageToDeadLetterQueueRequest.newBuilder()
                    .setGroup(TestSdk.resource("g"))
                    .setTopic(TestSdk.resource("t"))
                    .setReceiptHandle(handle)
                    .setMessageId("m1")
                    .build());

    assertEquals(Code.OK, answer.getStatus().getCode());
    assertEquals(List.of("m1"), sdk(2).receive(TestSdk.receive("other", "%DLQ%g")).ids());
  }

  @Test
  void hasADigestThatAllSdksReadAlike() {
    // Of these bodies some have a CRC32 with a leading zero, which SDKs write differently.
    for (int i = 0; i < 64; i++) {
      var body = ByteString.copyFromUtf8("digest " + i);
      sdk(0).send(TestSdk.message("t", "d" + i, system -> {}).toBuilder().setBody(body).build());
    }
    int seen = 0;
    while (seen < 64) {
      for (Message message : sdk(1).receive(TestSdk.receive("g", "t")).messages()) {
        var digest = message.getSystemProperties().getBodyDigest();
        assertEquals(digest.getChecksum(), digest.getChecksum().toUpperCase(java.util.Locale.ROOT));
        if (digest.getType() == DigestType.CRC32) {
          var crc = new java.util.zip.CRC32();
          crc.update(message.getBody().toByteArray());
          assertEquals(
              Long.toHexString(crc.getValue()),
              digest.getChecksum().toLowerCase(java.util.Locale.ROOT));
          assertEquals(8, digest.getChecksum().length());
        } else {
          assertEquals(DigestType.MD5, digest.getType());
          assertEquals(32, digest.getChecksum().length());
        }
        seen++;
      }
    }
  }
}
