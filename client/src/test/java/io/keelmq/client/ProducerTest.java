package io.keelmq.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.testing.FakeGroup;
import io.keelmq.client.testing.FakeGroup.Fate;
import io.keelmq.v1.Code;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ProducerTest {

  private FakeGroup group;
  private KeelClient client;

  @BeforeEach
  void start() throws Exception {
    group = new FakeGroup().withTopic("orders", 4);
    client = KeelClient.connect(group.nameServer.address());
  }

  @AfterEach
  void stop() {
    client.close();
    group.close();
    assertEquals(List.of(), group.log.breaches());
  }

  @Test
  void storesAndTellsWhere() {
    try (Producer producer = client.producer().open()) {
      Receipt first = producer.sendSync(keyed("a", "1"));
      Receipt second = producer.sendSync(keyed("a", "2"));

      assertEquals(0, first.offset());
      assertEquals(1, second.offset());
      assertEquals(QueueChoice.queueOf("a", 4), second.queue());
      assertEquals(List.of("1", "2"), group.log.bodies("orders", second.queue()));
    }
  }

  // Goal: every message is stored once and in its key's order, whatever happens to batches.
  // Method: 200 faults drawn from a seed, late copies among them; the fake notes other content
  // under a known number.
  @Test
  void storesEachOnceThroughFaults() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("ProducerTest.storesEachOnceThroughFaults -Dseed=" + seed);
    var random = new Random(seed);
    var faults = new AtomicInteger(200);
    Fate[] all = Fate.values();
    group.fates(
        (replica, batch) -> {
          synchronized (random) {
            if (random.nextInt(4) != 0 || faults.get() <= 0) {
              return Fate.STORED;
            }
            faults.decrementAndGet();
            if (random.nextInt(4) == 0) {
              group.lead(random.nextInt(3));
            }
            Fate fate = all[random.nextInt(all.length)];
            // A silent stream costs seconds; others have a test for it.
            return fate == Fate.FROZEN ? Fate.LOST_AND_BROKEN : fate;
          }
        });
    int messages = 6_000;
    var results = new ArrayList<CompletableFuture<Receipt>>();

    try (Producer producer =
        client.producer().batchMessages(10).deliveryTimeout(Duration.ofMinutes(2)).open()) {
      for (int i = 0; i < messages; i++) {
        results.add(producer.send(keyed("k" + i % 7, Integer.toString(i))));
      }
      for (CompletableFuture<Receipt> result : results) {
        result.get(2, TimeUnit.MINUTES);
      }
      System.out.println(producer.stats());
    }

    assertTrue(faults.get() <= 0, "all faults happened, left: " + faults);
    var stored = group.log.allBodies("orders");
    assertEquals(messages, stored.size());
    assertEquals(messages, new TreeSet<>(stored).size());
    for (int queue = 0; queue < 4; queue++) {
      List<Integer> order =
          group.log.bodies("orders", queue).stream().map(Integer::valueOf).toList();
      assertEquals(order.stream().sorted().toList(), order);
    }
    var byQueue = new ArrayList<List<String>>();
    for (int queue = 0; queue < 4; queue++) {
      byQueue.add(group.log.bodies("orders", queue));
    }
    for (int i = 0; i < messages; i++) {
      Receipt receipt = results.get(i).get();
      assertEquals(Integer.toString(i), byQueue.get(receipt.queue()).get((int) receipt.offset()));
    }
  }

  @Test
  void failsOnlyTheWrongMessageOfABatch() throws Exception {
    for (int i = 0; i < 300; i += 50) {
      group.log.rejectedBodies.add("m" + i);
    }
    var results = new ArrayList<CompletableFuture<Receipt>>();

    try (Producer producer = client.producer().open()) {
      for (int i = 0; i < 300; i++) {
        results.add(producer.send(keyed("k" + i % 3, "m" + i)));
      }
      assertTrue(producer.flush(Duration.ofMinutes(1)));
    }

    for (int i = 0; i < 300; i++) {
      if (i % 50 == 0) {
        CompletableFuture<Receipt> result = results.get(i);
        var failure = assertThrows(ExecutionException.class, result::get).getCause();
        assertEquals(
            Code.MESSAGE_PROPERTIES_TOO_LARGE,
            assertInstanceOf(RequestRejected.class, failure).code());
      } else {
        results.get(i).get();
      }
    }
    assertEquals(294, new TreeSet<>(group.log.allBodies("orders")).size());
    assertEquals(294, group.log.allBodies("orders").size());
  }

  @Test
  void sendsToOtherTopicsWhenOneIsDeleted() throws Exception {
    group.withTopic("gone", 1);
    try (Producer producer = client.producer().open()) {
      producer.sendSync(OutgoingMessage.of("gone", "first"));
      group.log.deleteTopic("gone");

      var lost = producer.send(OutgoingMessage.of("gone", "second"));
      var kept = producer.send(keyed("a", "third"));

      assertEquals(
          Code.TOPIC_NOT_FOUND,
          ((KeelException) assertThrows(ExecutionException.class, lost::get).getCause()).code());
      assertEquals(0, kept.get().offset());
    }
  }

  @Test
  void goesOnUnderANewIdWhenTheGroupForgotTheProducer() {
    try (Producer producer = client.producer().open()) {
      producer.sendSync(keyed("a", "1"));
      producer.sendSync(keyed("a", "2"));
      group.log.forgetProducers();

      assertEquals(2, producer.sendSync(keyed("a", "3")).offset());
    }
  }

  @Test
  void tellsAnUnknownOutcomeFromADefiniteFailure() throws Exception {
    try (Producer producer =
        client
            .producer()
            .batchMessages(1)
            .maxInFlightBatches(1)
            .deliveryTimeout(Duration.ofMillis(300))
            .open()) {
      producer.sendSync(keyed("a", "0"));
      group.fates((replica, batch) -> Fate.FROZEN);

      var written = producer.send(keyed("a", "1"));
      var waiting = producer.send(keyed("a", "2"));

      assertInstanceOf(
          OutcomeUnknown.class, assertThrows(ExecutionException.class, written::get).getCause());
      assertInstanceOf(
          Unavailable.class, assertThrows(ExecutionException.class, waiting::get).getCause());
      group.fates((replica, batch) -> Fate.STORED);
      producer.sendSync(keyed("a", "3"));
      var stored = group.log.bodies("orders", QueueChoice.queueOf("a", 4));
      assertEquals("3", stored.get(stored.size() - 1));
      assertEquals(0, Collections.frequency(stored, "2"));
    }
  }

  @Test
  void failsInTimeWhileAStreamIsBeingOpened() {
    group.openNothing();
    try (Producer producer = client.producer().deliveryTimeout(Duration.ofMillis(300)).open()) {
      for (int i = 0; i < 3; i++) {
        var result = producer.send(keyed("a", "" + i));

        // Far less than it takes to leave a silent stream.
        var failure = assertThrows(ExecutionException.class, () -> result.get(3, TimeUnit.SECONDS));
        assertInstanceOf(Unavailable.class, failure.getCause());
      }
    }
  }

  @Test
  void leavesAFrozenLeaderWhenAnotherLeads() throws Exception {
    group.fates((replica, batch) -> replica == 0 ? Fate.FROZEN : Fate.STORED);
    try (Producer producer = client.producer().open()) {
      var result = producer.send(keyed("a", "1"));
      assertTrue(producer.stats().bufferedMessages() <= 1);

      group.lead(1);

      assertEquals(0, result.get(20, TimeUnit.SECONDS).offset());
    }
  }

  @Test
  void livesWithoutTheKilledLeader() throws Exception {
    try (Producer producer = client.producer().open()) {
      producer.sendSync(keyed("a", "1"));
      group.kill(0);

      assertEquals(1, producer.send(keyed("a", "2")).get(20, TimeUnit.SECONDS).offset());
    }
  }

  @Test
  void holdsNoMoreThanItsBuffer() {
    group.fates((replica, batch) -> Fate.FROZEN);
    try (Producer producer =
        client
            .producer()
            .bufferBytes(64 << 10)
            .maxBlock(Duration.ZERO)
            .deliveryTimeout(Duration.ofMillis(500))
            .open()) {
      // The route is there, so that only the buffer can refuse.
      client.admin().describeTopic("orders");
      var message = OutgoingMessage.of("orders", new byte[1_000]);

      int taken = 0;
      Overloaded refused = null;
      while (refused == null && taken < 1_000) {
        try {
          producer.send(message);
          taken++;
        } catch (Overloaded e) {
          refused = e;
        }
      }

      assertTrue(taken > 50 && taken <= 66, "took " + taken);
      assertTrue(producer.stats().bufferedBytes() <= 64 << 10);
    }
  }

  @Test
  void refusesWhatBreaksALimitAtOnce() {
    try (Producer producer = client.producer().open()) {
      assertEquals(Code.ILLEGAL_TOPIC, refusal(producer, OutgoingMessage.of("a b", "x")));
      assertEquals(Code.TOPIC_NOT_FOUND, refusal(producer, OutgoingMessage.of("nowhere", "x")));
      assertEquals(
          Code.QUEUE_NOT_FOUND,
          refusal(producer, OutgoingMessage.builder("orders").queue(4).body("x").build()));
      assertEquals(
          Code.MESSAGE_BODY_TOO_LARGE,
          refusal(producer, OutgoingMessage.of("orders", new byte[(4 << 20) + 1])));
      var many = OutgoingMessage.builder("orders");
      for (int i = 0; i < 129; i++) {
        many.property("p" + i, "v");
      }
      assertEquals(Code.MESSAGE_PROPERTIES_TOO_LARGE, refusal(producer, many.build()));
    }
  }

  @Test
  void failsWhatIsLeftWhenTheClientIsClosed() {
    group.fates((replica, batch) -> Fate.FROZEN);
    Producer producer = client.producer().open();
    var result = producer.send(keyed("a", "1"));

    client.close();

    var failure = assertThrows(CompletionException.class, result::join).getCause();
    assertTrue(failure instanceof OutcomeUnknown || failure instanceof ClientClosed);
    assertThrows(ClientClosed.class, () -> producer.send(keyed("a", "2")));
  }

  private static Code refusal(Producer producer, OutgoingMessage message) {
    return assertThrows(RequestRejected.class, () -> producer.send(message)).code();
  }

  private static OutgoingMessage keyed(String key, String body) {
    return OutgoingMessage.builder("orders").key(key).body(body).build();
  }
}
