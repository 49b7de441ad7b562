package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.batch;
import static io.keelmq.broker.state.testing.StateScript.expect;
import static io.keelmq.broker.state.testing.StateScript.expectRejected;
import static io.keelmq.broker.state.testing.StateScript.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.QueueOffset;
import io.keelmq.broker.state.StateView.Progress;
import io.keelmq.broker.state.StateView.QueueBounds;
import io.keelmq.broker.state.testing.StateScript;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CatalogTest {

  private final StateScript script = new StateScript();

  @Test
  void createsATopicOnceAndToleratesTheSameAgain() {
    var create = new Command.CreateTopic("orders", TopicType.FIFO, 8, 1_000);

    var first = expect(Reply.TopicSettings.class, script.apply(create));
    var second = expect(Reply.TopicSettings.class, script.apply(create));

    assertEquals(first, second);
    expectRejected(
        Rejection.TOPIC_EXISTS,
        script.apply(new Command.CreateTopic("orders", TopicType.FIFO, 9, 1_000)));
    assertEquals(List.of(first.topic()), script.view.topics());
    assertEquals(1, script.view.topicsVersion());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a b", "a/b", "..", "ä", "a\n", "a|b"})
  void rejectsIllegalTopicNames(String name) {
    expectRejected(
        Rejection.ILLEGAL_TOPIC,
        script.apply(new Command.CreateTopic(name, TopicType.NORMAL, 1, 0)));
    assertEquals(0, script.view.topicsVersion());
  }

  @Test
  void takesNamesUpToTheirLimit() {
    script.topic("%aZ09_-" + "x".repeat(120), 1);
    expectRejected(
        Rejection.ILLEGAL_TOPIC,
        script.apply(new Command.CreateTopic("x".repeat(128), TopicType.NORMAL, 1, 0)));
  }

  @Test
  void rejectsSettingsOutOfBounds() {
    expectRejected(
        Rejection.INVALID, script.apply(new Command.CreateTopic("t", TopicType.NORMAL, 0, 0)));
    expectRejected(
        Rejection.INVALID, script.apply(new Command.CreateTopic("t", TopicType.NORMAL, 1_025, 0)));
    expectRejected(
        Rejection.INVALID, script.apply(new Command.CreateTopic("t", TopicType.NORMAL, 1, -1)));
  }

  @Test
  void addsQueuesButTakesNoneAway() {
    script.topic("orders", 2);

    var altered =
        script.apply(new Command.AlterTopic("orders", OptionalInt.of(4), OptionalLong.empty()));

    assertEquals(4, expect(Reply.TopicSettings.class, altered).topic().queues());
    expectRejected(
        Rejection.INVALID,
        script.apply(new Command.AlterTopic("orders", OptionalInt.of(3), OptionalLong.empty())));
    expectRejected(
        Rejection.TOPIC_NOT_FOUND,
        script.apply(new Command.AlterTopic("nix", OptionalInt.of(3), OptionalLong.empty())));
  }

  @Test
  void aDeletedTopicLeavesNothingToItsSuccessor() {
    script.topic("orders", 1);
    for (int i = 1; i <= 1_000; i++) {
      script.apply(batch("p", i, run("orders", 0, 1)));
    }
    script.apply(commit("billing", "orders", 0, 500));
    long oldId = script.view.topic("orders").orElseThrow().id();

    script.apply(new Command.DeleteTopic("orders"));
    script.topic("orders", 1);

    Topic fresh = script.view.topic("orders").orElseThrow();
    assertNotEquals(oldId, fresh.id());
    assertEquals(new QueueBounds(0, 0), script.view.bounds(fresh.id(), 0));
    assertEquals(
        List.of(),
        script.view.progress("billing").stream().filter(p -> p.topicId() == fresh.id()).toList());
    int steps = 0;
    while (script.view.nextDueMillis().isPresent()) {
      int changes = script.tables.changes();
      script.apply(new Command.AdvanceTime());
      assertTrue(script.tables.changes() - changes < 1_000, "a step is bounded");
      steps++;
      assertTrue(steps < 10, "sweeping ends");
    }
    assertTrue(steps > 1, "it took more than one step");
    assertEquals(0, script.tables.rows(Table.RUNS));
    assertEquals(List.of(), script.view.progress("billing"));
  }

  @Test
  void retentionMovesTheFirstOffset() {
    script.topic("orders", 1, 10_000);
    long id = script.view.topic("orders").orElseThrow().id();
    script.at(0).apply(batch("p", 1, run("orders", 0, 5)));
    script.at(5_000).apply(batch("p", 2, run("orders", 0, 5)));

    long due = script.view.nextDueMillis().orElseThrow();
    assertTrue(due >= 1_010_000 && due <= 1_011_000, "due " + due);
    script.at(9_999).apply(new Command.AdvanceTime());
    assertEquals(new QueueBounds(0, 10), script.view.bounds(id, 0));
    script.at(due - 1_000_000).apply(new Command.AdvanceTime());
    assertEquals(new QueueBounds(5, 10), script.view.bounds(id, 0));
    script.at(20_000).apply(new Command.AdvanceTime());
    assertEquals(new QueueBounds(10, 10), script.view.bounds(id, 0));
    assertEquals(OptionalLong.empty(), script.view.nextDueMillis(), "an empty queue needs no look");

    script.at(30_000).apply(batch("p", 3, run("orders", 0, 1)));
    assertEquals(new QueueBounds(10, 11), script.view.bounds(id, 0));
    assertTrue(script.view.nextDueMillis().isPresent());
  }

  @Test
  void aNewRetentionIsAppliedToWhatIsThere() {
    script.topic("orders", 1);
    long id = script.view.topic("orders").orElseThrow().id();
    script.at(0).apply(batch("p", 1, run("orders", 0, 5)));
    assertEquals(OptionalLong.empty(), script.view.nextDueMillis());

    script
        .at(60_000)
        .apply(new Command.AlterTopic("orders", OptionalInt.empty(), OptionalLong.of(1_000)));
    script.apply(new Command.AdvanceTime());

    assertEquals(new QueueBounds(5, 5), script.view.bounds(id, 0));
  }

  @Test
  void aRetentionBeyondTheEndOfTimeTrimsNothing() {
    script.topic("orders", 1);
    long id = script.view.topic("orders").orElseThrow().id();
    script.at(0).apply(batch("p", 1, run("orders", 0, 5)));

    expectRejected(
        Rejection.INVALID,
        script.apply(
            new Command.AlterTopic(
                "orders", OptionalInt.empty(), OptionalLong.of(Long.MAX_VALUE))));
    script
        .at(1)
        .apply(
            new Command.AlterTopic(
                "orders", OptionalInt.empty(), OptionalLong.of(Limits.MAX_RETENTION_MILLIS)));
    script.at(60_000).apply(new Command.AdvanceTime());

    assertEquals(new QueueBounds(0, 5), script.view.bounds(id, 0));
  }

  @Test
  void trimsALongQueueInBoundedSteps() {
    script.topic("orders", 1, 10_000);
    long id = script.view.topic("orders").orElseThrow().id();
    for (int i = 1; i <= 1_500; i++) {
      script.apply(batch("p", i, run("orders", 0, 1)));
    }
    script.at(60_000);
    int steps = 0;
    while (script.view.nextDueMillis().isPresent()) {
      int changes = script.tables.changes();
      script.apply(new Command.AdvanceTime());
      assertTrue(script.tables.changes() - changes < 1_000, "a step is bounded");
      assertTrue(++steps < 10);
    }

    assertEquals(new QueueBounds(1_500, 1_500), script.view.bounds(id, 0));
    assertEquals(0, script.tables.rows(Table.RUNS));
  }

  @Test
  void committedOffsetsOnlyRise() {
    script.topic("orders", 2);
    script.apply(batch("p", 1, run("orders", 0, 10)));
    long id = script.view.topic("orders").orElseThrow().id();

    expect(Reply.Done.class, script.apply(commit("billing", "orders", 0, 7)));
    expect(Reply.Done.class, script.apply(commit("billing", "orders", 0, 3)));

    assertEquals(List.of(new Progress(id, 0, 0, 7)), script.view.progress("billing"));
    assertEquals(
        Optional.of(GroupSettings.of(GroupKind.OFFSET)),
        script.view.consumerGroup("billing").map(StateView.ConsumerGroup::settings));
  }

  @Test
  void rejectsOffsetsThatCannotBe() {
    script.topic("orders", 2);
    script.apply(batch("p", 1, run("orders", 0, 10)));

    expectRejected(Rejection.ILLEGAL_OFFSET, script.apply(commit("billing", "orders", 0, -1)));
    expectRejected(Rejection.OFFSET_OUT_OF_RANGE, script.apply(commit("billing", "orders", 0, 11)));
    expectRejected(Rejection.QUEUE_NOT_FOUND, script.apply(commit("billing", "orders", 2, 0)));
    expectRejected(Rejection.TOPIC_NOT_FOUND, script.apply(commit("billing", "nix", 0, 0)));
    expectRejected(Rejection.ILLEGAL_CONSUMER_GROUP, script.apply(commit("b g", "orders", 0, 0)));
    expectRejected(
        Rejection.INVALID,
        script.apply(new Command.CommitOffsets("billing", "orders", 0, List.of())));
    assertEquals(List.of(), script.view.consumerGroups());
  }

  @Test
  void aSeekFencesCommitsOfBefore() {
    script.topic("orders", 1);
    script.apply(batch("p", 1, run("orders", 0, 10)));
    script.apply(commit("billing", "orders", 0, 7));

    var seek =
        script.apply(new Command.SeekOffsets("billing", "orders", List.of(new QueueOffset(0, 2))));

    assertEquals(new Reply.Epoch(1), seek);
    expectRejected(Rejection.EPOCH_FENCED, script.apply(commit("billing", "orders", 0, 8)));
    var next = new Command.CommitOffsets("billing", "orders", 1, List.of(new QueueOffset(0, 3)));
    expect(Reply.Done.class, script.apply(next));
    assertEquals(3, script.view.progress("billing").get(0).committedOffset());
  }

  @Test
  void aLeaseGroupTakesNoCommits() {
    script.topic("orders", 1);
    script.apply(new Command.CreateConsumerGroup("billing", GroupKind.LEASE));

    var reply = script.apply(commit("billing", "orders", 0, 0));

    expectRejected(Rejection.CONSUMER_GROUP_KIND_CONFLICT, reply);
    assertTrue(((Reply.Rejected) reply).message().contains("SeekOffsets"));
    expectRejected(
        Rejection.CONSUMER_GROUP_EXISTS,
        script.apply(new Command.CreateConsumerGroup("billing", GroupKind.OFFSET)));
    expect(
        Reply.Done.class,
        script.apply(new Command.CreateConsumerGroup("billing", GroupKind.LEASE)));
  }

  @Test
  void aDeletedConsumerGroupStartsAfresh() {
    script.topic("orders", 1);
    script.apply(batch("p", 1, run("orders", 0, 10)));
    script.apply(commit("billing", "orders", 0, 7));

    expect(Reply.Done.class, script.apply(new Command.DeleteConsumerGroup("billing")));
    script.apply(commit("billing", "orders", 0, 1));
    script.apply(new Command.AdvanceTime());

    assertEquals(1, script.view.progress("billing").get(0).committedOffset());
    assertEquals(OptionalLong.empty(), script.view.nextDueMillis());
    expectRejected(
        Rejection.CONSUMER_GROUP_NOT_FOUND, script.apply(new Command.DeleteConsumerGroup("nix")));
  }

  @Test
  void aRepeatedCommandGetsItsFirstReply() {
    var origin = new CommandOrigin(42, 1);
    var create = new Command.CreateTopic("orders", TopicType.NORMAL, 2, 0);
    Reply first = script.apply(origin, create);
    script.apply(new Command.DeleteTopic("orders"));

    assertEquals(first, script.restart().apply(origin, create));
    assertEquals(Optional.empty(), script.view.topic("orders"), "it was not made again");

    var rejected = new CommandOrigin(42, 2);
    var alter = new Command.AlterTopic("orders", OptionalInt.of(4), OptionalLong.empty());
    Reply refusal = script.apply(rejected, alter);
    script.topic("orders", 2);
    assertEquals(refusal, script.apply(rejected, alter), "rejections are remembered too");
    assertEquals(2, script.view.topic("orders").orElseThrow().queues());
  }

  @Test
  void forgetsRepliesAfterAMinute() {
    var create = new Command.CreateTopic("orders", TopicType.NORMAL, 2, 0);
    script.at(0).apply(new CommandOrigin(42, 1), create);
    script.at(1).apply(new Command.DeleteTopic("orders"));

    script.at(60_000).apply(new CommandOrigin(42, 2), new Command.AdvanceTime());
    script.at(60_000).apply(new CommandOrigin(42, 1), create);
    assertEquals(Optional.empty(), script.view.topic("orders"), "60 s are kept");
    script.at(60_001).apply(new CommandOrigin(42, 3), new Command.AdvanceTime());
    script.at(60_001).apply(new CommandOrigin(42, 1), create);
    assertTrue(script.view.topic("orders").isPresent());
  }

  private static Command commit(String group, String topic, int queue, long offset) {
    return new Command.CommitOffsets(group, topic, 0, List.of(new QueueOffset(queue, offset)));
  }
}
