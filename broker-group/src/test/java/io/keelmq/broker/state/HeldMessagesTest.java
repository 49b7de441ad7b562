package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.batch;
import static io.keelmq.broker.state.testing.StateScript.expect;
import static io.keelmq.broker.state.testing.StateScript.expectRejected;
import static io.keelmq.broker.state.testing.StateScript.held;
import static io.keelmq.broker.state.testing.StateScript.offsets;
import static io.keelmq.broker.state.testing.StateScript.run;
import static io.keelmq.broker.state.testing.StateScript.time;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.Placing;
import io.keelmq.broker.state.StateView.HeldCounts;
import io.keelmq.broker.state.StateView.HeldRun;
import io.keelmq.broker.state.StateView.StoredRun;
import io.keelmq.broker.state.testing.StateScript;
import io.keelmq.broker.state.testing.StateScript.FedCommand;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HeldMessagesTest {

  private static final Placing HALF = Placing.onCommit(0);

  private final StateScript script = new StateScript();
  private long later;
  private long deals;

  @BeforeEach
  void makeTopics() {
    script.topic("later", 2, TopicType.DELAY);
    script.topic("deals", 2, TopicType.TRANSACTION);
    script.topic("plain", 2);
    later = script.view.topic("later").orElseThrow().id();
    deals = script.view.topic("deals").orElseThrow().id();
  }

  @Test
  void deliversWhenLogTimeHasComeAndNotBefore() {
    HeldId id = send(1, held("later", 1, 100, Placing.at(time(5_000))));
    assertEquals(0, script.view.bounds(later, 1).endOffset());

    script.at(4_999).apply(new Command.AdvanceTime());
    assertEquals(0, script.view.bounds(later, 1).endOffset());

    var outcome = script.at(5_000).outcome(Optional.empty(), new Command.AdvanceTime());
    assertTrue(outcome.effects().contains(new Effect.QueueGrew(later, 1, 1)));
    assertEquals(
        List.of(new StoredRun(0, 1, id.logIndex(), 100, 10, time(5_000))),
        script.view.runs(later, 1, 0, 10));
    assertEquals(new HeldCounts(0, 0), script.view.heldCounts());
    assertEquals(OptionalLong.empty(), script.view.nextDueMillis());
  }

  @Test
  void tellsTheLeaderWhenSomethingIsDue() {
    var outcome =
        script.outcome(
            Optional.empty(), batch("p", 1, held("later", 0, 100, Placing.at(time(5_000)))));

    assertEquals(List.of(new Effect.DueAt(time(5_000))), outcome.effects());
  }

  @Test
  void deliversAtOnceWhatIsDueAlready() {
    script.at(1_000);

    assertEquals(
        List.of(0L),
        offsets(script.apply(batch("p", 1, held("later", 0, 100, Placing.at(time(1_000)))))));
    assertEquals(
        List.of(1L), offsets(script.apply(batch("p", 2, held("later", 0, 100, Placing.at(1))))));
  }

  @Test
  void deliversInTheOrderOfTimesAndThenOfSending() {
    HeldId third = send(1, held("later", 0, 100, Placing.at(time(200))));
    HeldId first = send(2, held("later", 0, 300, Placing.at(time(100))));
    HeldId second = send(3, held("later", 0, 100, Placing.at(time(100))));

    script.at(1_000).apply(new Command.AdvanceTime());

    assertEquals(
        List.of(first, second, third),
        script.view.runs(later, 0, 0, 10).stream()
            .map(run -> new HeldId(run.logIndex(), run.position()))
            .toList());
  }

  @Test
  void keepsRunsOfOldEntriesApartFromThoseOfNewOnes() {
    // The new entry's run lies at the position behind the old one's, but in another entry.
    HeldId id = send(1, held("later", 0, 100, Placing.at(time(50))));

    script
        .at(50)
        .entry(
            List.of(
                new FedCommand(Optional.empty(), new Command.AdvanceTime()),
                new FedCommand(Optional.empty(), batch("q", 1, run("later", 0, 2, 110))),
                new FedCommand(Optional.empty(), batch("q", 2, run("later", 0, 1, 130)))));

    long index = script.state().applied().index();
    assertEquals(
        List.of(
            new StoredRun(0, 1, id.logIndex(), 100, 10, time(50)),
            new StoredRun(1, 3, index, 110, 30, time(50))),
        script.view.runs(later, 0, 0, 10));
  }

  @Test
  void findsDelayedMessagesByTheTimeOfTheirPlace() {
    send(1, held("later", 0, 100, Placing.at(time(500))));
    script.at(100).apply(batch("p", 2, run("later", 0, 1)));
    script.at(500).apply(new Command.AdvanceTime());

    assertEquals(1, script.view.offsetAt(later, 0, time(101)));
    assertEquals(2, script.view.offsetAt(later, 0, time(501)));
  }

  @Test
  void retentionCountsFromThePlace() {
    script.apply(new Command.AlterTopic("later", OptionalInt.empty(), OptionalLong.of(10_000)));
    send(1, held("later", 0, 100, Placing.at(time(60_000))));

    script.at(60_000).apply(new Command.AdvanceTime());
    script.at(69_000).apply(new Command.AdvanceTime());
    assertEquals(0, script.view.bounds(later, 0).firstOffset());

    script.at(72_000).apply(new Command.AdvanceTime());
    assertEquals(new StateView.QueueBounds(1, 1), script.view.bounds(later, 0));
    assertEquals(List.of(), script.view.runs(later, 0, 1, 1));
  }

  @Test
  void answersARepeatedSendWithTheNameItGotFirst() {
    var delayed = batch("p", 1, run("later", 0, 1), held("later", 1, 110, Placing.at(time(50))));
    var byId = byId("m1", Placing.at(time(50)));
    var first = script.apply(delayed);
    var firstById = expect(Reply.Stored.class, script.apply(byId));
    assertEquals(List.of(0L, Reply.Stored.HELD), offsets(first));
    HeldId id = expect(Reply.Stored.class, first).held().get(1).orElseThrow();

    for (long millis : List.of(0L, 50L)) {
      script.restart().at(millis).apply(new Command.AdvanceTime());
      assertEquals(
          new Reply.Stored(
              List.of(0, 1), List.of(0L, -1L), List.of(Optional.empty(), Optional.of(id)), true),
          script.apply(delayed));
      assertEquals(
          new Reply.Stored(List.of(0), List.of(-1L), firstById.held(), true), script.apply(byId));
    }
    assertEquals(2, script.view.bounds(later, 0).endOffset());
    assertEquals(1, script.view.bounds(later, 1).endOffset());
  }

  @Test
  void rejectsWhatTheTopicDoesNotTake() {
    long far = time(0) + Limits.MAX_DELAY_MILLIS;
    script.at(0);
    expectSendRejected(
        Rejection.MESSAGE_TYPE_CONFLICT, held("plain", 0, 100, Placing.at(time(50))));
    expectSendRejected(Rejection.MESSAGE_TYPE_CONFLICT, held("plain", 0, 100, Placing.at(1)));
    expectSendRejected(Rejection.MESSAGE_TYPE_CONFLICT, held("deals", 0, 100, Placing.at(1)));
    expectSendRejected(Rejection.MESSAGE_TYPE_CONFLICT, held("later", 0, 100, HALF));
    expectSendRejected(Rejection.ILLEGAL_DELIVERY_TIME, held("later", 0, 100, Placing.at(far + 1)));
    expectSendRejected(
        Rejection.ILLEGAL_DELIVERY_TIME, held("later", 0, 100, Placing.at(Long.MAX_VALUE)));
    expectSendRejected(Rejection.ILLEGAL_DELIVERY_TIME, held("later", 0, 100, Placing.at(-1)));
    expectSendRejected(Rejection.INVALID, held("deals", 0, 100, new Placing(5, true, 0)));
    expectSendRejected(Rejection.INVALID, held("later", 0, 100, new Placing(5, false, 7)));
    expectSendRejected(Rejection.INVALID, held("deals", 0, 100, Placing.onCommit(-1)));
    expectSendRejected(
        Rejection.INVALID,
        held("deals", 0, 100, Placing.onCommit(Limits.MAX_FIRST_CHECK_MILLIS + 1)));

    assertEquals(new HeldCounts(0, 0), script.view.heldCounts());
    send(1, held("later", 0, 100, Placing.at(far)));
  }

  @Test
  void recallsUntilItIsDelivered() {
    HeldId id = send(1, held("later", 0, 100, Placing.at(time(50))));
    HeldId delivered = send(2, held("later", 0, 100, Placing.at(time(10))));
    script.at(10).apply(new Command.AdvanceTime());
    var origin = new CommandOrigin(7, 1);

    expectRejected(Rejection.TOPIC_NOT_FOUND, script.apply(new Command.RecallMessage("no", id)));
    expectRejected(Rejection.HELD_NOT_FOUND, script.apply(new Command.RecallMessage("deals", id)));
    expectRejected(
        Rejection.HELD_NOT_FOUND, script.apply(new Command.RecallMessage("later", delivered)));
    expect(Reply.Done.class, script.apply(origin, new Command.RecallMessage("later", id)));
    expect(Reply.Done.class, script.apply(origin, new Command.RecallMessage("later", id)));
    expectRejected(Rejection.HELD_NOT_FOUND, script.apply(new Command.RecallMessage("later", id)));

    script.at(1_000).apply(new Command.AdvanceTime());
    assertEquals(1, script.view.bounds(later, 0).endOffset());
    assertEquals(OptionalLong.empty(), script.view.nextDueMillis());
  }

  @Test
  void commitsToThePlaceOfTheMoment() {
    HeldId id = send(1, held("deals", 0, 100, HALF));
    script.at(100).apply(batch("p", 2, run("deals", 0, 3)));
    assertEquals(3, script.view.bounds(deals, 0).endOffset());

    assertEquals(
        new Reply.Stored(List.of(0), List.of(3L), false), script.at(200).apply(commit(id)));

    assertEquals(
        new StoredRun(3, 1, id.logIndex(), 100, 10, time(200)),
        script.view.runs(deals, 0, 3, 1).get(0));
    assertEquals(new Reply.Stored(List.of(0), List.of(3L), true), script.at(300).apply(commit(id)));
    expectRejected(Rejection.TRANSACTION_DECIDED, script.apply(rollback(id)));
    assertEquals(OptionalLong.empty(), script.view.nextDueMillis());
  }

  @Test
  void rollsBackForGood() {
    HeldId id = send(1, held("deals", 0, 100, HALF));

    expect(Reply.Done.class, script.apply(rollback(id)));

    expect(Reply.Done.class, script.apply(rollback(id)));
    expectRejected(Rejection.TRANSACTION_DECIDED, script.apply(commit(id)));
    assertEquals(0, script.view.bounds(deals, 0).endOffset());
    assertEquals(OptionalLong.empty(), script.view.nextDueMillis());
  }

  @Test
  void forgetsDecisionsAfterAWhileAsOthersAreMade() {
    HeldId old = send(1, held("deals", 0, 100, HALF));
    script.apply(rollback(old));
    HeldId other = send(2, held("deals", 0, 100, HALF));

    script.at(Limits.DECISION_MILLIS).apply(rollback(other));

    expectRejected(Rejection.HELD_NOT_FOUND, script.apply(rollback(old)));
    expectRejected(Rejection.HELD_NOT_FOUND, script.apply(commit(old)));
    expectRejected(Rejection.TRANSACTION_DECIDED, script.apply(commit(other)));
  }

  @Test
  void doesNotMixUpDelayedAndHalf() {
    HeldId half = send(1, held("deals", 0, 100, HALF));
    HeldId delayed = send(2, held("later", 0, 100, Placing.at(time(50))));

    expectRejected(Rejection.INVALID, script.apply(new Command.RecallMessage("deals", half)));
    expectRejected(
        Rejection.INVALID, script.apply(new Command.EndTransaction("later", delayed, true)));
    assertEquals(new HeldCounts(2, 0), script.view.heldCounts());
  }

  @Test
  void asksProducersAndRollsBackInTheEnd() {
    HeldId id = send(1, held("deals", 0, 100, HALF));
    var asked = new ArrayList<Effect>();
    long millis = Limits.FIRST_CHECK_MILLIS;
    for (int check = 1; check <= Limits.MAX_CHECKS; check++) {
      assertEquals(List.of(), checks(millis - 1));
      asked.addAll(checks(millis));
      assertEquals(check, script.view.held(deals, id).orElseThrow().checks());
      millis += Limits.CHECK_INTERVAL_MILLIS;
    }
    assertEquals(Limits.MAX_CHECKS, asked.size());
    assertEquals(new Effect.CheckTransaction(deals, id, 1), asked.get(0));
    assertEquals(
        new Effect.CheckTransaction(deals, id, Limits.MAX_CHECKS),
        asked.get(Limits.MAX_CHECKS - 1));
    assertEquals(new HeldCounts(1, 0), script.view.heldCounts());

    assertEquals(List.of(), checks(millis));

    assertEquals(new HeldCounts(0, 1), script.view.heldCounts());
    assertEquals(Optional.empty(), script.view.held(deals, id));
    assertEquals(OptionalLong.empty(), script.view.nextDueMillis());
    expectRejected(Rejection.TRANSACTION_DECIDED, script.apply(commit(id)));
    expect(Reply.Done.class, script.apply(rollback(id)));
  }

  @Test
  void asksFirstWhenTheSenderWantsItTo() {
    send(1, held("deals", 0, 100, Placing.onCommit(60_000)));

    assertEquals(List.of(), checks(59_999));
    assertEquals(1, checks(60_000).size());
    assertEquals(1, checks(60_000 + Limits.CHECK_INTERVAL_MILLIS).size());
  }

  @Test
  void deliversTenThousandThatAreDueTogetherInFewSteps() {
    int runs = 1_000;
    for (int sequence = 1; sequence <= 10; sequence++) {
      var all = new Command.Run[runs];
      for (int i = 0; i < runs; i++) {
        all[i] = held("later", i % 2, 100 + i * 10, Placing.at(time(500)));
      }
      script.apply(batch("p", sequence, all));
    }

    int steps = 0;
    script.at(500);
    while (script.view.nextDueMillis().isPresent()) {
      var outcome = script.outcome(Optional.empty(), new Command.AdvanceTime());
      if (script.view.nextDueMillis().isPresent()) {
        assertTrue(outcome.effects().contains(new Effect.DueAt(time(500))));
      }
      steps++;
    }

    assertTrue(steps > 10 && steps <= 40, steps + " steps");
    assertEquals(5_000, script.view.bounds(later, 0).endOffset());
    assertEquals(5_000, script.view.bounds(later, 1).endOffset());
    assertEquals(new HeldCounts(0, 0), script.view.heldCounts());
  }

  @Test
  void keepsNoMoreThanItHasRoomFor() {
    script.tables.put(Table.META, Keys.counter(Counters.HELD), Rows.int64(Limits.MAX_HELD - 1));
    var one = held("later", 0, 100, Placing.at(time(50)));
    var other = held("later", 0, 110, Placing.at(time(50)));

    expectRejected(Rejection.TOO_MANY, script.apply(batch("p", 1, one, other)));
    script.apply(byId("m1", Placing.at(time(50))));
    expectRejected(Rejection.TOO_MANY, script.apply(byId("m2", Placing.at(time(50)))));
    // What is stored already needs no room, nor does what does not wait.
    assertTrue(
        expect(Reply.Stored.class, script.apply(byId("m1", Placing.at(time(50))))).duplicate());
    assertEquals(List.of(0L), offsets(script.apply(batch("p", 1, run("later", 1, 1)))));

    script.at(50).apply(new Command.AdvanceTime());
    send(2, held("later", 0, 100, Placing.at(time(500))));
  }

  @Test
  void goesWithItsTopicStepByStep() {
    for (int sequence = 1; sequence <= 2; sequence++) {
      var all = new Command.Run[1_000];
      for (int i = 0; i < all.length; i++) {
        all[i] = held("later", 0, 100 + i * 10, Placing.at(time(1_000_000)));
      }
      script.apply(batch("p", sequence, all));
    }
    HeldId due = send(3, held("later", 0, 100, Placing.at(time(1))));
    script.apply(new Command.DeleteTopic("later"));
    script.topic("later", 1, TopicType.DELAY);
    long successor = script.view.topic("later").orElseThrow().id();

    expectRejected(Rejection.HELD_NOT_FOUND, script.apply(new Command.RecallMessage("later", due)));
    script.at(10);
    int steps = 0;
    while (script.view.nextDueMillis().isPresent() && steps < 100) {
      script.restart().apply(new Command.AdvanceTime());
      steps++;
    }

    assertTrue(steps > 4, "2,001 rows in " + steps + " steps");
    assertEquals(OptionalLong.empty(), script.view.nextDueMillis(), "deadlines go with the rows");
    assertEquals(new HeldCounts(0, 0), script.view.heldCounts());
    assertEquals(List.of(), script.view.held(later, Optional.empty(), 10));
    assertEquals(0, script.view.bounds(successor, 0).endOffset());
  }

  @Test
  void listsWhatWaitsInTheOrderOfSending() {
    HeldId first = send(1, held("later", 0, 100, Placing.at(time(900))));
    HeldId second = send(2, held("later", 1, 300, Placing.at(time(50))));
    send(3, held("deals", 1, 300, HALF));

    List<HeldRun> all = script.view.held(later, Optional.empty(), 10);

    assertEquals(
        List.of(
            new HeldRun(
                first,
                0,
                new StoredRun(-1, 1, first.logIndex(), 100, 10, time(0)),
                false,
                time(900),
                0,
                0),
            new HeldRun(
                second,
                1,
                new StoredRun(-1, 1, second.logIndex(), 300, 10, time(0)),
                false,
                time(50),
                0,
                0)),
        all);
    assertEquals(all.subList(0, 1), script.view.held(later, Optional.empty(), 1));
    assertEquals(all.subList(1, 2), script.view.held(later, Optional.of(first), 10));
    assertEquals(List.of(), script.view.held(later, Optional.of(second), 10));
    assertEquals(Optional.of(all.get(1)), script.view.held(later, second));
  }

  private HeldId send(long sequence, Command.Run run) {
    var stored = expect(Reply.Stored.class, script.apply(batch("p", sequence, run)));
    assertEquals(List.of(Reply.Stored.HELD), stored.firstOffsets());
    return stored.held().get(0).orElseThrow();
  }

  private void expectSendRejected(Rejection reason, Command.Run run) {
    expectRejected(reason, script.apply(batch("x", 1, run)));
  }

  private List<Effect> checks(long millis) {
    return script.at(millis).outcome(Optional.empty(), new Command.AdvanceTime()).effects().stream()
        .filter(Effect.CheckTransaction.class::isInstance)
        .toList();
  }

  private static Command.SendMessages byId(String id, Placing placing) {
    return new Command.SendMessages(
        new Command.ClientMessageIds("c"),
        List.of(new Command.Run("later", 0, 1, 100, 10, List.of(id), placing)));
  }

  private static Command commit(HeldId id) {
    return new Command.EndTransaction("deals", id, true);
  }

  private static Command rollback(HeldId id) {
    return new Command.EndTransaction("deals", id, false);
  }
}
