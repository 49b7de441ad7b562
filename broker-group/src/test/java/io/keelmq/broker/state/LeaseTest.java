package io.keelmq.broker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.StateView.Cursor;
import io.keelmq.broker.state.testing.LeaseScript;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Leases of a consumer group that is not FIFO. */
class LeaseTest {

  private final LeaseScript story = new LeaseScript(false, 3);

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
    assertEquals(List.of(), story.grantTo(64), "nobody else gets them");

    assertEquals(2, story.ack(lease.id(), 0, 2));
    assertEquals(1, story.lowestOutstanding());
    assertEquals(62, story.ack(lease.id()));
    assertEquals(0, story.ack(lease.id()), "they are settled");
    assertEquals(new Cursor(0, 64, 0, 0, 0, 0), story.cursor());
    assertEquals(64, story.lowestOutstanding());
    assertEquals(0, story.script.tables.rows(Table.DEADLINES));
  }

  @Test
  void deliversAgainAfterTheDeadlineAndCountsTheAttempt() {
    story.sendPlain(3);
    var lease = story.at(0).grantTo(3).get(0);
    story.ack(lease.id(), 1);

    story.at(29_999).advanceTime();
    assertEquals(List.of(), story.grantReady());
    story.at(30_000).advanceTime();

    assertTrue(
        story
            .outcome()
            .effects()
            .contains(new Effect.QueueReady(story.groupId(), story.topicId(), 0)));
    var again = story.grantReady().get(0);
    assertEquals(OffsetSet.of(0, 2), again.offsets());
    assertEquals(2, again.attempt());
    assertEquals(0, story.ack(lease.id()), "the first holder has lost them");
    assertEquals(2, story.ack(again.id()));
  }
}
