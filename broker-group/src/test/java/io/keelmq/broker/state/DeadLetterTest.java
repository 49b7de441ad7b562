package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.expect;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.FromCursor;
import io.keelmq.broker.state.StateView.Cursor;
import io.keelmq.broker.state.testing.LeaseScript;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** What a consumer group that tries three times gives up. */
class DeadLetterTest {

  private final LeaseScript story = new LeaseScript(false, 3);

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
    assertEquals(new Topic(topic.id(), "%DLQ%billing", TopicType.NORMAL, 1, 0, 0), topic);
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
}
