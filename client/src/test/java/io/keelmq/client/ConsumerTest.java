package io.keelmq.client;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.testing.FakeConsumers.Fate;
import io.keelmq.v1.Code;
import io.keelmq.v1.LeaseRef;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ConsumerTest extends ConsumerFixture {
  @Test
  void receivesWithAllThatIsKnownOfAMessage() throws Exception {
    try (Producer producer = client.producer().open()) {
      producer.sendSync(
          OutgoingMessage.builder("orders").queue(1).key("k").tag("t").body("one").build());
    }
    try (Consumer consumer =
        consumer().tags("t||u").invisibleDuration(Duration.ofMinutes(1)).open()) {
      ConsumedMessage message = receiveOne(consumer);

      assertEquals("one", message.bodyText());
      assertEquals(List.of("k"), message.keys());
      assertEquals(1, message.queue());
      assertEquals(0, message.offset());
      assertEquals(1, message.attempt());
      assertEquals(1_000, message.storeTime().toEpochMilli());
      assertEquals(2_000_000, message.deadline().toEpochMilli());
      message.ack().get(60, TimeUnit.SECONDS);
      assertEquals(1, group.consumers.leases.acknowledged());
    }
    var open = group.consumers.opens.get(0);
    assertEquals("t||u", open.getTags());
    assertEquals(60_000, open.getInvisibleMillis());
    assertTrue(open.getRenew());
  }

  @Test
  void mergesAcksIntoFewRequests() throws Exception {
    fill(1_000);
    try (Consumer consumer = consumer().open()) {
      var acks = new ArrayList<CompletableFuture<Void>>();
      for (int received = 0; received < 1_000; ) {
        List<ConsumedMessage> batch = consumer.receive(200, LONG);
        received += batch.size();
        batch.forEach(message -> acks.add(message.ack()));
      }
      for (var ack : acks) {
        ack.get(60, TimeUnit.SECONDS);
      }

      assertEquals(1_000, group.consumers.leases.acknowledged());
      assertTrue(
          group.consumers.settles.size() < 500, "requests: " + group.consumers.settles.size());
      ConsumerStats stats = consumer.stats();
      assertEquals(1_000, stats.acknowledgedMessages());
      assertEquals(0, stats.heldMessages());
      assertEquals(0, stats.heldBytes());
    }
  }

  @Test
  void neverHasMoreThanItsCredit() throws Exception {
    fill(500);
    group.consumers.limit = 40;
    try (Consumer consumer = consumer().maxInFlight(40).open()) {
      await().atMost(LONG).until(() -> consumer.stats().heldMessages() == 40);
      assertEquals(0, consumer.stats().credit());
      for (int received = 0; received < 500; ) {
        List<ConsumedMessage> batch = consumer.receive(7, LONG);
        received += batch.size();
        batch.forEach(ConsumedMessage::ack);
      }
      await().atMost(LONG).until(() -> group.consumers.leases.acknowledged() == 500);
      // Less than an eighth is not worth a request.
      await().atMost(LONG).until(() -> consumer.stats().credit() > 35);
    }

    // As the broker counted: the two figures of the client are not read in one moment.
    assertEquals(40, group.consumers.mostOutstanding);
  }

  @Test
  void readsNothingMoreThanItsBytes() {
    byte[] body = new byte[16 << 10];
    try (Producer producer = client.producer().open()) {
      for (int i = 0; i < 400; i++) {
        producer.send(OutgoingMessage.builder("orders").queue(0).body(body).build());
      }
      assertTrue(producer.flush(LONG));
    }
    try (Consumer consumer = consumer().maxInFlight(400).maxInFlightBytes(128 << 10).open()) {
      long most = 0;
      for (int received = 0; received < 400; ) {
        List<ConsumedMessage> batch = consumer.receive(5, LONG);
        received += batch.size();
        most = Math.max(most, consumer.stats().heldBytes());
        batch.forEach(ConsumedMessage::ack);
      }

      long delivery = 64L * (body.length + 200);
      long bound = (128 << 10) + (ConsumeStream.RESPONSES_ASKED_FOR + 1) * delivery;
      assertTrue(most <= bound, most + " of " + bound);
    }
  }

  @Test
  void extendsALeaseAndSettlesUnderItsNewName() throws Exception {
    fill(1, "a", "b", "c");
    try (Consumer consumer = consumer().open()) {
      var received = new ArrayList<ConsumedMessage>();
      while (received.size() < 3) {
        received.addAll(consumer.receive(3, LONG));
      }
      ConsumedMessage middle = received.get(1);
      LeaseRef before = middle.lease().ref();
      var extended = middle.extend(Duration.ofSeconds(20));
      // Waits for the extension, which divides the lease.
      var ack = middle.ack();

      assertEquals(1_020_000, extended.get(60, TimeUnit.SECONDS).toEpochMilli());
      ack.get(60, TimeUnit.SECONDS);
      received.get(0).ack().get(60, TimeUnit.SECONDS);
      received.get(2).ack().get(60, TimeUnit.SECONDS);
      assertEquals(3, group.consumers.leases.acknowledged());
      assertFalse(before.equals(middle.lease().ref()));
      assertThrows(
          ExecutionException.class,
          () -> middle.extend(Duration.ofSeconds(20)).get(60, TimeUnit.SECONDS));
    }
  }

  @Test
  void countsTheFirstDecision() throws Exception {
    fill(1);
    try (Consumer consumer = consumer().open()) {
      ConsumedMessage message = receiveOne(consumer);

      assertEquals(message.ack(), message.ack());
      var failure =
          assertThrows(
              ExecutionException.class,
              () -> message.nack(Duration.ZERO).get(60, TimeUnit.SECONDS));
      assertInstanceOf(IllegalStateException.class, failure.getCause());
      message.ack().get(60, TimeUnit.SECONDS);
      assertEquals(1, group.consumers.leases.acknowledged());
    }
  }

  @Test
  void completesEveryFutureWhenItIsClosed() throws Exception {
    fill(10);
    Consumer consumer = consumer().closeTimeout(Duration.ofMillis(300)).open();
    var received = new ArrayList<ConsumedMessage>();
    while (received.size() < 10) {
      received.addAll(consumer.receive(10, LONG));
    }
    group.consumers.fates = (replica, settle) -> Fate.FROZEN;
    CompletableFuture<Void> sent = received.get(0).ack();
    await().atMost(LONG).until(() -> !group.consumers.settles.isEmpty());

    consumer.close();

    var failure = assertThrows(ExecutionException.class, () -> sent.get(60, TimeUnit.SECONDS));
    assertInstanceOf(OutcomeUnknown.class, failure.getCause());
    var late =
        assertThrows(
            ExecutionException.class, () -> received.get(1).ack().get(60, TimeUnit.SECONDS));
    assertInstanceOf(ClientClosed.class, late.getCause());
    assertThrows(ClientClosed.class, () -> consumer.receive(1, Duration.ZERO));
  }

  @Test
  void completesEveryFutureOfAcksThatRaceWithTheClose() throws Exception {
    int acknowledged = 0;
    for (int round = 0; round < 20; round++) {
      fill(200);
      Consumer consumer = consumer().maxInFlight(200).open();
      var received = new ArrayList<ConsumedMessage>();
      while (received.size() < 200) {
        received.addAll(consumer.receive(200, LONG));
      }

      var closing = CompletableFuture.runAsync(consumer::close);
      var acks = new ArrayList<CompletableFuture<Void>>();
      for (ConsumedMessage message : received) {
        acks.add(message.ack());
      }
      closing.get(60, TimeUnit.SECONDS);

      for (CompletableFuture<Void> ack : acks) {
        try {
          ack.get(60, TimeUnit.SECONDS);
          acknowledged++;
        } catch (ExecutionException e) {
          assertInstanceOf(ClientClosed.class, e.getCause());
        }
      }
      assertEquals(acknowledged, group.consumers.leases.acknowledged());
      // What was given back is not to be in the way of the next round.
      try (Consumer rest = consumer().open()) {
        while (acknowledged < 200 * (round + 1)) {
          for (ConsumedMessage message : rest.receive(200, LONG)) {
            message.ack().get(60, TimeUnit.SECONDS);
            acknowledged++;
          }
        }
      }
    }
  }

  // A consumer that settles nothing and does not renew must not stand still for ever.
  @Test
  void makesRoomForOthersWhenLeasesThatNobodyRenewsHaveEnded() throws Exception {
    fill(40);
    try (Consumer consumer =
        consumer().maxInFlight(10).renew(false).invisibleDuration(Duration.ofSeconds(1)).open()) {
      var received = new ArrayList<ConsumedMessage>();
      while (received.size() < 40) {
        var more = consumer.receive(10, LONG);
        assertFalse(more.isEmpty(), () -> "stands still after " + received.size());
        received.addAll(more);
      }
      assertTrue(
          group.consumers.leases.leased(consumer.clientId()) <= 40, "the broker counts them all");
      await().atMost(LONG).until(() -> consumer.stats().heldMessages() == 0);

      // Nobody else was given the message, so the late decision holds, and counts for no room.
      received.get(0).ack().get(60, TimeUnit.SECONDS);
      assertEquals(1, group.consumers.leases.acknowledged());
      assertEquals(0, consumer.stats().heldMessages());
      var late =
          assertThrows(
              ExecutionException.class,
              () -> received.get(1).extend(Duration.ofSeconds(5)).get(60, TimeUnit.SECONDS));
      assertInstanceOf(LeaseLost.class, late.getCause());
    }
  }

  @Test
  void abandonsWithoutGivingBack() throws Exception {
    fill(1);
    Consumer consumer = consumer().open();
    receiveOne(consumer);

    consumer.abandon();

    await().atMost(LONG).until(() -> group.consumers.openStreams() == 0);
    assertEquals(List.of(), group.consumers.closed);
    assertEquals(1, group.consumers.leases.leased(consumer.clientId()));
  }

  @Test
  void refusesAtOnceWhatCannotBe() {
    group.consumers.refusal = Code.CONSUMER_GROUP_KIND_CONFLICT;

    var failure = assertThrows(RequestRejected.class, () -> consumer().open());

    assertEquals(Code.CONSUMER_GROUP_KIND_CONFLICT, failure.code());
    assertThrows(IllegalStateException.class, () -> client.consumer().group("g").open());
    assertThrows(RequestRejected.class, () -> client.consumer().group("g").topic("none").open());
    assertThrows(
        IllegalArgumentException.class,
        () -> client.consumer().invisibleDuration(Duration.ofMillis(10)));
    assertThrows(IllegalArgumentException.class, () -> client.consumer().maxInFlight(0));
    assertThrows(IllegalArgumentException.class, () -> Verdict.nack(Duration.ofHours(13)));
  }

  @Test
  void tellsWhatRetentionTook() throws Exception {
    var lost = new CompletableFuture<MessagesTrimmed>();
    try (Consumer consumer = consumer().onTrimmed(lost::complete).open()) {
      group.consumers.say(Deliveries.trimmed(1, 5, 9));

      MessagesTrimmed range = lost.get(60, TimeUnit.SECONDS);
      assertEquals(1, range.queue());
      assertEquals(5, range.fromOffset());
      assertEquals(9, range.toOffset());
      assertEquals(4, consumer.stats().trimmedMessages());
    }
  }
}
