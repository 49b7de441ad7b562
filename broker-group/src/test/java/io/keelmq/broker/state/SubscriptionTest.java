package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.batch;
import static io.keelmq.broker.state.testing.StateScript.expect;
import static io.keelmq.broker.state.testing.StateScript.expectRejected;
import static io.keelmq.broker.state.testing.StateScript.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.FromCursor;
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

/** Where consumer groups begin, how they are moved, and what is left when they go. */
class SubscriptionTest {

  private final LeaseScript story = new LeaseScript(false, 3);

  private Effect ready() {
    return new Effect.QueueReady(story.groupId(), story.topicId(), 0, 0);
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
