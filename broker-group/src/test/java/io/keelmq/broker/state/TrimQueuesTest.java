package io.keelmq.broker.state;

import static io.keelmq.broker.state.testing.StateScript.batch;
import static io.keelmq.broker.state.testing.StateScript.expect;
import static io.keelmq.broker.state.testing.StateScript.expectRejected;
import static io.keelmq.broker.state.testing.StateScript.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.ByDisk;
import io.keelmq.broker.state.Command.BySize;
import io.keelmq.broker.state.Command.Trim;
import io.keelmq.broker.state.Command.TrimQueues;
import io.keelmq.broker.state.Command.TrimReason;
import io.keelmq.broker.state.StateView.QueueBounds;
import io.keelmq.broker.state.testing.StateScript;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** Queues lose their oldest messages by size or for want of room, as the log says. */
class TrimQueuesTest {

  private final StateScript script = new StateScript().raised();

  private void sizedTopic(long retentionMillis, long retentionBytes) {
    var reply =
        script.apply(
            new Command.CreateTopic("sized", TopicType.NORMAL, 1, retentionMillis, retentionBytes));
    assertEquals(retentionBytes, expect(Reply.TopicSettings.class, reply).topic().retentionBytes());
  }

  private void trim(long toOffset, TrimReason reason) {
    expect(
        Reply.Done.class,
        script.apply(new TrimQueues(List.of(new Trim(id(), 0, toOffset, reason)))));
  }

  private long id() {
    return script.view.topic("sized").orElseThrow().id();
  }

  private QueueBounds bounds() {
    return script.view.bounds(id(), 0);
  }

  @Test
  void takesWholeRunsUpToTheOffset() {
    sizedTopic(0, 50);
    for (int i = 1; i <= 4; i++) {
      script.apply(batch("p", i, run("sized", 0, 2)));
    }

    trim(5, new BySize(50));
    assertEquals(new QueueBounds(4, 8), bounds());

    trim(5, new BySize(50));
    assertEquals(new QueueBounds(4, 8), bounds(), "a repeat finds nothing");

    trim(100, new BySize(50));
    script.apply(batch("p", 5, run("sized", 0, 2)));
    assertEquals(new QueueBounds(8, 10), bounds(), "an emptied queue goes on where it was");
    assertEquals(8, script.view.runs(id(), 0, 8, 9).get(0).firstOffset());
  }

  @Test
  void aSizeThatIsNoLongerTheTopicsTakesNothing() {
    sizedTopic(0, 50);
    script.apply(batch("p", 1, run("sized", 0, 2)));

    trim(2, new BySize(49));
    assertEquals(new QueueBounds(0, 2), bounds());

    script.apply(
        new Command.AlterTopic(
            "sized", OptionalInt.empty(), OptionalLong.empty(), OptionalLong.of(0)));
    trim(2, new BySize(50));
    trim(2, new BySize(0));
    assertEquals(new QueueBounds(0, 2), bounds());
  }

  @Test
  void ofAFullDiskOnlyWhatIsOldEnoughGoes() {
    sizedTopic(0, 0);
    script.apply(batch("p", 1, run("sized", 0, 2)));
    script.at(60_000).apply(batch("p", 2, run("sized", 0, 2)));

    script.at(60_999);
    trim(4, new ByDisk(61_000));
    assertEquals(new QueueBounds(0, 4), bounds());

    script.at(61_000);
    trim(4, new ByDisk(61_000));
    assertEquals(new QueueBounds(2, 4), bounds());

    trim(4, new ByDisk(Long.MAX_VALUE));
    assertEquals(new QueueBounds(2, 4), bounds());
  }

  @Test
  void whatWasTrimmedLeavesTheRetentionByTimeAsItWas() {
    sizedTopic(10_000, 50);
    script.apply(batch("p", 1, run("sized", 0, 2)));
    trim(2, new BySize(50));
    script.at(5_000).apply(batch("p", 2, run("sized", 0, 2)));

    script.at(12_000).apply(new Command.AdvanceTime());
    assertEquals(new QueueBounds(2, 4), bounds());
    script.at(16_001).apply(new Command.AdvanceTime());

    assertEquals(new QueueBounds(4, 4), bounds());
    assertTrue(script.view.nextDueMillis().isEmpty(), "no deadline is left behind");
  }

  @Test
  void touchesNoMoreRowsThanASweepAndGoesOnWithTheNextCommand() {
    sizedTopic(0, 50);
    for (int i = 1; i <= 1_000; i++) {
      script.apply(batch("p", i, run("sized", 0, 1)));
    }

    int before = script.tables.changes();
    trim(1_000, new BySize(50));

    assertTrue(script.tables.changes() - before <= Limits.SWEEP_ROWS + 10);
    assertEquals(Limits.SWEEP_ROWS, bounds().firstOffset());
    trim(1_000, new BySize(50));
    trim(1_000, new BySize(50));
    assertEquals(new QueueBounds(1_000, 1_000), bounds());
  }

  @Test
  void refusesSizesThatMakeNoSense() {
    expectRejected(
        Rejection.INVALID,
        script.apply(new Command.CreateTopic("sized", TopicType.NORMAL, 1, 0, -1)));
    expectRejected(
        Rejection.INVALID,
        script.apply(
            new Command.CreateTopic(
                "sized", TopicType.NORMAL, 1, 0, Limits.MAX_RETENTION_BYTES + 1)));
    expectRejected(
        Rejection.INVALID,
        script.apply(new Command.CreateTopic("%DLQ%g", TopicType.NORMAL, 1, 0, 50)));
    sizedTopic(0, 50);
    expectRejected(
        Rejection.TOPIC_EXISTS,
        script.apply(new Command.CreateTopic("sized", TopicType.NORMAL, 1, 0, 51)));
    expectRejected(
        Rejection.INVALID,
        script.apply(
            new TrimQueues(
                Collections.nCopies(Limits.MAX_TRIMS + 1, new Trim(id(), 0, 1, new BySize(50))))));
  }
}
