package io.keelmq.broker.api;

import static io.keelmq.broker.api.testing.ApiCluster.run;
import static io.keelmq.broker.api.testing.TestConsumer.bodies;
import static io.keelmq.broker.api.testing.TestConsumer.consumer;
import static io.keelmq.broker.api.testing.TestConsumer.messages;
import static io.keelmq.broker.api.testing.TestConsumer.offsets;
import static io.keelmq.broker.api.testing.TestConsumer.settlement;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.broker.api.testing.TestConsumer;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.StateView;
import io.keelmq.v1.Code;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Run;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.SettlementKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ConsumeTest {

  private final AtomicLong skippedNanos = new AtomicLong();
  private ApiCluster cluster;
  private TestProducer producer;
  private long sequence;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(new FakeGroup(1, 3), 3, () -> System.nanoTime() + skippedNanos.get());
    cluster.createTopic("t", 1);
    producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private void publish(Run... runs) throws Exception {
    producer.publish(++sequence, runs);
    assertEquals(Code.OK, producer.receipt().getCode());
  }

  /** Bodies m{from} to m{to - 1} in one run. */
  private void publishMany(String topic, int queue, int from, int to) throws Exception {
    publish(
        run(topic, queue, IntStream.range(from, to).mapToObj(i -> "m" + i).toArray(String[]::new)));
  }

  private TestConsumer open(int node, String clientId, int credit) throws Exception {
    return TestConsumer.open(cluster.asyncStreams(node), consumer(clientId, "g", "t"), credit);
  }

  private StateView.Cursor cursor(int queue) {
    StateView state = cluster.group.state();
    return state
        .cursor(
            state.consumerGroup("g").orElseThrow().id(), state.topic("t").orElseThrow().id(), queue)
        .orElseThrow();
  }

  private static void eventually(Callable<Boolean> condition) {
    Awaitility.await().atMost(Duration.ofSeconds(60)).until(condition);
  }

  @Test
  void deliversAndAcknowledgesThroughAnyReplica() throws Exception {
    for (int node = 0; node < 3; node++) {
      String topic = "t" + node;
      cluster.createTopic(topic, 1);
      publish(run(topic, 0, "a", "b", "c"));

      var consumer = TestConsumer.open(cluster.asyncStreams(node), consumer("c", "g", topic), 10);

      Delivery delivery = consumer.delivery();
      assertEquals(List.of("a", "b", "c"), bodies(delivery));
      assertEquals(List.of(0L, 1L, 2L), offsets(delivery));
      assertEquals(1, delivery.getAttempt());
      assertEquals(1, delivery.getStoreTimesMillisCount());
      assertTrue(delivery.getDeadlineMillis() > delivery.getStoreTimesMillis(0));
      consumer.ack(delivery);
      SettleReceipt receipt = consumer.receipt();
      assertEquals(1, receipt.getSequence());
      assertEquals(Code.OK, receipt.getResults(0).getCode());
      assertEquals(3, receipt.getResults(0).getMessages());
      publish(run(topic, 0, "more"));
      assertEquals(List.of("more"), bodies(consumer.delivery()));
    }
  }

  @Test
  void sendsNoMoreThanThereIsCreditFor() throws Exception {
    publishMany("t", 0, 0, 100);

    var consumer = open(0, "c", 30);

    List<Delivery> first = consumer.deliveries(30);
    assertEquals(30, cursor(0).leased());
    consumer.ack(first.get(0));
    assertEquals(Code.OK, consumer.receipt().getResults(0).getCode());
    assertEquals(0, consumer.waitingEvents());
    consumer.credit(1);
    assertEquals(List.of("m30"), bodies(consumer.delivery()));
    consumer.credit(500);
    assertEquals("m99", lastOf(bodies(consumer.deliveries(69))));
  }

  private static String lastOf(List<String> bodies) {
    return bodies.get(bodies.size() - 1);
  }

  @Test
  void twoConsumersShareWithoutDoubleDelivery() throws Exception {
    cluster.createTopic("wide", 4);
    for (int queue = 0; queue < 4; queue++) {
      publishMany("wide", queue, queue * 1_000, queue * 1_000 + 250);
    }
    var one =
        TestConsumer.open(
            cluster.asyncStreams(0), consumer("c1", "g", "wide").setMaxBatchMessages(10), 0);
    var two =
        TestConsumer.open(
            cluster.asyncStreams(1), consumer("c2", "g", "wide").setMaxBatchMessages(10), 0);

    one.credit(500);
    two.credit(500);
    List<String> ofOne = bodies(one.deliveries(500));
    List<String> ofTwo = bodies(two.deliveries(500));

    var all = new TreeSet<>(ofOne);
    all.addAll(ofTwo);
    assertEquals(1_000, all.size());
  }

  @Test
  void settlesByEveryKind() throws Exception {
    publishMany("t", 0, 0, 6);
    var consumer = open(0, "c", 6);
    Delivery delivery = consumer.delivery();
    assertEquals(6, messages(delivery));

    consumer.settle(
        settlement(SettlementKind.ACK, delivery).addOffsets(range(0, 1)),
        settlement(SettlementKind.NACK, delivery).addOffsets(range(1, 1)),
        settlement(SettlementKind.RELEASE, delivery).addOffsets(range(2, 1)),
        settlement(SettlementKind.DEAD_LETTER, delivery).addOffsets(range(3, 1)),
        settlement(SettlementKind.EXTEND, delivery).addOffsets(range(4, 1)).setMillis(5_000),
        settlement(SettlementKind.ACK, delivery).addOffsets(range(0, 1)),
        settlement(SettlementKind.ACK, delivery));

    SettleReceipt receipt = consumer.receipt();
    assertEquals(
        List.of(Code.OK, Code.OK, Code.OK, Code.OK, Code.OK, Code.LEASE_NOT_FOUND, Code.OK),
        receipt.getResultsList().stream().map(SettleReceipt.Result::getCode).toList());
    SettleReceipt.Result extended = receipt.getResults(4);
    assertTrue(!extended.getLease().equals(delivery.getLease()));
    assertTrue(extended.getDeadlineMillis() > 0);
    consumer.credit(2);
    List<Delivery> again = consumer.deliveries(2);
    var attempts = new ArrayList<String>();
    again.forEach(one -> attempts.add(bodies(one) + " " + one.getAttempt()));
    assertEquals(List.of("[m1] 2", "[m2] 1"), attempts.stream().sorted().toList());
    consumer.settle(settlement(SettlementKind.ACK, extended.getLease()));
    assertEquals(1, consumer.receipt().getResults(0).getMessages());
    var dead = TestConsumer.open(cluster.asyncStreams(2), consumer("c", "dead", "%DLQ%g"), 10);
    assertEquals(List.of("m3"), bodies(dead.delivery()));
  }

  private static OffsetRange.Builder range(long first, int count) {
    return OffsetRange.newBuilder().setFirst(first).setCount(count);
  }

  @Test
  void deliversAgainWhatExpired() throws Exception {
    publish(run("t", 0, "a"));
    var consumer =
        TestConsumer.open(
            cluster.asyncStreams(0), consumer("c", "g", "t").setInvisibleMillis(2_000), 5);
    Delivery first = consumer.delivery();

    cluster.group.passTime(2_000);
    cluster.group.apply(new Command.AdvanceTime());

    Delivery second = consumer.delivery();
    assertEquals(2, second.getAttempt());
    consumer.ack(first);
    assertEquals(Code.LEASE_NOT_FOUND, consumer.receipt().getResults(0).getCode());
    consumer.ack(second);
    assertEquals(Code.OK, consumer.receipt().getResults(0).getCode());
  }

  @Test
  void closeGivesBackWhatIsNotSettledAndCountsNoAttempt() throws Exception {
    publishMany("t", 0, 0, 3);
    for (int node = 0; node < 3; node++) {
      var consumer = open(node, "c" + node, 10);
      Delivery delivery = consumer.delivery();
      assertEquals(1, delivery.getAttempt());
      assertEquals(3 - node, messages(delivery));
      consumer.settle(settlement(SettlementKind.ACK, delivery).addOffsets(range(node, 1)));
      if (node == 1) {
        consumer.halfClose();
      } else {
        consumer.close();
      }
      assertEquals(1, consumer.receipt().getResults(0).getMessages());
      consumer.completed();
      assertEquals(0, cursor(0).leased());
    }
    assertEquals(0, cursor(0).batches());
  }

  @Test
  void aBrokenStreamEndsItsLeasesAfterAWhile() throws Exception {
    publishMany("t", 0, 0, 3);
    var broken = open(1, "c1", 10);
    assertEquals(3, messages(broken.delivery()));
    var other = open(2, "c2", 10);

    broken.cancel();
    eventually(() -> cluster.stats(0).openConsumers() == 1);
    assertEquals(3, cursor(0).leased());
    skippedNanos.addAndGet(Duration.ofSeconds(1).toNanos());

    Delivery again = other.delivery();
    assertEquals(List.of("m0", "m1", "m2"), bodies(again));
    assertEquals(2, again.getAttempt());
    assertEquals(1, cluster.stats(0).cutConsumers());
  }

  @Test
  void aClientThatComesBackInTimeGoesOnWithWhatItHolds() throws Exception {
    publishMany("t", 0, 0, 4);
    var consumer =
        TestConsumer.open(
            cluster.asyncStreams(1), consumer("c", "g", "t").setMaxBatchMessages(2), 10);
    Delivery held = consumer.delivery();
    Delivery forgotten = consumer.delivery();
    var lost = held.getLease().toBuilder().setOrdinal(77).build();
    consumer.cancel();
    eventually(() -> cluster.stats(0).openConsumers() == 0);

    var reopened =
        TestConsumer.start(
            cluster.asyncStreams(2),
            consumer("c", "g", "t").addHeld(held.getLease()).addHeld(lost));

    assertEquals(List.of(lost), reopened.opened().getLostList());
    reopened.credit(10);
    Delivery again = reopened.delivery();
    assertEquals(forgotten.getLease(), again.getLease());
    assertEquals(forgotten.getRecords(), again.getRecords());
    assertEquals(1, again.getAttempt());
    skippedNanos.addAndGet(Duration.ofSeconds(5).toNanos());
    reopened.ack(held);
    reopened.ack(again);
    assertEquals(2, reopened.receipt().getResults(0).getMessages());
    assertEquals(2, reopened.receipt().getResults(0).getMessages());
    assertEquals(0, cluster.stats(0).cutConsumers());
  }

  @Test
  void aClientThatComesBackIsNotHeldUpByOneThatWaits() throws Exception {
    publishMany("t", 0, 0, 2);
    var consumer = open(1, "c1", 10);
    Delivery delivery = consumer.delivery();
    open(2, "c2", 10);
    eventually(() -> cluster.stats(0).parkedConsumers() == 2);
    consumer.cancel();
    eventually(() -> cluster.stats(0).openConsumers() == 1);

    var reopened = open(1, "c1", 10);

    // No queue has anything, and whoever waits longer is owed nothing.
    assertEquals(delivery.getLease(), reopened.delivery().getLease());
  }

  @Test
  void whatAStreamWasStillOwedIsOwedToTheOneThatTakesOver() throws Exception {
    publishMany("t", 0, 0, 2);
    var consumer = open(1, "c", 10);
    Delivery delivery = consumer.delivery();
    consumer.cancel();
    eventually(() -> cluster.stats(0).openConsumers() == 0);
    var withoutCredit = open(2, "c", 0);

    var newer = open(1, "c", 10);

    assertEquals(Code.PRECONDITION_FAILED, withoutCredit.error().getCode());
    assertEquals(delivery.getLease(), newer.delivery().getLease());
  }

  @Test
  void theNewerOfTwoStreamsOfAClientTakesOver() throws Exception {
    publishMany("t", 0, 0, 2);
    var older = open(1, "c", 10);
    Delivery delivery = older.delivery();

    var newer = open(2, "c", 10);

    assertEquals(Code.PRECONDITION_FAILED, older.error().getCode());
    Delivery again = newer.delivery();
    assertEquals(delivery.getLease(), again.getLease());
    newer.ack(again);
    assertEquals(2, newer.receipt().getResults(0).getMessages());
    publish(run("t", 0, "next"));
    assertEquals(List.of("next"), bodies(newer.delivery()));
  }

  private static OpenConsumer.Builder numbered(long consumerId, int stream) {
    return consumer("c", "g", "t").setConsumerId(consumerId).setStreamNumber(stream);
  }

  @Test
  void theLaterOfTwoStreamsOfAConsumerGoesOnIfItArrivesFirst() throws Exception {
    var later = TestConsumer.open(cluster.asyncStreams(1), numbered(7, 2), 10);

    var late = TestConsumer.start(cluster.asyncStreams(2), numbered(7, 1));

    assertEquals(Code.PRECONDITION_FAILED, late.error().getCode());
    publish(run("t", 0, "a"));
    assertEquals(List.of("a"), bodies(later.delivery()));
  }

  @Test
  void aNewConsumerTakesOverFromTheStreamOfAnotherWithItsClientId() throws Exception {
    var dead = TestConsumer.open(cluster.asyncStreams(1), numbered(7, 2), 10);

    var newer = TestConsumer.open(cluster.asyncStreams(2), numbered(8, 1), 10);

    assertEquals(Code.PRECONDITION_FAILED, dead.error().getCode());
    publish(run("t", 0, "a"));
    assertEquals(List.of("a"), bodies(newer.delivery()));
  }

  @Test
  void renewsLeasesOfAStreamThatLives() throws Exception {
    publish(run("t", 0, "a"));
    var consumer =
        TestConsumer.open(
            cluster.asyncStreams(1),
            consumer("c", "g", "t").setInvisibleMillis(10_000).setRenew(true),
            5);
    Delivery delivery = consumer.delivery();

    for (int i = 1; i <= 4; i++) {
      long renewals = i;
      cluster.group.passTime(5_000);
      skippedNanos.addAndGet(Duration.ofSeconds(5).toNanos());
      eventually(() -> cluster.stats(0).renewals() >= renewals);
      cluster.group.apply(new Command.AdvanceTime());
    }

    assertEquals(0, consumer.waitingEvents());
    consumer.ack(delivery);
    assertEquals(Code.OK, consumer.receipt().getResults(0).getCode());
  }
}
