package io.keelmq.client;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.testing.FakeConsumers.Fate;
import io.keelmq.v1.Code;
import io.keelmq.v1.LeaseRef;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ConsumerFaultsTest extends ConsumerFixture {
  // Goal: every message is worked on and acknowledged, and only leases that were really lost cost a
  // second delivery. Method: faults at Settles drawn from a seed, leader changes and broken streams
  // among them; the fake notes every credit too many.
  @Test
  void acknowledgesEachThroughFaults() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("ConsumerTest.acknowledgesEachThroughFaults -Dseed=" + seed);
    var random = new Random(seed);
    var faults = new AtomicInteger(60);
    Fate[] all = {Fate.STORED_AND_BROKEN, Fate.LOST_AND_BROKEN, Fate.HALF_TOO_MANY, Fate.NO_LEADER};
    group.consumers.limit = 20;
    group.consumers.fates =
        (replica, settle) -> {
          synchronized (random) {
            if (random.nextInt(3) != 0 || faults.get() <= 0) {
              return Fate.STORED;
            }
            faults.decrementAndGet();
            if (random.nextInt(4) == 0) {
              group.lead(random.nextInt(3));
            }
            return all[random.nextInt(all.length)];
          }
        };
    fill(6_000);
    var seen = ConcurrentHashMap.<String>newKeySet();
    var deliveries = new AtomicInteger();

    try (Consumer consumer =
        consumer()
            .maxInFlight(20)
            .concurrency(4)
            .listener(
                message -> {
                  seen.add(message.toString());
                  deliveries.incrementAndGet();
                  return Verdict.ACK;
                })
            .open()) {
      await()
          .atMost(Duration.ofMinutes(2))
          .until(() -> group.consumers.leases.acknowledged() == 6_000);
      System.out.println(consumer.stats());
      assertEquals(0, consumer.stats().lostMessages());
    }

    assertTrue(faults.get() <= 0, "all faults happened, left: " + faults);
    assertEquals(6_000, seen.size());
    assertEquals(6_000, deliveries.get());
  }

  @Test
  void namesTheLeasesItHoldsToTheNextLeader() throws Exception {
    fill(20);
    try (Consumer consumer = consumer().maxInFlight(20).clientId("worker-7").open()) {
      var received = new ArrayList<ConsumedMessage>();
      while (received.size() < 20) {
        received.addAll(consumer.receive(20, LONG));
      }
      group.lead(1);
      await().atMost(LONG).until(() -> group.consumers.opens.size() >= 2);
      for (ConsumedMessage message : received) {
        message.ack().get(60, TimeUnit.SECONDS);
      }

      var again = group.consumers.opens.get(1);
      assertEquals("worker-7", again.getClientId());
      assertEquals(
          received.stream().map(message -> message.lease().ref()).distinct().count(),
          again.getHeldCount());
      assertEquals(20, group.consumers.leases.acknowledged());
      assertEquals(20, consumer.stats().deliveredMessages());
    }
  }

  @Test
  void endsAcksOfLostLeasesInLeaseLost() throws Exception {
    fill(10);
    try (Consumer consumer = consumer().maxInFlight(10).open()) {
      var received = new ArrayList<ConsumedMessage>();
      while (received.size() < 10) {
        received.addAll(consumer.receive(10, LONG));
      }
      group.consumers.paused = true;
      group.consumers.leases.expireAll();
      group.breakStreams();
      await().atMost(LONG).until(() -> consumer.stats().lostMessages() == 10);

      assertLeaseLost(received.get(3).ack());
      assertLeaseLost(received.get(4).extend(Duration.ofSeconds(5)));

      group.consumers.paused = false;
      group.consumers.deliver();
      ConsumedMessage second = receiveOne(consumer);
      assertEquals(2, second.attempt());
      second.ack().get(60, TimeUnit.SECONDS);
      assertTrue(consumer.stats().redeliveredMessages() > 0);
    }
  }

  @Test
  void endsAnAckWhoseLeaseHasPassedInLeaseLost() throws Exception {
    fill(1);
    try (Consumer consumer = consumer().open()) {
      ConsumedMessage message = receiveOne(consumer);
      group.consumers.leases.expireAll();

      assertLeaseLost(message.ack());
      assertEquals(1, consumer.stats().lostMessages());
    }
  }

  @Test
  void doesNotGuessWhatBecameOfAnAckBehindABrokenStream() throws Exception {
    fill(1);
    group.consumers.fates = (replica, settle) -> Fate.STORED_AND_BROKEN;
    try (Consumer consumer = consumer().open()) {
      ConsumedMessage message = receiveOne(consumer);
      group.consumers.fates = new StoredAndBrokenOnce();

      var failure =
          assertThrows(ExecutionException.class, () -> message.ack().get(60, TimeUnit.SECONDS));

      assertInstanceOf(OutcomeUnknown.class, failure.getCause());
      assertEquals(1, group.consumers.leases.acknowledged());
    }
  }

  // The next leader may go on with a lease that has ended here, and deliver it again.
  @Test
  void knowsWhatItWasDeliveredWhenTheLeaseHasEndedHereAndNotThere() throws Exception {
    fill(1);
    try (Consumer consumer =
        consumer().renew(false).invisibleDuration(Duration.ofSeconds(1)).open()) {
      ConsumedMessage message = receiveOne(consumer);
      await().atMost(LONG).until(() -> consumer.stats().heldMessages() == 0);
      group.breakStreams();
      await().atMost(LONG).until(() -> group.consumers.opens.size() >= 2);
      assertEquals(List.of(message.lease().ref()), group.consumers.opens.get(1).getHeldList());

      message.ack().get(60, TimeUnit.SECONDS);
      group.consumers.say(
          Deliveries.of(message.lease().ref(), message.offset(), message.message()));
      await().atMost(LONG).until(() -> consumer.stats().duplicateMessages() == 1);

      assertEquals(List.of(), consumer.receive(1, Duration.ZERO));
    }
  }

  @Test
  void dropsDeliveriesThatItHas() throws Exception {
    fill(3);
    group.consumers.limit = 10;
    try (Consumer consumer = consumer().maxInFlight(10).open()) {
      var received = new ArrayList<ConsumedMessage>();
      while (received.size() < 3) {
        received.addAll(consumer.receive(3, LONG));
      }
      ConsumedMessage first = received.get(0);
      group.consumers.say(Deliveries.of(first.lease().ref(), first.offset(), first.message()));
      await().atMost(LONG).until(() -> consumer.stats().duplicateMessages() == 1);

      assertEquals(List.of(), consumer.receive(1, Duration.ZERO));
      for (ConsumedMessage message : received) {
        message.ack().get(60, TimeUnit.SECONDS);
      }
      assertEquals(3, group.consumers.leases.acknowledged());
      assertEquals(0, consumer.stats().heldMessages());
      // The credit of what was dropped is given again.
      await().atMost(LONG).until(() -> consumer.stats().credit() == 10);
    }
  }

  @Test
  void leavesAReplicaThatBreaksTheProtocol() throws Exception {
    fill(1);
    LeaseRef lease = LeaseRef.newBuilder().setOrdinal(9_999).build();
    var message = io.keelmq.v1.Message.getDefaultInstance();
    var wrong =
        List.of(
            // More than there is credit for.
            Deliveries.of(lease, 0, message, message, message, message, message),
            // Offsets that fall.
            Deliveries.ranges(lease, List.of(5L, 4L), message, message),
            // Fewer messages than offsets, more than offsets.
            Deliveries.ranges(lease, List.of(5L, 6L), message),
            Deliveries.ranges(lease, List.of(5L), message, message),
            Deliveries.cutOff(lease),
            Deliveries.withoutAttempt(lease),
            Deliveries.empty(lease),
            Deliveries.receipt(77),
            Deliveries.openedAgain());
    group.consumers.paused = true;
    try (Consumer consumer = consumer().maxInFlight(4).open()) {
      int streams = 1;
      for (var event : wrong) {
        await().atMost(LONG).until(() -> group.consumers.openStreams() == 1);
        await().atMost(LONG).until(() -> consumer.stats().credit() == 4);
        group.consumers.say(event);
        int opened = ++streams;
        await("after " + event).atMost(LONG).until(() -> group.consumers.opens.size() == opened);
      }
      group.consumers.paused = false;
      group.consumers.deliver();
      receiveOne(consumer).ack().get(60, TimeUnit.SECONDS);
      assertEquals(1, consumer.stats().deliveredMessages());
    }
  }

  @Test
  void leavesAReplicaThatAnswersAnAckWithSomethingElse() throws Exception {
    fill(1);
    var first = new AtomicInteger();
    group.consumers.fates =
        (replica, settle) -> first.getAndIncrement() == 0 ? Fate.WRONG_RECEIPT : Fate.STORED;
    try (Consumer consumer = consumer().open()) {
      receiveOne(consumer).ack().get(60, TimeUnit.SECONDS);

      assertEquals(2, group.consumers.opens.size());
    }
  }

  @Test
  void leavesAReplicaThatFallsSilent() throws Exception {
    fill(1);
    var first = new AtomicInteger();
    group.consumers.fates =
        (replica, settle) -> first.getAndIncrement() == 0 ? Fate.FROZEN : Fate.STORED;
    try (Consumer consumer = consumer().open()) {
      receiveOne(consumer).ack().get(60, TimeUnit.SECONDS);

      assertEquals(1, group.consumers.leases.acknowledged());
    }
  }

  @Test
  void endsWhenItsTopicIsGone() throws Exception {
    fill(1);
    try (Consumer consumer = consumer().open()) {
      ConsumedMessage message = receiveOne(consumer);
      group.consumers.refuseAll(Code.TOPIC_NOT_FOUND);

      var failure =
          assertThrows(ExecutionException.class, () -> consumer.ended().get(60, TimeUnit.SECONDS));
      assertInstanceOf(RequestRejected.class, failure.getCause());
      assertThrows(RequestRejected.class, () -> consumer.receive(1, Duration.ZERO));
      assertThrows(ExecutionException.class, () -> message.ack().get(60, TimeUnit.SECONDS));
    }
  }

  /** The first Settle is stored and its answer lost. */
  private static final class StoredAndBrokenOnce
      implements io.keelmq.client.testing.FakeConsumers.Fates {
    private final AtomicInteger settles = new AtomicInteger();

    @Override
    public Fate of(int replica, io.keelmq.v1.Settle settle) {
      return settles.getAndIncrement() == 0 ? Fate.STORED_AND_BROKEN : Fate.STORED;
    }
  }
}
