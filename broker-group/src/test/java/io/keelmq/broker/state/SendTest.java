package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.batch;
import static io.keelmq.broker.state.testing.StateScript.byId;
import static io.keelmq.broker.state.testing.StateScript.expect;
import static io.keelmq.broker.state.testing.StateScript.expectRejected;
import static io.keelmq.broker.state.testing.StateScript.offsets;
import static io.keelmq.broker.state.testing.StateScript.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.StateView.QueueBounds;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.testing.StateScript;
import io.keelmq.broker.state.testing.StateScript.FedCommand;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SendTest {

  private final StateScript script = new StateScript();
  private long topicId;

  @BeforeEach
  void makeTopic() {
    script.topic("orders", 2);
    topicId = script.view.topic("orders").orElseThrow().id();
  }

  @Test
  void numbersMessagesDenselyPerQueue() {
    assertEquals(
        List.of(0L, 0L, 3L),
        offsets(
            script.apply(
                batch(
                    "p", 1, run("orders", 0, 3), run("orders", 1, 2), run("orders", 0, 4, 500)))));
    assertEquals(List.of(7L), offsets(script.apply(batch("p", 2, run("orders", 0, 1)))));

    assertEquals(new QueueBounds(0, 8), script.view.bounds(topicId, 0));
    assertEquals(new QueueBounds(0, 2), script.view.bounds(topicId, 1));
  }

  @Test
  void keepsOneRowForMessagesThatLieSideBySideInAnEntry() {
    script.entry(
        List.of(
            new FedCommand(Optional.empty(), batch("p", 1, run("orders", 0, 3, 100))),
            new FedCommand(Optional.empty(), batch("q", 1, run("orders", 0, 2, 130))),
            new FedCommand(Optional.empty(), batch("p", 2, run("orders", 0, 1, 999)))));
    script.apply(batch("p", 3, run("orders", 0, 1, 1009)));

    assertEquals(
        List.of(
            new StoredRun(0, 5, 2, 100, 50, 1_000_000),
            new StoredRun(5, 1, 2, 999, 10, 1_000_000),
            new StoredRun(6, 1, 3, 1009, 10, 1_000_000)),
        script.view.runs(topicId, 0, 0, 10));
  }

  @Test
  void findsTheRunThatHoldsAnOffset() {
    script.apply(batch("p", 1, run("orders", 0, 5)));
    script.apply(batch("p", 2, run("orders", 0, 5)));

    assertEquals(0, script.view.runs(topicId, 0, 4, 1).get(0).firstOffset());
    assertEquals(5, script.view.runs(topicId, 0, 5, 1).get(0).firstOffset());
    assertEquals(List.of(), script.view.runs(topicId, 0, 10, 1));
    assertEquals(List.of(), script.view.runs(topicId, 1, 0, 1));
  }

  @Test
  void findsOffsetsByTime() {
    script.at(10).apply(batch("p", 1, run("orders", 0, 5)));
    script.at(20).apply(batch("p", 2, run("orders", 0, 5)));
    script.at(20).apply(batch("p", 3, run("orders", 0, 1)));
    script.at(30).apply(batch("p", 4, run("orders", 0, 5)));

    assertEquals(0, script.view.offsetAt(topicId, 0, 0));
    assertEquals(0, script.view.offsetAt(topicId, 0, 1_000_010));
    assertEquals(5, script.view.offsetAt(topicId, 0, 1_000_011));
    assertEquals(5, script.view.offsetAt(topicId, 0, 1_000_020));
    assertEquals(11, script.view.offsetAt(topicId, 0, 1_000_021));
    assertEquals(16, script.view.offsetAt(topicId, 0, 1_000_031));
    assertEquals(0, script.view.offsetAt(topicId, 1, 0));
  }

  @Test
  void answersARepeatedBatchWithItsFirstReceipt() {
    script.apply(batch("p", 1, run("orders", 0, 3), run("orders", 1, 1)));
    script.apply(batch("p", 2, run("orders", 0, 3)));

    var repeat = script.restart().apply(batch("p", 1, run("orders", 0, 3), run("orders", 1, 1)));

    assertEquals(new Reply.Stored(List.of(0, 1), List.of(0L, 0L), true), repeat);
    assertEquals(6, script.view.bounds(topicId, 0).endOffset());
  }

  @Test
  void rejectsGapsUnknownOldAndFencedBatches() {
    expectRejected(Rejection.PRODUCER_UNKNOWN, script.apply(batch("p", 2, run("orders", 0, 1))));
    script.apply(batch("p", 1, run("orders", 0, 1)));
    expectRejected(Rejection.SEQUENCE_GAP, script.apply(batch("p", 3, run("orders", 0, 1))));
    for (long sequence = 2; sequence <= 65; sequence++) {
      offsets(script.apply(batch("p", sequence, run("orders", 0, 1))));
    }
    expectRejected(Rejection.SEQUENCE_TOO_OLD, script.apply(batch("p", 1, run("orders", 0, 1))));
    assertEquals(
        new Reply.Stored(List.of(0), List.of(1L), true),
        script.apply(batch("p", 2, run("orders", 0, 1))));
    assertEquals(65, script.view.bounds(topicId, 0).endOffset());

    expectRejected(Rejection.SEQUENCE_GAP, script.apply(batch("p", 1, 2, run("orders", 0, 1))));
    offsets(script.apply(batch("p", 1, 1, run("orders", 0, 1))));
    expectRejected(Rejection.PRODUCER_FENCED, script.apply(batch("p", 0, 66, run("orders", 0, 1))));
    assertEquals(Optional.of(new StateView.Producer(1, 1)), script.view.producer("p"));
  }

  @Test
  void aRejectedBatchStoresNothingAndKeepsItsNumberFree() {
    int changes = script.tables.changes();

    expectRejected(
        Rejection.QUEUE_NOT_FOUND,
        script.apply(batch("p", 1, run("orders", 0, 1), run("orders", 2, 1))));
    expectRejected(Rejection.TOPIC_NOT_FOUND, script.apply(batch("p", 1, run("nix", 0, 1))));
    expectRejected(Rejection.INVALID, script.apply(batch("p", 1)));
    expectRejected(Rejection.INVALID, script.apply(batch("p", 1, run("orders", 0, 0))));
    expectRejected(Rejection.INVALID, script.apply(batch("p", 1, run("orders", 0, 4_097))));
    expectRejected(Rejection.INVALID, script.apply(batch("p", 0, run("orders", 0, 1))));
    expectRejected(Rejection.INVALID, script.apply(batch("", 1, run("orders", 0, 1))));
    expectRejected(Rejection.INVALID, script.apply(batch("p", -1, 1, run("orders", 0, 1))));

    assertEquals(changes + 8, script.tables.changes(), "the applied index alone may move");
    assertEquals(List.of(0L), offsets(script.apply(batch("p", 1, run("orders", 0, 1)))));
  }

  @Test
  void recognizesARepeatAfterItsTopicIsGone() {
    script.apply(batch("p", 1, run("orders", 0, 1)));
    script.apply(new Command.DeleteTopic("orders"));

    assertEquals(
        new Reply.Stored(List.of(0), List.of(0L), true),
        script.apply(batch("p", 1, run("orders", 0, 1))));
  }

  @Test
  void answersARepeatedMessageIdWithItsFirstOffset() {
    assertEquals(
        new Reply.Stored(List.of(0), List.of(0L), false),
        script.apply(byId("c", "orders", 0, "m1")));
    assertEquals(
        new Reply.Stored(List.of(0), List.of(1L), false),
        script.apply(byId("c", "orders", 0, "m2")));
    assertEquals(
        new Reply.Stored(List.of(0), List.of(0L), true),
        script.restart().apply(byId("c", "orders", 1, "m1")),
        "whichever queue the retry names");
    assertEquals(
        new Reply.Stored(List.of(0), List.of(2L), false),
        script.apply(byId("d", "orders", 0, "m1")),
        "another client's id is another message");
  }

  @Test
  void storesTheNewMessagesBesideRepeatedOnes() {
    script.apply(byId("c", "orders", 0, "m1"));

    var mixed =
        new Command.SendMessages(
            new Command.ClientMessageIds("c"),
            List.of(
                new Command.Run("orders", 0, 1, 100, 10, List.of("m1")),
                new Command.Run("orders", 0, 1, 110, 10, List.of("m2")),
                new Command.Run("orders", 0, 1, 120, 10, List.of("m2"))));

    assertEquals(
        new Reply.Stored(List.of(0, 0, 0), List.of(0L, 1L, 1L), false), script.apply(mixed));
    assertEquals(
        new Reply.Stored(List.of(0, 0, 0), List.of(0L, 1L, 1L), true), script.apply(mixed));
  }

  @Test
  void forgetsMessageIdsByAgeAFewAtATime() {
    for (int i = 0; i < 10; i++) {
      script.at(i).apply(byId("c", "orders", 0, "m" + i));
    }
    int rows = script.tables.rows(Table.DEDUP);
    assertEquals(20, rows);

    script.at(Limits.MESSAGE_ID_MILLIS + 100);
    script.apply(byId("c", "orders", 0, "n1"));
    assertEquals(rows - 2, script.tables.rows(Table.DEDUP), "two go, one comes");
    assertTrue(
        expect(Reply.Stored.class, script.apply(byId("c", "orders", 0, "m9"))).duplicate(),
        "not its turn yet");
    for (int i = 0; i < 10; i++) {
      script.apply(byId("c", "orders", 0, "o" + i));
    }
    assertFalse(expect(Reply.Stored.class, script.apply(byId("c", "orders", 0, "m9"))).duplicate());
  }

  @Test
  void looksForOldMessageIdsBehindThoseItHasForgotten() {
    for (int i = 0; i < 1_000; i++) {
      script.at(i).apply(byId("c", "orders", 0, "m" + i));
    }
    script.at(Limits.MESSAGE_ID_MILLIS + 1_000);
    for (int i = 0; i < 400; i++) {
      script.apply(byId("c", "orders", 0, "n" + i));
    }
    int walked = script.tables.deletedRowsWalked();

    script.apply(byId("c", "orders", 0, "next"));

    // Stepping over all 800 each time makes a busy topic slower by the minute.
    assertTrue(script.tables.deletedRowsWalked() - walked < 10);
  }

  @Test
  void rejectsIllegalMessageIds() {
    expectRejected(Rejection.INVALID, script.apply(byId("", "orders", 0, "m")));
    expectRejected(Rejection.INVALID, script.apply(byId("c", "orders", 0, "")));
    expectRejected(Rejection.INVALID, script.apply(byId("c", "orders", 0, "m".repeat(129))));
    expectRejected(Rejection.INVALID, script.apply(byId("c".repeat(256), "orders", 0, "m")));
    var two =
        new Command.SendMessages(
            new Command.ClientMessageIds("c"),
            List.of(new Command.Run("orders", 0, 2, 100, 20, List.of("a", "b"))));
    expectRejected(Rejection.INVALID, script.apply(two));
  }

  @Test
  void forgetsTheProducerThatWasIdleLongest() {
    script.at(0).apply(batch("old", 1, run("orders", 0, 1)));
    script.at(60_000).apply(batch("busy", 1, run("orders", 0, 1)));
    script.at(Limits.PRODUCER_IDLE_MILLIS - 10).apply(batch("busy", 2, run("orders", 0, 1)));

    script.at(Limits.PRODUCER_IDLE_MILLIS + 60_000).apply(batch("new", 1, run("orders", 0, 1)));

    expectRejected(Rejection.PRODUCER_UNKNOWN, script.apply(batch("old", 2, run("orders", 0, 1))));
    assertEquals(
        new Reply.Stored(List.of(0), List.of(1L), true),
        script.apply(batch("busy", 1, run("orders", 0, 1))));
  }

  @Test
  void keepsAsManyProducersAsItMayAndNoMore() {
    for (int i = 0; i < Limits.MAX_PRODUCERS; i++) {
      offsets(script.apply(batch("p" + i, 1, run("orders", 0, 1))));
    }

    expectRejected(Rejection.TOO_MANY, script.apply(batch("x", 1, run("orders", 0, 1))));
    offsets(script.apply(batch("p7", 2, run("orders", 0, 1))));
    script.at(200_000);
    offsets(script.apply(batch("x", 1, run("orders", 0, 1))));
    assertEquals(Limits.MAX_PRODUCERS, rows('p'));
    assertEquals(Limits.MAX_PRODUCERS, rows('u'));
  }

  private int rows(char letter) {
    byte[] prefix = Keys.prefix(letter);
    return script.tables.range(Table.DEDUP, prefix, Keys.after(prefix), Integer.MAX_VALUE).size();
  }
}
