package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.stub.StreamObserver;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.TopicType;
import io.keelmq.rocketmq.v2.ClientType;
import io.keelmq.rocketmq.v2.Code;
import io.keelmq.rocketmq.v2.EndTransactionRequest;
import io.keelmq.rocketmq.v2.MessageType;
import io.keelmq.rocketmq.v2.Publishing;
import io.keelmq.rocketmq.v2.QueryRouteRequest;
import io.keelmq.rocketmq.v2.RecallMessageRequest;
import io.keelmq.rocketmq.v2.RecoverOrphanedTransactionCommand;
import io.keelmq.rocketmq.v2.Settings;
import io.keelmq.rocketmq.v2.Subscription;
import io.keelmq.rocketmq.v2.TelemetryCommand;
import io.keelmq.rocketmq.v2.TransactionResolution;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Telemetry streams, and the messages that wait for their time or their transaction. */
class TelemetryTest {

  private ApiCluster cluster;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(3, 3);
    TestSdk.recordMembers(cluster, 3);
    cluster.createTopic("tx", TopicType.TRANSACTION, 2);
    cluster.createTopic("delay", TopicType.DELAY, 2);
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private TestSdk sdk(int node) {
    return new TestSdk(cluster, node, "client");
  }

  /** A stream with what comes back in a queue. */
  private static final class Stream implements StreamObserver<TelemetryCommand> {
    private final BlockingQueue<TelemetryCommand> commands = new LinkedBlockingQueue<>();
    private final StreamObserver<TelemetryCommand> toServer;

    Stream(TestSdk sdk) {
      toServer = sdk.asyncCalls().telemetry(this);
    }

    void say(Settings.Builder settings) {
      toServer.onNext(TelemetryCommand.newBuilder().setSettings(settings).build());
    }

    TelemetryCommand next() throws InterruptedException {
      TelemetryCommand command = commands.poll(60, TimeUnit.SECONDS);
      assertTrue(command != null, "nothing came");
      return command;
    }

    @Override
    public void onNext(TelemetryCommand command) {
      commands.add(command);
    }

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onCompleted() {}
  }

  private static Settings.Builder producer(String... topics) {
    var publishing = Publishing.newBuilder();
    for (String topic : topics) {
      publishing.addTopics(TestSdk.resource(topic));
    }
    return Settings.newBuilder().setClientType(ClientType.PRODUCER).setPublishing(publishing);
  }

  private static Settings.Builder consumer(String group) {
    return Settings.newBuilder()
        .setClientType(ClientType.PUSH_CONSUMER)
        .setSubscription(Subscription.newBuilder().setGroup(TestSdk.resource(group)));
  }

  @Test
  void tellsAProducerHowToSend() throws Exception {
    var stream = new Stream(sdk(1));

    stream.say(producer("delay"));

    TelemetryCommand answer = stream.next();
    assertEquals(Code.OK, answer.getStatus().getCode());
    Settings settings = answer.getSettings();
    assertEquals(ClientType.PRODUCER, settings.getClientType());
    assertTrue(settings.getBackoffPolicy().hasExponentialBackoff());
    assertEquals(3, settings.getBackoffPolicy().getMaxAttempts());
    assertEquals(4 << 20, settings.getPublishing().getMaxBodySize());
    assertTrue(settings.getPublishing().getValidateMessageType());
    assertEquals("delay", settings.getPublishing().getTopics(0).getName());
    assertFalse(settings.getMetric().getOn());
  }

  @Test
  void tellsAConsumerHowItsGroupIs() throws Exception {
    cluster.group.apply(
        new Command.CreateConsumerGroup(
            "ordered", new GroupSettings(GroupKind.LEASE, true, 5, false)));
    var stream = new Stream(sdk(2));

    stream.say(consumer("ordered"));
    Settings ordered = stream.next().getSettings();
    stream.say(consumer("unheard"));
    Settings unheard = stream.next().getSettings();

    assertTrue(ordered.getSubscription().getFifo());
    assertEquals(5, ordered.getBackoffPolicy().getMaxAttempts());
    assertEquals("ordered", ordered.getSubscription().getGroup().getName());
    assertFalse(unheard.getSubscription().getFifo());
    assertEquals(17, unheard.getBackoffPolicy().getMaxAttempts());
    assertEquals(17, unheard.getBackoffPolicy().getCustomizedBackoff().getNextCount());
    assertEquals(32, unheard.getSubscription().getReceiveBatchSize());
    assertEquals(20, unheard.getSubscription().getLongPollingTimeout().getSeconds());
  }

  @Test
  void knowsAGroupThatWasMadeAMomentAgo() throws Exception {
    cluster.group.apply(
        new Command.CreateConsumerGroup(
            "known", new GroupSettings(GroupKind.LEASE, false, 3, false)));
    var stream = new Stream(sdk(2));
    cluster.group.pauseReadPoints(true);
    stream.say(consumer("ordered"));
    stream.say(consumer("known"));
    Awaitility.await().until(() -> cluster.group.waitingReadPoints() == 1);

    cluster.group.apply(
        new Command.CreateConsumerGroup(
            "ordered", new GroupSettings(GroupKind.LEASE, true, 5, false)));
    cluster.group.pauseReadPoints(false);

    Settings first = stream.next().getSettings();
    assertEquals("ordered", first.getSubscription().getGroup().getName());
    assertTrue(first.getSubscription().getFifo());
    assertEquals(3, stream.next().getSettings().getBackoffPolicy().getMaxAttempts());
  }

  @Test
  void tellsAConsumerTheDefaultsWhileThereIsNoLeader() throws Exception {
    cluster.group.elect(-1);
    var stream = new Stream(sdk(1));

    stream.say(consumer("unheard"));

    assertFalse(stream.next().getSettings().getSubscription().getFifo());
  }

  @Test
  void answersNodeAfterAWhileAndWithoutAList() throws Exception {
    var node = new TestSdk(cluster, 0, "node").put("x-mq-language", "HTTP");
    long askedNanos = System.nanoTime();
    var stream = new Stream(node);

    stream.say(consumer("g"));

    Settings settings = stream.next().getSettings();
    assertTrue(
        System.nanoTime() - askedNanos
            >= TimeUnit.MILLISECONDS.toNanos(TelemetrySession.NODE_PAUSE_MILLIS));
    assertTrue(settings.getBackoffPolicy().hasExponentialBackoff());
  }

  @Test
  void refusesSettingsOfNoClient() throws Exception {
    var stream = new Stream(sdk(0));

    stream.say(Settings.newBuilder());
    assertEquals(Code.UNRECOGNIZED_CLIENT_TYPE, stream.next().getStatus().getCode());
    stream.say(producer("tx"));
    assertEquals(Code.OK, stream.next().getStatus().getCode());
  }

  @Test
  void asksAConnectedProducerWhatBecameOfItsTransaction() throws Exception {
    var stream = new Stream(sdk(2));
    stream.say(producer("tx"));
    stream.next();
    var sent =
        sdk(1)
            .send(
                TestSdk.message(
                    "tx", "m1", system -> system.setMessageType(MessageType.TRANSACTION)))
            .getEntries(0);
    assertFalse(sent.getTransactionId().isEmpty());

    cluster.group.passTime(7_000);
    cluster.group.apply(new Command.AdvanceTime());

    RecoverOrphanedTransactionCommand check = stream.next().getRecoverOrphanedTransactionCommand();
    assertEquals(sent.getTransactionId(), check.getTransactionId());
    assertEquals("m1", check.getMessage().getSystemProperties().getMessageId());
    assertTrue(check.getMessage().getSystemProperties().hasBodyDigest());
    assertEquals(Code.OK, end(sent.getTransactionId(), TransactionResolution.COMMIT));
    assertEquals("m1", sdk(0).receive(TestSdk.receive("g", "tx")).ids().get(0));
    assertEquals(Code.OK, end(sent.getTransactionId(), TransactionResolution.COMMIT));
    assertEquals(
        Code.PRECONDITION_FAILED, end(sent.getTransactionId(), TransactionResolution.ROLLBACK));
    assertNull(stream.commands.poll());
  }

  private Code end(String transactionId, TransactionResolution resolution) {
    return sdk(2)
        .calls()
        .endTransaction(
            EndTransactionRequest.newBuilder()
                .setTopic(TestSdk.resource("tx"))
                .setMessageId("m1")
                .setTransactionId(transactionId)
                .setResolution(resolution)
                .build())
        .getStatus()
        .getCode();
  }

  /** Of message m1, which has just been sent for a minute from now. */
  private RecallMessageRequest recallOfADelayedMessage() {
    long due = cluster.group.timeMillis() + 60_000;
    var sent =
        sdk(1)
            .send(
                TestSdk.message(
                    "delay", "m1", system -> system.setDeliveryTimestamp(TestSdk.at(due))))
            .getEntries(0);
    return RecallMessageRequest.newBuilder()
        .setTopic(TestSdk.resource("delay"))
        .setRecallHandle(sent.getRecallHandle())
        .build();
  }

  @Test
  void recallsADelayedMessage() {
    RecallMessageRequest request = recallOfADelayedMessage();

    var recalled = sdk(2).calls().recallMessage(request);
    assertEquals(Code.OK, recalled.getStatus().getCode());
    assertEquals("m1", recalled.getMessageId());
    assertEquals(
        Code.INTERNAL_SERVER_ERROR, sdk(2).calls().recallMessage(request).getStatus().getCode());
  }

  // As a name server does that did not hear what became of it.
  @Test
  void answersARecallThatComesThroughAnotherReplicaAsTheFirstTime() {
    RecallMessageRequest request = recallOfADelayedMessage();

    for (int node = 0; node < 3; node++) {
      var recalled = sdk(node).put("x-mq-request-id", "call-1").calls().recallMessage(request);
      assertEquals(Code.OK, recalled.getStatus().getCode());
      assertEquals("m1", recalled.getMessageId());
    }
    assertEquals(
        Code.INTERNAL_SERVER_ERROR,
        sdk(2)
            .put("x-mq-request-id", "call-2")
            .calls()
            .recallMessage(request)
            .getStatus()
            .getCode());
  }

  @Test
  void deliversADelayedMessageWithItsTime() {
    long due = cluster.group.timeMillis() + 60_000;
    sdk(1)
        .send(
            TestSdk.message("delay", "m1", system -> system.setDeliveryTimestamp(TestSdk.at(due))));
    cluster.group.passTime(61_000);
    cluster.group.apply(new Command.AdvanceTime());

    TestSdk.Received received = sdk(0).receive(TestSdk.receive("g", "delay"));

    assertEquals(
        TestSdk.at(due), received.messages().get(0).getSystemProperties().getDeliveryTimestamp());
  }

  @Test
  void namesAllReplicasInARoute() {
    for (int node = 0; node < 3; node++) {
      var route =
          sdk(node)
              .calls()
              .queryRoute(
                  QueryRouteRequest.newBuilder().setTopic(TestSdk.resource("delay")).build());

      assertEquals(2, route.getMessageQueuesCount());
      var endpoints = route.getMessageQueues(0).getBroker().getEndpoints();
      assertEquals(3, endpoints.getAddressesCount());
      for (int i = 0; i < 3; i++) {
        assertEquals(cluster.port(i), endpoints.getAddresses(i).getPort());
      }
    }
  }
}
