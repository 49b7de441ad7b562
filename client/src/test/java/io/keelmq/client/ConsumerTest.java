package io.keelmq.client;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.testing.FakeConsumers.Fate;
import io.keelmq.client.testing.FakeGroup;
import io.keelmq.v1.Code;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.SettlementKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ConsumerTest {

  private static final Duration LONG = Duration.ofSeconds(60);

  private FakeGroup group;
  private KeelClient client;

  @BeforeEach
  void start() throws Exception {
    group = new FakeGroup().withTopic("orders", 2);
    client = KeelClient.connect(group.nameServer.address());
  }

  @AfterEach
  void stop() {
    client.close();
    group.close();
    assertEquals(List.of(), group.consumers.breaches);
  }

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
        assertTrue(consumer.stats().heldMessages() + consumer.stats().credit() <= 40);
      }
      await().atMost(LONG).until(() -> group.consumers.leases.acknowledged() == 500);
      // Less than an eighth is not worth a request.
      await().atMost(LONG).until(() -> consumer.stats().credit() > 35);
    }

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
  void deliversAFifoGroupInOrderAndOthersInParallel() throws Exception {
    group.consumers.leases.fifo = true;
    int groups = 6;
    int each = 60;
    try (Producer producer = client.producer().open()) {
      for (int i = 0; i < each; i++) {
        for (int g = 0; g < groups; g++) {
          producer.send(
              OutgoingMessage.builder("orders").messageGroup("g" + g).body(g + "/" + i).build());
        }
      }
      assertTrue(producer.flush(LONG));
    }
    var done = new ConcurrentHashMap<String, List<Integer>>();
    Set<String> running = ConcurrentHashMap.newKeySet();
    var together = new AtomicInteger();
    var most = new AtomicInteger();
    var failures = new AtomicInteger();

    try (Consumer consumer =
        consumer()
            .concurrency(4)
            .backoff(Duration.ZERO, Duration.ZERO)
            .listener(
                message -> {
                  assertTrue(running.add(message.messageGroup()), "two of one message group");
                  try {
                    most.accumulateAndGet(together.incrementAndGet(), Math::max);
                    int number = Integer.parseInt(message.bodyText().split("/", 2)[1]);
                    if (number % 7 == 3 && message.attempt() == 1) {
                      failures.incrementAndGet();
                      throw new IllegalStateException("not this time");
                    }
                    done.computeIfAbsent(message.messageGroup(), g -> new ArrayList<>())
                        .add(number);
                    return Verdict.ACK;
                  } finally {
                    together.decrementAndGet();
                    running.remove(message.messageGroup());
                  }
                })
            .open()) {
      await()
          .atMost(LONG)
          .until(
              () -> {
                group.consumers.deliver();
                return group.consumers.leases.acknowledged() == groups * each;
              });
      assertEquals(failures.get(), consumer.stats().nackedMessages());
      assertEquals(failures.get(), consumer.stats().listenerFailures());
    }

    for (List<Integer> numbers : done.values()) {
      assertEquals(numbers.stream().sorted().distinct().toList(), numbers);
      assertEquals(each, numbers.size());
    }
    assertEquals(groups, done.size());
    assertTrue(failures.get() >= groups, "failures: " + failures);
    System.out.println("at once: " + most);
  }

  @Test
  void aNackTakesTheRestOfItsMessageGroupAlong() throws Exception {
    group.consumers.leases.fifo = true;
    try (Producer producer = client.producer().open()) {
      for (String body : List.of("a", "b", "c", "d")) {
        producer.sendSync(
            OutgoingMessage.builder("orders").messageGroup("g").queue(0).body(body).build());
      }
    }
    try (Consumer consumer = consumer().open()) {
      List<ConsumedMessage> received = consumer.receive(4, LONG);
      assertEquals(4, received.size());
      group.consumers.paused = true;

      received.get(0).ack().get(60, TimeUnit.SECONDS);
      received.get(1).nack(Duration.ofSeconds(9)).get(60, TimeUnit.SECONDS);
      assertLeaseLost(received.get(2).ack());
      assertLeaseLost(received.get(3).nack(Duration.ZERO));

      assertEquals(List.of(9_000L), group.consumers.leases.nackMillis());
      assertEquals(2, consumer.stats().returnedMessages());
      assertEquals(0, consumer.stats().heldMessages());
      group.consumers.paused = false;
      var again = new ArrayList<String>();
      while (again.size() < 3) {
        group.consumers.deliver();
        for (ConsumedMessage message : consumer.receive(3, Duration.ofMillis(100))) {
          again.add(message.bodyText() + message.attempt());
          message.ack().get(60, TimeUnit.SECONDS);
        }
      }
      assertEquals(List.of("b2", "c1", "d1"), again);
    }
  }

  // Goal: nothing of a message group is begun behind one that failed, however the threads run.
  // Method: deliveries of several messages whose first one fails at once, many times over, so that
  // the listener is done with it while the others are still being put in.
  @Test
  void beginsNothingBehindAFailedMessage() throws Exception {
    group.consumers.leases.fifo = true;
    int groups = 200;
    try (Producer producer = client.producer().open()) {
      for (int g = 0; g < groups; g++) {
        for (int i = 0; i < 5; i++) {
          producer.send(
              OutgoingMessage.builder("orders").messageGroup("g" + g).body("" + i).build());
        }
      }
      assertTrue(producer.flush(LONG));
    }
    var next = new ConcurrentHashMap<String, Integer>();
    var outOfOrder = new AtomicInteger();
    try (Consumer consumer =
        consumer()
            .concurrency(8)
            .backoff(Duration.ZERO, Duration.ZERO)
            .listener(
                message -> {
                  int number = Integer.parseInt(message.bodyText());
                  int expected = next.getOrDefault(message.messageGroup(), 0);
                  if (number != expected) {
                    outOfOrder.incrementAndGet();
                  }
                  if (message.attempt() <= 2) {
                    return null;
                  }
                  next.put(message.messageGroup(), number + 1);
                  return Verdict.ACK;
                })
            .open()) {
      await()
          .atMost(LONG)
          .until(
              () -> {
                group.consumers.deliver();
                return group.consumers.leases.acknowledged() == groups * 5;
              });
      assertEquals(0, outOfOrder.get());
      assertEquals(0, consumer.stats().heldMessages());
    }
  }

  @Test
  void receivesNothingBehindAMessageThatWasGivenBack() throws Exception {
    group.consumers.leases.fifo = true;
    group.consumers.paused = true;
    try (Producer producer = client.producer().open()) {
      for (String body : List.of("a", "b", "c")) {
        producer.sendSync(
            OutgoingMessage.builder("orders").messageGroup("g").queue(0).body(body).build());
      }
    }
    try (Consumer consumer = consumer().open()) {
      for (int round = 1; round <= 50; round++) {
        group.consumers.paused = false;
        group.consumers.deliver();
        ConsumedMessage first = receiveOne(consumer);
        assertEquals("a", first.bodyText());
        group.consumers.paused = true;

        CompletableFuture<Void> nack = first.nack(Duration.ZERO);

        assertEquals(List.of(), consumer.receive(3, Duration.ZERO));
        nack.get(60, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void turnsVerdictsIntoSettlements() throws Exception {
    fill(1, "ack", "nack", "dead", "throw", "null");
    try (Consumer consumer =
        consumer()
            .backoff(Duration.ofSeconds(2), Duration.ofSeconds(3))
            .listener(
                message -> {
                  if (message.attempt() == 3) {
                    return Verdict.ACK;
                  }
                  return switch (message.bodyText()) {
                    case "ack" -> Verdict.ACK;
                    case "nack" -> Verdict.nack(Duration.ofSeconds(7));
                    case "dead" -> Verdict.deadLetter();
                    case "throw" -> throw new java.io.IOException("on purpose");
                    default -> null;
                  };
                })
            .open()) {
      await()
          .atMost(LONG)
          .until(
              () -> {
                group.consumers.deliver();
                return group.consumers.leases.acknowledged() == 4;
              });

      assertEquals(List.of("dead"), group.consumers.leases.deadLetters());
      var delays = new ArrayList<>(group.consumers.leases.nackMillis());
      delays.sort(null);
      // Two attempts each: the backoff is 2 s, then 3 s at the most.
      assertEquals(List.of(2_000L, 2_000L, 3_000L, 3_000L, 7_000L, 7_000L), delays);
      assertEquals(4, consumer.stats().listenerFailures());
      await().atMost(LONG).until(() -> consumer.stats().deadLetteredMessages() == 1);
    }
  }

  @Test
  void survivesAnErrorOfTheListener() throws Exception {
    fill(2);
    var first = new AtomicInteger();
    try (Consumer consumer =
        consumer()
            .listener(
                message -> {
                  if (first.getAndIncrement() == 0) {
                    throw new StackOverflowError("on purpose");
                  }
                  return Verdict.ACK;
                })
            .open()) {
      // The error goes on to the thread's own end, which is what this is about.
      await()
          .dontCatchUncaughtExceptions()
          .atMost(LONG)
          .until(
              () -> {
                group.consumers.deliver();
                return group.consumers.leases.acknowledged() == 2;
              });
      assertEquals(1, consumer.stats().nackedMessages());
    }
  }

  @Test
  void closesInOrderWithAListenerAtWork() throws Exception {
    fill(50);
    var began = new CompletableFuture<Void>();
    var mayEnd = new CompletableFuture<Void>();
    Consumer consumer =
        consumer()
            .closeTimeout(LONG)
            .listener(
                message -> {
                  began.complete(null);
                  mayEnd.get(60, TimeUnit.SECONDS);
                  return Verdict.ACK;
                })
            .open();
    began.get(60, TimeUnit.SECONDS);
    await().atMost(LONG).until(() -> consumer.stats().heldMessages() == 50);

    var closing = new Thread(consumer::close);
    closing.start();
    // It waits for the listener, and gives out nothing more.
    await().atMost(LONG).until(() -> closing.getState() == Thread.State.TIMED_WAITING);
    mayEnd.complete(null);
    closing.join(60_000);

    // The one that was worked on is done, the others are with the group again as no attempt.
    assertTrue(consumer.ended().isDone());
    assertEquals(List.of(consumer.clientId()), group.consumers.closed);
    assertEquals(1, group.consumers.leases.acknowledged());
    try (Consumer next = consumer().open()) {
      assertEquals(1, receiveOne(next).attempt());
    }
  }

  @Test
  void interruptsAListenerThatDoesNotEnd() throws Exception {
    fill(1);
    var began = new CompletableFuture<ConsumedMessage>();
    var interrupted = new CompletableFuture<Void>();
    Consumer consumer =
        consumer()
            .closeTimeout(Duration.ofMillis(200))
            .listener(
                message -> {
                  began.complete(message);
                  try {
                    new CompletableFuture<Void>().get();
                  } catch (InterruptedException e) {
                    interrupted.complete(null);
                    throw e;
                  }
                  return Verdict.ACK;
                })
            .open();
    ConsumedMessage message = began.get(60, TimeUnit.SECONDS);

    consumer.close();

    interrupted.get(60, TimeUnit.SECONDS);
    var late =
        assertThrows(ExecutionException.class, () -> message.ack().get(60, TimeUnit.SECONDS));
    assertInstanceOf(ClientClosed.class, late.getCause());
    assertEquals(0, group.consumers.leases.acknowledged());
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
  void releasesWhatWaitedLongerThanItsLease() throws Exception {
    fill(1, "a", "b");
    var second = new AtomicInteger();
    try (Consumer consumer =
        consumer()
            .renew(false)
            .invisibleDuration(Duration.ofSeconds(1))
            .listener(
                message -> {
                  if (message.bodyText().equals("b")) {
                    second.incrementAndGet();
                    return Verdict.ACK;
                  }
                  group.consumers.paused = true;
                  // Longer than b's lease, which waits behind it.
                  long began = System.nanoTime();
                  await()
                      .atMost(LONG)
                      .until(
                          () -> System.nanoTime() - began > TimeUnit.MILLISECONDS.toNanos(1_100));
                  return Verdict.ACK;
                })
            .open()) {
      await()
          .atMost(LONG)
          .until(
              () ->
                  group.consumers.settles.stream()
                      .flatMap(settle -> settle.getSettlementsList().stream())
                      .anyMatch(each -> each.getKind() == SettlementKind.RELEASE));
      assertEquals(0, second.get());
      assertEquals(1, consumer.stats().acknowledgedMessages());
      group.consumers.paused = false;
      await()
          .atMost(LONG)
          .until(
              () -> {
                group.consumers.deliver();
                return second.get() == 1;
              });
    }
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

  @Test
  void closesFromTheListenerOnlyInAnotherThread() throws Exception {
    fill(1);
    var self = new CompletableFuture<Consumer>();
    var refused = new CompletableFuture<Void>();
    try (Consumer consumer =
        consumer()
            .listener(
                message -> {
                  assertThrows(
                      IllegalStateException.class, () -> self.get(60, TimeUnit.SECONDS).close());
                  refused.complete(null);
                  return Verdict.ACK;
                })
            .open()) {
      self.complete(consumer);
      refused.get(60, TimeUnit.SECONDS);
      assertThrows(IllegalStateException.class, () -> consumer.receive(1, Duration.ZERO));
    }
  }

  private Consumer.Builder consumer() {
    return client.consumer().group("billing").topic("orders");
  }

  private static ConsumedMessage receiveOne(Consumer consumer) {
    List<ConsumedMessage> received = consumer.receive(1, LONG);
    assertEquals(1, received.size());
    return received.get(0);
  }

  private static void assertLeaseLost(CompletableFuture<?> future) {
    var failure = assertThrows(ExecutionException.class, () -> future.get(60, TimeUnit.SECONDS));
    assertInstanceOf(LeaseLost.class, failure.getCause());
    assertEquals(Code.LEASE_NOT_FOUND, ((LeaseLost) failure.getCause()).code());
  }

  private void fill(int messages) {
    try (Producer producer = client.producer().open()) {
      for (int i = 0; i < messages; i++) {
        producer.send(OutgoingMessage.builder("orders").queue(i % 2).body("m" + i).build());
      }
      assertTrue(producer.flush(LONG));
    }
  }

  /** Messages of one queue. */
  private void fill(int queue, String... bodies) {
    try (Producer producer = client.producer().open()) {
      for (String body : bodies) {
        producer.sendSync(OutgoingMessage.builder("orders").queue(queue).body(body).build());
      }
    }
    assertEquals(new TreeSet<>(List.of(bodies)), new TreeSet<>(group.log.bodies("orders", queue)));
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
