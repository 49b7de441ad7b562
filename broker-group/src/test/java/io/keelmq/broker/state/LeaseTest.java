package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.expectRejected;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.FromCursor;
import io.keelmq.broker.state.Command.FromReady;
import io.keelmq.broker.state.Command.Settlement;
import io.keelmq.broker.state.Command.SettlementKind;
import io.keelmq.broker.state.StateView.Cursor;
import io.keelmq.broker.state.testing.LeaseScript;
import io.keelmq.broker.state.testing.StateScript;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Leases of a consumer group that is not FIFO and tries three times. */
class LeaseTest {

  private final LeaseScript story = new LeaseScript(false, 3);

  private Effect ready() {
    return new Effect.QueueReady(story.groupId(), story.topicId(), 0, 0);
  }

  @Test
  void hidesMessagesUntilTheyAreAcknowledged() {
    story.sendPlain(64);

    var lease = story.at(5).grantTo(64).get(0);

    assertEquals(OffsetSet.range(0, 64), lease.offsets());
    assertEquals(1, lease.attempt());
    assertEquals(1_000_005 + LeaseScript.INVISIBLE_MILLIS, lease.deadlineMillis());
    assertEquals(new Cursor(0, 64, 1, 64, 0, 0), story.cursor());
    assertEquals(0, story.lowestOutstanding());
    assertTrue(story.outcome().effects().contains(new Effect.DueAt(lease.deadlineMillis())));
    assertEquals(List.of(), story.grantFrom(0, 64), "nobody else gets them");

    assertEquals(2, story.ack(lease.id(), 0, 2));
    assertEquals(1, story.lowestOutstanding());
    assertEquals(62, story.ack(lease.id()));
    assertEquals(0, story.ack(lease.id()), "they are settled");
    assertEquals(new Cursor(0, 64, 0, 0, 0, 0), story.cursor());
    assertEquals(64, story.lowestOutstanding());
    assertEquals(0, story.script.tables.rows(Table.DEADLINES));
  }

  @Test
  void costsAHandfulOfRowsForEachDenseBatch() {
    story.sendPlain(64);
    // Batch, deadline, cursor; the same again, and the applied index of each entry.
    int before = story.script.tables.changes();

    var lease = story.grantTo(64).get(0);
    story.ack(lease.id());

    assertEquals(8, story.script.tables.changes() - before);
  }

  @Test
  void deliversAgainAfterTheDeadlineAndCountsTheAttempt() {
    story.sendPlain(3);
    var lease = story.at(0).grantTo(3).get(0);
    story.ack(lease.id(), 1);

    story.at(29_999).advanceTime();
    assertEquals(List.of(), story.grantReady());
    story.at(30_000).advanceTime();

    assertTrue(story.outcome().effects().contains(ready()));
    var again = story.grantReady().get(0);
    assertEquals(OffsetSet.of(0, 2), again.offsets());
    assertEquals(2, again.attempt());
    assertNotEquals(lease.id(), again.id());
    assertEquals(0, story.ack(lease.id()), "the first holder has lost them");
    assertEquals(2, story.ack(again.id()));
  }

  @Test
  void aLateAcknowledgementCountsWhileNobodyElseHasTheMessage() {
    story.sendPlain(2);
    var lease = story.at(0).grantTo(2).get(0);
    story.at(30_000).advanceTime();

    assertEquals(1, story.ack(lease.id(), 0));

    assertEquals(OffsetSet.of(1), story.grantReady().get(0).offsets());
  }

  @Test
  void givesBackAfterATimeOrAtOnce() {
    story.sendPlain(4);
    var lease = story.at(0).grantTo(4).get(0);

    assertEquals(2, story.at(1_000).nack(lease.id(), 5_000, 1, 2));
    assertEquals(List.of(), story.ready());
    assertEquals(1, story.nack(lease.id(), 0, 3));

    var atOnce = story.grantReady();
    assertEquals(OffsetSet.of(3), atOnce.get(0).offsets());
    assertEquals(2, atOnce.get(0).attempt());
    story.at(5_999).advanceTime();
    assertEquals(List.of(), story.ready());
    story.at(6_000).advanceTime();
    assertEquals(OffsetSet.of(1, 2), story.grantReady().get(0).offsets());
    assertEquals(1, story.ack(lease.id()), "the first is still leased");
  }

  @Test
  void releasingIsNoAttemptAndEndsTheConsumersHold() {
    story.sendPlain(2);
    var lease = story.grantTo(2).get(0);

    assertEquals(2, story.release(lease.id()));

    assertTrue(story.outcome().effects().contains(ready()));
    assertEquals(0, story.ack(lease.id()));
    assertEquals(1, story.grantReady().get(0).attempt());
  }

  @Test
  void extendsAWholeLeaseInPlaceAndAPartUnderANewName() {
    story.sendPlain(3);
    var lease = story.at(0).grantTo(3).get(0);

    var whole = story.at(20_000).extend(lease.id(), 30_000);
    assertEquals(new Reply.SettledPart(3, Optional.of(lease.id()), 1_050_000), whole);
    var part = story.extend(lease.id(), 60_000, 1);

    assertEquals(1, part.messages());
    assertNotEquals(lease.id(), part.lease().get());
    story.at(50_000).advanceTime();
    assertEquals(OffsetSet.of(0, 2), story.ready().get(0).offsets());
    assertEquals(1, story.ack(part.lease().get()));
    assertEquals("client", story.ready().get(0).clientId(), "may still come late");
    assertEquals(2, story.extend(lease.id(), 1_000).messages(), "nobody else had them");
    assertEquals(List.of(), story.ready());
  }

  @Test
  void isNotHiddenByARenewalAfterItWasGivenBack() {
    story.sendPlain(2);
    var lease = story.at(0).grantTo(2).get(0);

    assertEquals(1, story.nack(lease.id(), 0, 0));
    assertEquals(1, story.nack(lease.id(), 5_000, 1));
    assertEquals(0, story.extend(lease.id(), 60_000).messages(), "its client has nothing of it");

    assertEquals(OffsetSet.of(0), story.ready().get(0).offsets());
    story.at(5_000).advanceTime();
    assertEquals(2, story.ready().size(), "each when it was to come again");
  }

  @Test
  void aLookForReadyBatchesWalksOverNoneThatWere() {
    for (int i = 0; i < 200; i++) {
      story.sendPlain(1);
      story.nack(story.grantTo(i + 1).get(0).id(), 0);
      assertEquals(
          i,
          story.outcome().effects().stream()
              .filter(Effect.QueueReady.class::isInstance)
              .mapToLong(effect -> ((Effect.QueueReady) effect).fromOffset())
              .min()
              .orElseThrow());
      int before = story.script.tables.deletedRowsWalked();
      var found = story.script.view.ready(story.groupId(), story.topicId(), 0, i, 1);
      assertEquals(OffsetSet.of(i), found.get(0).offsets());
      assertEquals(before, story.script.tables.deletedRowsWalked());
      story.ack(found.get(0).id());
    }
    assertEquals(List.of(), story.script.view.ready(story.groupId(), story.topicId(), 0, 0, 1));
  }

  @Test
  void tellsOfAReadyBatchThatHasAnotherName() {
    story.sendPlain(2);
    var lease = story.at(0).grantTo(2).get(0);
    story.at(30_000).advanceTime();

    // Whoever gives back late what is ready already.
    assertEquals(2, story.release(lease.id()));

    assertTrue(story.outcome().effects().contains(ready()));
  }

  @Test
  void whatAPlannerLeavesOutIsReady() {
    story.sendPlain(3_000);

    var lease = story.grantFrom(2_500, 2_510).get(0);

    assertEquals(OffsetSet.range(2_500, 10), lease.offsets());
    assertTrue(story.outcome().effects().contains(ready()));
    assertEquals(
        List.of(
            OffsetSet.range(0, 1_024), OffsetSet.range(1_024, 1_024), OffsetSet.range(2_048, 452)),
        story.ready().stream().map(StateView.Batch::offsets).toList());
    assertEquals(0, story.ack(story.ready().get(0).id()), "nobody had it");
    // The grant before comes late: its offsets are not beyond the cursor any more.
    assertEquals(List.of(), story.grantFrom(0, 2_500 - 2_000));
    assertEquals(
        1,
        story
            .grant(
                new FromReady(
                    story.ready().get(2).id(),
                    List.of(new Candidates(0, OffsetSet.of(2_050))),
                    OffsetSet.range(2_100, 400)))
            .get(0)
            .attempt());
    assertEquals(new Cursor(0, 2_510, 5, 11, 2_500 - 401, 0), story.cursor());
  }

  @Test
  void passesOverWhatWasGrantedMeanwhile() {
    story.sendPlain(10);
    story.grantTo(6);

    var late = story.grantFrom(3, 9);

    assertEquals(OffsetSet.range(6, 3), late.get(0).offsets());
    assertEquals(9, story.cursor().nextOffset());
  }

  @Test
  void filteredMessagesLeaveNothing() {
    story.sendPlain(10);

    var lease =
        story.grant(new FromCursor(0, 10, List.of(new Candidates(7, OffsetSet.of(2, 5))))).get(0);

    assertEquals(OffsetSet.of(2, 5), lease.offsets());
    assertEquals(2, story.ack(lease.id()));
    assertEquals(10, story.lowestOutstanding());
  }

  @Test
  void pausesWhenTooManyBatchesAreOutAndGoesOnWhenSomeAreSettled() {
    for (int i = 0; i < Limits.MAX_BATCHES_PER_QUEUE / 4_000; i++) {
      story.sendPlain(4_000);
    }
    story.sendPlain(1);
    var names = new ArrayList<LeaseId>();
    for (int from = 0; from < Limits.MAX_BATCHES_PER_QUEUE; from += 100) {
      var candidates = new ArrayList<Candidates>();
      for (int offset = from; offset < from + 100; offset++) {
        candidates.add(new Candidates(0, OffsetSet.of(offset)));
      }
      story
          .grant(new FromCursor(from, from + 100, candidates))
          .forEach(lease -> names.add(lease.id()));
    }
    assertEquals(Limits.MAX_BATCHES_PER_QUEUE, names.size());

    assertEquals(List.of(), story.grantTo(Limits.MAX_BATCHES_PER_QUEUE + 1));
    assertEquals(Limits.MAX_BATCHES_PER_QUEUE, story.cursor().nextOffset());
    story.ack(names.get(77));
    assertTrue(
        story
            .outcome()
            .effects()
            .contains(new Effect.QueueReady(story.groupId(), story.topicId(), 0, Long.MAX_VALUE)),
        "nothing became ready, there is only room");
    assertEquals(1, story.grantTo(Limits.MAX_BATCHES_PER_QUEUE + 1).size());
  }

  @Test
  void expiresAllThatIsDueInBoundedSteps() {
    story.sendPlain(1_000);
    for (int i = 0; i < 1_000; i += 100) {
      var candidates = new ArrayList<Candidates>();
      for (int offset = i; offset < i + 100; offset++) {
        candidates.add(new Candidates(0, OffsetSet.of(offset)));
      }
      story.at(i).grant(new FromCursor(i, i + 100, candidates));
    }
    story.at(60_000);
    int steps = 0;
    while (story.cursor().leased() > 0) {
      int before = story.script.tables.changes();
      story.advanceTime();
      assertTrue(story.script.tables.changes() - before < 1_000);
      assertTrue(++steps <= 10);
    }
    assertEquals(1_000, story.cursor().ready());
    assertEquals(1_000, story.ready().size());
  }

  @Test
  void rejectsWhatMakesNoSense() {
    story.sendPlain(10);
    expectRejected(Rejection.INVALID, grant("billing", 1_000, new FromCursor(0, 11, List.of())));
    expectRejected(Rejection.INVALID, grant("billing", 1_000, new FromCursor(5, 4, List.of())));
    expectRejected(Rejection.INVALID, grant("billing", 1_000, new FromCursor(-1, 4, List.of())));
    expectRejected(
        Rejection.INVALID,
        grant(
            "billing",
            1_000,
            new FromCursor(0, 1, List.of(new Candidates(0, OffsetSet.range(0, 1_025))))));
    expectRejected(
        Rejection.ILLEGAL_INVISIBLE_TIME, grant("billing", 999, new FromCursor(0, 1, List.of())));
    expectRejected(
        Rejection.CONSUMER_GROUP_NOT_FOUND, grant("nix", 1_000, new FromCursor(0, 1, List.of())));
    story.script.apply(new Command.CreateConsumerGroup("reader", GroupKind.OFFSET));
    expectRejected(
        Rejection.CONSUMER_GROUP_KIND_CONFLICT,
        grant("reader", 1_000, new FromCursor(0, 1, List.of())));
    expectRejected(
        Rejection.QUEUE_NOT_FOUND,
        story.apply(new Command.SettleLeases("billing", "orders", 1, 0, List.of())));
    expectRejected(
        Rejection.ILLEGAL_INVISIBLE_TIME,
        story.apply(
            new Command.SettleLeases(
                "billing",
                "orders",
                0,
                0,
                List.of(
                    new Settlement(
                        SettlementKind.EXTEND, new LeaseId(1, 0), OffsetSet.EMPTY, 999)))));
    assertEquals(new Cursor(0, 0, 0, 0, 0, 0), story.cursor());
  }

  private Reply grant(String group, long invisibleMillis, Command.Grant grant) {
    return story.apply(
        new Command.GrantLeases(group, "orders", 0, 0, "c", "", invisibleMillis, List.of(grant)));
  }

  @Test
  void aRepeatedCommandGetsItsFirstReply() {
    story.sendPlain(3);
    var command =
        new Command.GrantLeases(
            "billing",
            "orders",
            0,
            0,
            "c",
            "",
            1_000,
            List.of(
                new FromCursor(
                    0,
                    3,
                    List.of(
                        new Candidates(0, OffsetSet.of(0, 2)),
                        new Candidates(0, OffsetSet.of(1))))));
    Reply first = story.script.apply(new CommandOrigin(4, 1), command);

    assertEquals(first, story.script.restart().apply(new CommandOrigin(4, 1), command));

    LeaseId id = ((Reply.Leased) first).leases().get(0).id();
    var settle =
        new Command.SettleLeases(
            "billing",
            "orders",
            0,
            0,
            List.of(
                new Settlement(SettlementKind.EXTEND, id, OffsetSet.of(2), 1_000),
                new Settlement(SettlementKind.ACK, id, OffsetSet.EMPTY, 0)));
    Reply settled = story.script.apply(new CommandOrigin(4, 2), settle);
    assertEquals(settled, story.script.apply(new CommandOrigin(4, 2), settle));
    assertEquals(2, story.cursor().leased());
  }

  @Test
  void leasesOfOneEntryHaveNamesOfTheirOwn() {
    story.sendPlain(4);
    var commands = new ArrayList<StateScript.FedCommand>();
    for (int i = 0; i < 4; i++) {
      commands.add(
          new StateScript.FedCommand(
              Optional.empty(),
              new Command.GrantLeases(
                  "billing",
                  "orders",
                  0,
                  0,
                  "c",
                  "",
                  1_000,
                  List.of(new FromCursor(i, i + 1, List.of(new Candidates(0, OffsetSet.of(i))))))));
    }

    var names =
        story.script.entry(commands).stream()
            .map(outcome -> ((Reply.Leased) outcome.reply()).leases().get(0).id().ordinal())
            .toList();

    assertEquals(List.of(0, 1, 2, 3), names);
  }
}
