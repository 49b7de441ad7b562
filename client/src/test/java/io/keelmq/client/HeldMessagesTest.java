package io.keelmq.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.testing.FakeGroup;
import io.keelmq.client.testing.FakeGroup.Fate;
import io.keelmq.v1.Code;
import io.keelmq.v1.Message;
import io.keelmq.v1.Run;
import io.keelmq.v1.TopicType;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Delayed, half and prioritized messages, and the answers to check-backs. */
class HeldMessagesTest {

  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private FakeGroup group;
  private KeelClient client;

  @BeforeEach
  void start() throws Exception {
    group =
        new FakeGroup()
            .withTopic("later", 2, TopicType.DELAY)
            .withTopic("deals", 2, TopicType.TRANSACTION)
            .withTopic("urgent", 3, TopicType.PRIORITY)
            .withTopic("plain", 1);
    client = KeelClient.connect(group.nameServer.address());
  }

  @AfterEach
  void stop() {
    client.close();
    group.close();
    assertEquals(List.of(), group.log.breaches());
  }

  @Test
  void sendsEachDelayedMessageAsARunOfItsOwn() throws Exception {
    Instant due = Instant.parse("2040-01-01T00:00:00Z");
    var receipts = new ArrayList<CompletableFuture<Receipt>>();
    try (Producer producer = client.producer().open()) {
      for (int i = 0; i < 3; i++) {
        receipts.add(producer.send(later("m" + i).deliverAt(due).build()));
        receipts.add(producer.send(later("now" + i).build()));
      }
      for (int i = 0; i < receipts.size(); i++) {
        Receipt receipt = receipts.get(i).get(60, TimeUnit.SECONDS);
        assertEquals(i % 2 == 0, receipt.isHeld());
        assertEquals(i % 2 == 0 ? Receipt.NO_OFFSET : i / 2, receipt.offset());
      }
    }

    assertEquals(3, group.log.held.runs().size());
    for (Run run : group.log.held.runs()) {
      assertEquals(1, run.getCount());
      assertEquals(due.toEpochMilli(), run.getDeliverAtMillis());
      assertFalse(run.getHalf());
    }
    assertEquals(3, group.log.held.ids().size(), "each has its own id");
    assertEquals(List.of("now0", "now1", "now2"), group.log.bodies("later", 0));
  }

  @Test
  void countsADelayFromTheSending() {
    long before = Instant.now().toEpochMilli();
    try (Producer producer = client.producer().open()) {
      producer.sendSync(later("m").delay(Duration.ofHours(1)).build());
    }
    long after = Instant.now().toEpochMilli();

    long due = group.log.held.runs().get(0).getDeliverAtMillis();
    assertTrue(due >= before + 3_600_000 && due <= after + 3_600_000, "due at " + due);
  }

  @Test
  void keepsTheNameOverRetries() {
    var tries = new AtomicInteger();
    group.fates(
        (replica, batch) -> tries.incrementAndGet() == 1 ? Fate.STORED_AND_BROKEN : Fate.STORED);
    try (Producer producer = client.producer().open()) {
      Receipt receipt = producer.sendSync(later("m").delay(Duration.ofHours(1)).build());

      assertEquals(group.log.held.ids(), List.of(receipt.heldId()));
      assertTrue(receipt.duplicate());
    }
  }

  @Test
  void recallsADelayedMessage() throws Exception {
    try (Producer producer = client.producer().open()) {
      Receipt receipt = producer.sendSync(later("m").delay(Duration.ofHours(1)).build());

      producer.recall(receipt).get(60, TimeUnit.SECONDS);

      assertEquals(List.of(), group.log.held.ids());
      assertEquals(Code.HELD_NOT_FOUND, rejection(producer.recall(receipt)));
      Receipt plain = producer.sendSync(OutgoingMessage.of("plain", "x"));
      assertThrows(IllegalArgumentException.class, () -> producer.recall(plain));
    }
  }

  @Test
  void commitsAndRollsBack() throws Exception {
    try (Producer producer = client.producer().open()) {
      Receipt committed = producer.sendHalfSync(deal("a").build());
      Receipt rolledBack = producer.sendHalfSync(deal("b").firstCheck(PATIENCE).build());
      assertEquals(60_000, group.log.held.runs().get(1).getFirstCheckMillis());

      var place = producer.commit(committed).get(60, TimeUnit.SECONDS);
      producer.rollback(rolledBack).get(60, TimeUnit.SECONDS);

      assertEquals(new HeldMessages.Placed("deals", 0, 0), place);
      assertEquals(place, producer.commit(committed).get(60, TimeUnit.SECONDS));
      assertEquals(Code.PRECONDITION_FAILED, rejection(producer.commit(rolledBack)));
      assertEquals(Code.HELD_NOT_FOUND, rejection(client.heldMessages().commit("deals", "99-7")));
      assertEquals(Code.TOPIC_NOT_FOUND, rejection(client.heldMessages().commit("none", "99-7")));
      assertEquals(List.of("a"), group.log.bodies("deals", 0));
    }
  }

  @Test
  void listsWhatWaits() {
    try (Producer producer = client.producer().open()) {
      for (int i = 0; i < 3; i++) {
        producer.sendHalfSync(deal("m" + i).build());
      }
    }
    HeldMessages held = client.heldMessages();

    List<HeldMessage> first = held.list("deals", 2, "");
    List<HeldMessage> rest = held.list("deals", 2, first.get(1).heldId());

    assertEquals(2, first.size());
    assertEquals(List.of("m2"), rest.stream().map(one -> body(one.messages())).toList());
    assertTrue(first.get(0).half());
    assertEquals(List.of(), held.list("deals", 2, rest.get(0).heldId()));
  }

  @Test
  void rejectsWhatContradictsItself() {
    try (Producer producer = client.producer().open()) {
      assertThrows(
          RequestRejected.class,
          () -> producer.sendHalf(deal("m").delay(Duration.ofHours(1)).build()));
      assertThrows(
          RequestRejected.class, () -> producer.send(deal("m").firstCheck(PATIENCE).build()));
    }
    assertThrows(IllegalArgumentException.class, () -> deal("m").priority(-1));
    assertThrows(IllegalArgumentException.class, () -> deal("m").delay(Duration.ZERO));
    assertThrows(IllegalArgumentException.class, () -> deal("m").deliverAt(Instant.EPOCH));
    assertThrows(
        IllegalArgumentException.class,
        () -> client.producer().onCheck(Set.of(), check -> TransactionDecision.UNKNOWN));
  }

  @Test
  void choosesTheQueueByPriority() throws Exception {
    try (Producer producer = client.producer().open()) {
      for (int priority : List.of(0, 1, 2, 9)) {
        var message =
            OutgoingMessage.builder("urgent").key("k").body("p").priority(priority).build();

        assertEquals(Math.min(priority, 2), producer.sendSync(message).queue());
      }
      var explicit = OutgoingMessage.builder("urgent").queue(0).priority(2).build();
      assertEquals(0, producer.sendSync(explicit).queue());
    }

    assertEquals(9, Message.parseFrom(group.log.record("urgent", 2, 1)).getPriority());
  }

  @Test
  void answersChecksOfOthers() throws Exception {
    var asked = new LinkedBlockingQueue<CheckBack>();
    try (Producer sender = client.producer().open();
        Producer answering = answering(asked, TransactionDecision.COMMIT)) {
      Receipt half = sender.sendHalfSync(deal("m").build());
      Awaitility.await().atMost(PATIENCE).until(() -> group.checked("deals") == 1);

      group.check(half.heldId(), 3);

      CheckBack check = asked.poll(60, TimeUnit.SECONDS);
      assertEquals(half.heldId(), check.heldId());
      assertEquals(3, check.check());
      assertEquals("m", check.message().bodyText());
      Awaitility.await().atMost(PATIENCE).until(() -> group.log.held.ids().isEmpty());
      assertEquals(List.of("m"), group.log.bodies("deals", 0));
      // It sends like any other.
      assertEquals(0, answering.sendSync(OutgoingMessage.of("plain", "x")).offset());
    }
    Awaitility.await().atMost(PATIENCE).until(() -> group.checked("deals") == 0);
  }

  @Test
  void comesBackForChecksWhenItsStreamBreaksOrTheLeaderChanges() throws Exception {
    var asked = new LinkedBlockingQueue<CheckBack>();
    try (Producer sender = client.producer().open();
        Producer answering = answering(asked, TransactionDecision.ROLLBACK)) {
      Receipt half = sender.sendHalfSync(deal("m").build());
      for (int round = 0; round < 3; round++) {
        Awaitility.await().atMost(PATIENCE).until(() -> group.checked("deals") == 1);
        int before = group.openedStreams.get();
        group.breakStreams();
        group.lead((group.leader() + 1) % 3);
        Awaitility.await().atMost(PATIENCE).until(() -> group.openedStreams.get() > before);
      }
      Awaitility.await()
          .atMost(PATIENCE)
          .until(
              () -> {
                if (group.log.held.ids().contains(half.heldId())) {
                  group.check(half.heldId(), 1);
                  return false;
                }
                return true;
              });
      assertEquals(List.of(), group.log.allBodies("deals"));
      assertEquals(0, answering.sendSync(OutgoingMessage.of("plain", "x")).offset());
    }
  }

  @Test
  void leavesUndecidedWhatItsListenerDoesNotKnowOrFailsOn() throws Exception {
    var asked = new LinkedBlockingQueue<CheckBack>();
    var fail = new AtomicBoolean(true);
    try (Producer sender = client.producer().open();
        Producer answering =
            client
                .producer()
                .onCheck(
                    Set.of("deals"),
                    check -> {
                      asked.add(check);
                      if (fail.get()) {
                        throw new IllegalStateException("the database is away");
                      }
                      return TransactionDecision.UNKNOWN;
                    })
                .open()) {
      Receipt half = sender.sendHalfSync(deal("m").build());
      Awaitility.await().atMost(PATIENCE).until(() -> group.checked("deals") == 1);

      group.check(half.heldId(), 1);
      asked.poll(60, TimeUnit.SECONDS);
      fail.set(false);
      group.check(half.heldId(), 2);

      assertEquals(2, asked.poll(60, TimeUnit.SECONDS).check());
      assertEquals(0, answering.sendSync(OutgoingMessage.of("plain", "x")).offset());
      assertEquals(List.of(half.heldId()), group.log.held.ids());
    }
  }

  @Test
  void dropsChecksThatItsListenerDoesNotKeepUpWith() throws Exception {
    var block = new CountDownLatch(1);
    var seen = new AtomicInteger();
    int checks = CheckDesk.MAX_WAITING + 200;
    try (Producer sender = client.producer().open();
        Producer answering =
            client
                .producer()
                .onCheck(
                    Set.of("deals"),
                    check -> {
                      seen.incrementAndGet();
                      try {
                        block.await();
                      } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                      }
                      return TransactionDecision.UNKNOWN;
                    })
                .open()) {
      Receipt half = sender.sendHalfSync(deal("m").build());
      Awaitility.await().atMost(PATIENCE).until(() -> group.checked("deals") == 1);
      for (int i = 1; i <= checks; i++) {
        group.check(half.heldId(), i);
      }
      // A receipt comes behind all checks on the same stream.
      answering.sendSync(OutgoingMessage.of("plain", "x"));

      block.countDown();

      Awaitility.await().atMost(PATIENCE).until(() -> seen.get() == CheckDesk.MAX_WAITING);
      group.check(half.heldId(), checks + 1);
      Awaitility.await().atMost(PATIENCE).until(() -> seen.get() == CheckDesk.MAX_WAITING + 1);
    }
  }

  @Test
  void doesNotOpenForATopicThatIsNotThere() {
    var builder = client.producer().onCheck(Set.of("none"), check -> TransactionDecision.UNKNOWN);

    var refused = assertThrows(RequestRejected.class, builder::open);

    assertEquals(Code.TOPIC_NOT_FOUND, refused.code());
  }

  private Producer answering(BlockingQueue<CheckBack> asked, TransactionDecision decision) {
    return client
        .producer()
        .onCheck(
            Set.of("deals"),
            check -> {
              asked.add(check);
              return decision;
            })
        .open();
  }

  private static OutgoingMessage.Builder later(String body) {
    return OutgoingMessage.builder("later").queue(0).body(body);
  }

  private static OutgoingMessage.Builder deal(String body) {
    return OutgoingMessage.builder("deals").queue(0).body(body);
  }

  private static String body(List<ReadMessage> messages) {
    return messages.get(0).bodyText();
  }

  private static Code rejection(CompletableFuture<?> future) throws Exception {
    var failure = assertThrows(ExecutionException.class, () -> future.get(60, TimeUnit.SECONDS));
    return assertInstanceOf(RequestRejected.class, failure.getCause()).code();
  }
}
