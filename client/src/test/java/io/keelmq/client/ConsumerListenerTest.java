package io.keelmq.client;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.v1.SettlementKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ConsumerListenerTest extends ConsumerFixture {
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
}
