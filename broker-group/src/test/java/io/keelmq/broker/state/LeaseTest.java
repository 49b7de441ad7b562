package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.batch;
import static io.keelmq.broker.state.testing.StateScript.expect;
import static io.keelmq.broker.state.testing.StateScript.expectRejected;
import static io.keelmq.broker.state.testing.StateScript.run;
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
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** Leases of a consumer group that is not FIFO and tries three times. */
class LeaseTest {

  private final LeaseScript story = new LeaseScript(false, 3);

  private Effect ready() {
    return new Effect.QueueReady(story.groupId(), story.topicId(), 0);
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
  void aThirdFailureIsTheLast() {
    story.send(0, 0, 0, 0, 0);
    var lease = story.at(0).grantTo(5).get(0);
    story.ack(lease.id(), 0, 3);
    story.nack(lease.id(), 0);
    story.nack(story.grantReady().get(0).id(), 0);
    var third = story.grantReady().get(0);
    assertEquals(3, third.attempt());

    assertEquals(1, story.nack(third.id(), 0, 2));
    assertEquals(1, story.deadLetters());
    assertTrue(story.outcome().effects().contains(new Effect.TopicsChanged()));
    story.at(30_000).advanceTime();

    assertEquals(3, story.deadLetters());
    assertEquals(new Cursor(0, 5, 0, 0, 0, 0), story.cursor());
    Topic topic = story.script.view.topic("%DLQ%billing").orElseThrow();
    assertEquals(new Topic(topic.id(), "%DLQ%billing", TopicType.NORMAL, 1, 0), topic);
    var original = story.script.view.runs(story.topicId(), 0, 0, 1).get(0);
    var letters = story.script.view.runs(topic.id(), 0, 0, 10);
    assertEquals(
        List.of(
            letter(0, original, 2, 1, 1_000_000),
            letter(1, original, 1, 1, 1_030_000),
            letter(2, original, 4, 1, 1_030_000)),
        letters);
  }

  private StateView.StoredRun letter(
      long offset, StateView.StoredRun original, int skip, int count, long timeMillis) {
    return new StateView.StoredRun(
        offset,
        count,
        original.logIndex(),
        original.position(),
        original.bytes(),
        timeMillis,
        skip,
        Optional.of(new StateView.Source(story.topicId(), 0, skip)));
  }

  @Test
  void neighboursAreBuriedInOneRow() {
    story.sendPlain(5);
    story.deadLetter(story.grantTo(5).get(0).id(), 1, 2, 3);

    long topicId = story.script.view.topic("%DLQ%billing").orElseThrow().id();

    assertEquals(
        List.of(
            letter(0, story.script.view.runs(story.topicId(), 0, 0, 1).get(0), 1, 3, 1_000_000)),
        story.script.view.runs(topicId, 0, 0, 10));
  }

  @Test
  void buriesManyInBoundedSteps() {
    for (int i = 0; i < 1_000; i++) {
      story.sendPlain(1);
    }
    var lease = story.grantTo(1_000).get(0);
    int before = story.script.tables.changes();

    assertEquals(1_000, story.deadLetter(lease.id()));

    assertTrue(story.script.tables.changes() - before < 1_000);
    assertEquals(Limits.DEAD_LETTER_ROWS, story.deadLetters());
    assertEquals(List.of(), story.leased(), "nobody gets them any more");
    assertEquals(Limits.DEAD_LETTER_ROWS, story.lowestOutstanding());
    int steps = 0;
    while (story.deadLetters() < 1_000) {
      before = story.script.tables.changes();
      story.advanceTime();
      assertTrue(story.script.tables.changes() - before < 1_000);
      assertTrue(++steps < 10);
    }
    assertEquals(new Cursor(0, 1_000, 0, 0, 0, 0), story.cursor());
    assertEquals(OptionalLong.empty(), story.script.view.nextDueMillis());
  }

  @Test
  void whatADeadLetterTopicsConsumersGiveUpIsDropped() {
    story.sendPlain(1);
    story.deadLetter(story.grantTo(1).get(0).id());
    var script = story.script;
    script.apply(
        new Command.CreateConsumerGroup(
            "undertaker", new GroupSettings(GroupKind.LEASE, false, 1, false)));
    script.apply(new Command.SubscribeGroup("undertaker", "%DLQ%billing"));
    var leased =
        expect(
            Reply.Leased.class,
            script.apply(
                new Command.GrantLeases(
                    "undertaker",
                    "%DLQ%billing",
                    0,
                    0,
                    "c",
                    "",
                    1_000,
                    List.of(new FromCursor(0, 1, List.of(new Candidates(0, OffsetSet.of(0))))))));
    assertEquals(1, leased.leases().size());

    script.at(1_000).apply(new Command.AdvanceTime());

    assertEquals(Optional.empty(), script.view.topic("%DLQ%undertaker"));
    assertEquals(1, script.view.deadLettersDropped());
    long topicId = script.view.topic("%DLQ%billing").orElseThrow().id();
    long groupId = script.view.consumerGroup("undertaker").orElseThrow().id();
    assertEquals(1, script.view.lowestOutstanding(groupId, topicId, 0));
  }

  @Test
  void messagesThatAreGoneAreNotBuriedAndNotLeased() {
    var script = story.script;
    script.apply(new Command.AlterTopic("orders", OptionalInt.empty(), OptionalLong.of(10_000)));
    story.at(0).sendPlain(3);
    var lease = story.grantTo(2).get(0);
    story.at(15_000).advanceTime();
    assertEquals(3, script.view.bounds(story.topicId(), 0).firstOffset());

    assertEquals(1, story.deadLetter(lease.id(), 0));
    assertEquals(0, story.deadLetters());
    assertEquals(1, script.view.deadLettersDropped());
    story.nack(lease.id(), 0);
    assertEquals(List.of(), story.grantReady());
    assertEquals(new Cursor(0, 2, 0, 0, 0, 0), story.cursor());

    // The planner jumps to what is retained, and what is not there leaves no rows.
    story.sendPlain(1);
    assertEquals(OffsetSet.of(3), story.grantFrom(3, 4).get(0).offsets());
    assertEquals(new Cursor(0, 4, 1, 1, 0, 0), story.cursor());
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
    assertTrue(story.outcome().effects().contains(ready()));
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
  void aSeekMakesEverythingOutVoid() {
    story.sendPlain(10);
    var lease = story.grantTo(6).get(0);
    story.nack(lease.id(), 0, 1);

    story.seek(4);

    assertEquals(new Reply.Epoch(1), story.outcome().reply());
    assertTrue(story.outcome().effects().contains(ready()));
    assertEquals(new Cursor(1, 4, 0, 0, 0, 0), story.cursor());
    assertEquals(0, story.ack(lease.id()));
    assertEquals(List.of(), story.ready());
    var old =
        new Command.SettleLeases(
            "billing",
            "orders",
            0,
            0,
            List.of(new Settlement(SettlementKind.ACK, lease.id(), OffsetSet.EMPTY, 0)));
    assertEquals(
        new Reply.Settled(List.of(new Reply.SettledPart(0, Optional.empty(), 0))),
        story.apply(old));
    story.advanceTime();
    assertEquals(1, story.script.tables.rows(Table.LEASES), "the cursor is left");
    assertEquals(OptionalLong.empty(), story.script.view.nextDueMillis());
    assertEquals(OffsetSet.range(4, 6), story.grantTo(10).get(0).offsets());
  }

  @Test
  void aSeekMovesOnlyTheQueuesItNames() {
    story.script.apply(new Command.AlterTopic("orders", OptionalInt.of(2), OptionalLong.empty()));
    story.sendPlain(4);
    story.grantTo(4);
    story.script.apply(batch("q", 1, run("orders", 1, 5)));

    story.script.apply(
        new Command.SeekOffsets("billing", "orders", List.of(new Command.QueueOffset(1, 3))));

    assertEquals(new Cursor(0, 4, 1, 4, 0, 0), story.cursor());
    assertEquals(
        Optional.of(new Cursor(1, 3, 0, 0, 0, 0)),
        story.script.view.cursor(story.groupId(), story.topicId(), 1));
  }

  @Test
  void beginsWhereItsSettingsSayAndAtTheBeginningOfLaterQueues() {
    var script = story.script;
    script.apply(batch("q", 1, run("orders", 0, 5)));
    script.apply(
        new Command.CreateConsumerGroup(
            "late", new GroupSettings(GroupKind.LEASE, false, 3, true)));
    long late = script.view.consumerGroup("late").orElseThrow().id();
    assertEquals(Optional.empty(), script.view.cursor(late, story.topicId(), 0));
    assertEquals(
        new Reply.Leased(List.of()),
        script.apply(
            new Command.GrantLeases(
                "late",
                "orders",
                0,
                0,
                "c",
                "",
                1_000,
                List.of(new FromCursor(0, 5, List.of(new Candidates(0, OffsetSet.of(1))))))),
        "it did not subscribe");

    script.apply(new Command.SubscribeGroup("late", "orders"));
    script.apply(new Command.AlterTopic("orders", OptionalInt.of(2), OptionalLong.empty()));
    script.apply(batch("q", 2, run("orders", 0, 1), run("orders", 1, 4)));
    script.apply(new Command.SubscribeGroup("late", "orders"));

    assertEquals(5, script.view.cursor(late, story.topicId(), 0).orElseThrow().nextOffset());
    assertEquals(0, script.view.cursor(late, story.topicId(), 1).orElseThrow().nextOffset());
    assertEquals(
        List.of(
            new StateView.Progress(story.topicId(), 0, 0, 5),
            new StateView.Progress(story.topicId(), 1, 0, 0)),
        script.view.progress("late"));
  }

  @Test
  void aSubscriptionMakesTheGroupButNoOtherKindOfIt() {
    var script = new StateScript();
    script.topic("orders", 1);

    expect(Reply.Done.class, script.apply(new Command.SubscribeGroup("new", "orders")));

    assertEquals(
        GroupSettings.of(GroupKind.LEASE),
        script.view.consumerGroup("new").orElseThrow().settings());
    script.apply(new Command.CreateConsumerGroup("reader", GroupKind.OFFSET));
    expectRejected(
        Rejection.CONSUMER_GROUP_KIND_CONFLICT,
        script.apply(new Command.SubscribeGroup("reader", "orders")));
    expectRejected(
        Rejection.TOPIC_NOT_FOUND, script.apply(new Command.SubscribeGroup("new", "nix")));
    expectRejected(
        Rejection.ILLEGAL_CONSUMER_GROUP,
        script.apply(new Command.SubscribeGroup("n w", "orders")));
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

  @Test
  void aDeletedGroupAndADeletedTopicLeaveNothing() {
    story.sendPlain(2_000);
    for (int from = 0; from < 2_000; from += 100) {
      var candidates = new ArrayList<Candidates>();
      for (int offset = from; offset < from + 100; offset++) {
        candidates.add(new Candidates(0, OffsetSet.of(offset)));
      }
      story.grant(new FromCursor(from, from + 100, candidates));
    }
    story.script.apply(new Command.SubscribeGroup("other", "orders"));
    story.script.apply(new Command.DeleteConsumerGroup("billing"));
    sweep();
    assertEquals(1, story.script.tables.rows(Table.LEASES), "the other group's cursor");
    assertEquals(OptionalLong.empty(), story.script.view.nextDueMillis());

    story.script.apply(new Command.DeleteTopic("orders"));
    sweep();
    assertEquals(0, story.script.tables.rows(Table.LEASES));
    assertEquals(List.of(), story.script.view.progress("other"));
  }

  private void sweep() {
    int steps = 0;
    while (story.script.view.nextDueMillis().orElse(Long.MAX_VALUE) <= story.script.nowMillis()) {
      int before = story.script.tables.changes();
      story.advanceTime();
      assertTrue(story.script.tables.changes() - before < 1_000);
      assertTrue(++steps < 40);
    }
    assertTrue(steps > 0);
  }

  @Test
  void settingsOfGroupsAreChecked() {
    for (int attempts : new int[] {0, -1, 1_001}) {
      expectRejected(
          Rejection.INVALID,
          story.apply(
              new Command.CreateConsumerGroup(
                  "g", new GroupSettings(GroupKind.LEASE, false, attempts, false))));
    }
    for (var settings :
        List.of(
            new GroupSettings(GroupKind.OFFSET, true, 17, false),
            new GroupSettings(GroupKind.OFFSET, false, 3, false),
            new GroupSettings(GroupKind.OFFSET, false, 17, true))) {
      expectRejected(
          Rejection.INVALID, story.apply(new Command.CreateConsumerGroup("g", settings)));
    }
    var most = new GroupSettings(GroupKind.LEASE, true, 1_000, true);
    expect(Reply.Done.class, story.apply(new Command.CreateConsumerGroup("g", most)));
    assertEquals(most, story.script.view.consumerGroup("g").orElseThrow().settings());
  }
}
