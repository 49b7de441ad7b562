package io.keelmq.broker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.FromCursor;
import io.keelmq.broker.state.Command.FromReady;
import io.keelmq.broker.state.StateView.Cursor;
import io.keelmq.broker.state.testing.LeaseScript;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** Leases of a FIFO consumer group that tries twice. Message groups are A, B and none. */
class FifoTest {

  private static final long A = 0xaaaa_aaaa_aaaa_aaaaL;
  private static final long B = 7;

  private final LeaseScript story = new LeaseScript(true, 2);

  private OffsetSet readyOffsets() {
    return story.ready().stream()
        .map(StateView.Batch::offsets)
        .reduce(OffsetSet.EMPTY, OffsetSet::plus);
  }

  @Test
  void deliversAMessageGroupToOneAtATime() {
    story.send(A, B, 0, A);
    var leases = story.grantTo(4);
    assertEquals(
        List.of(OffsetSet.of(0, 3), OffsetSet.of(1), OffsetSet.of(2)),
        leases.stream().map(Reply.Lease::offsets).toList());

    story.send(A, B, 0, A);
    var more = story.grantTo(8);

    assertEquals(
        List.of(OffsetSet.of(6)),
        more.stream().map(Reply.Lease::offsets).toList(),
        "only what has no message group");
    assertEquals(new Cursor(0, 8, 4, 5, 0, 3), story.cursor());

    assertEquals(1, story.ack(leases.get(0).id(), 0));
    assertEquals(OffsetSet.EMPTY, readyOffsets(), "3 is not settled");
    story.ack(leases.get(0).id(), 3);
    assertTrue(
        story
            .outcome()
            .effects()
            .contains(new Effect.QueueReady(story.groupId(), story.topicId(), 0, 4)));
    assertEquals(OffsetSet.of(4, 7), readyOffsets());
    var next = story.grantReady().get(0);
    assertEquals(1, next.attempt());
    story.ack(next.id());
    assertEquals(new Cursor(0, 8, 3, 3, 0, 1), story.cursor());
    assertEquals(1, story.lowestOutstanding());
  }

  @Test
  void aFreeMessageGroupCostsNoSearch() {
    story.send(A);
    var first = story.grantTo(1).get(0);
    for (int i = 0; i < 10; i++) {
      story.send(A, A, A, A);
      story.grantTo(story.end());
    }
    var holder = first.id();
    int walked = story.script.tables.deletedRowsWalked();

    while (true) {
      story.ack(holder);
      var next = story.grantReady();
      if (next.isEmpty()) {
        break;
      }
      holder = next.get(0).id();
    }

    assertEquals(new Cursor(0, 41, 0, 0, 0, 0), story.cursor());
    assertTrue(
        story.script.tables.deletedRowsWalked() - walked < 10,
        "walked over " + (story.script.tables.deletedRowsWalked() - walked));
    assertEquals(1, story.script.tables.rows(Table.LEASES), "the cursor is left");
  }

  @Test
  void blockedMessagesComeInTheirOrderHoweverMany() {
    story.send(A);
    var holder = story.grantTo(1).get(0).id();
    for (int i = 0; i < 70; i++) {
      story.send(A, A, A, A, A, A, A, A, A, A);
      story.grantTo(story.end());
    }
    assertEquals(700, story.cursor().blocked());

    long next = 1;
    while (story.cursor().blocked() > 0 || story.cursor().ready() > 0) {
      story.ack(holder);
      var lease = story.grantReady().get(0);
      assertEquals(OffsetSet.range(next, lease.offsets().size()), lease.offsets());
      assertTrue(lease.offsets().size() <= Limits.FREED_MESSAGES);
      next += lease.offsets().size();
      holder = lease.id();
    }

    assertEquals(701, next);
  }

  @Test
  void whatIsGivenBackComesAgainBeforeWhatWasBehind() {
    story.send(A, A, A, A);
    var lease = story.at(0).grantTo(4).get(0);
    story.ack(lease.id(), 0);

    assertEquals(3, story.nack(lease.id(), 5_000), "1 failed; 2 and 3 were not worked on");

    assertEquals(new Cursor(0, 4, 1, 1, 0, 2), story.cursor());
    story.at(5_000).advanceTime();
    var again = story.grantReady().get(0);
    assertEquals(OffsetSet.of(1), again.offsets());
    assertEquals(2, again.attempt());
    story.ack(again.id());
    var rest = story.grantReady().get(0);
    assertEquals(OffsetSet.of(2, 3), rest.offsets());
    assertEquals(1, rest.attempt());
  }

  @Test
  void whatIsGivenBackIsNotHiddenByARenewalOfItsLease() {
    story.send(A, A);
    var lease = story.at(0).grantTo(2).get(0);
    story.nack(lease.id(), 5_000, 0);

    // To its consumer the lease still holds 1, which it does not know to be given back too.
    assertEquals(0, story.at(1_000).extend(lease.id(), 30_000).messages());

    story.at(5_000).advanceTime();
    assertEquals(OffsetSet.of(0), readyOffsets());
    assertEquals(0, story.extend(lease.id(), 30_000).messages());
    assertEquals(OffsetSet.of(0), story.grantReady().get(0).offsets());
  }

  @Test
  void aFailureBehindOthersWaitsForThem() {
    story.send(A, A, A);
    var lease = story.grantTo(3).get(0);

    assertEquals(1, story.nack(lease.id(), 5_000, 1));

    assertEquals(OffsetSet.EMPTY, readyOffsets());
    assertEquals(0, story.ack(lease.id(), 2), "2 comes again, behind 1");
    story.ack(lease.id());
    var failed = story.grantReady().get(0);
    assertEquals(OffsetSet.of(1), failed.offsets());
    assertEquals(2, failed.attempt());
    story.ack(failed.id());
    assertEquals(1, story.grantReady().get(0).attempt(), "2 was never worked on");
  }

  @Test
  void anExpiredLeaseComesAgainInOrder() {
    story.send(A, A);
    story.at(0).grantTo(2);
    story.send(A);
    story.grantTo(3);

    story.at(30_000).advanceTime();

    assertEquals(OffsetSet.of(0), readyOffsets());
    var again = story.grantReady().get(0);
    assertEquals(2, again.attempt());
    story.ack(again.id());
    var next = story.grantReady().get(0);
    assertEquals(OffsetSet.of(1), next.offsets());
    assertEquals(1, next.attempt());
    story.ack(next.id());
    assertEquals(OffsetSet.of(2), story.grantReady().get(0).offsets());
  }

  @Test
  void theLastAttemptBuriesTheFirstAndLetsTheOthersGoOn() {
    story.send(A, A);
    story.at(0).grantTo(2);
    story.at(30_000).advanceTime();
    story.grantReady();

    story.at(60_000).advanceTime();

    assertEquals(1, story.deadLetters());
    assertEquals(OffsetSet.of(1), readyOffsets());
    assertEquals(1, story.grantReady().get(0).attempt());
  }

  @Test
  void buryingAllFreesTheMessageGroup() {
    story.send(A, A);
    var lease = story.grantTo(2).get(0);
    story.send(A);
    story.grantTo(3);

    assertEquals(2, story.deadLetter(lease.id()));

    assertEquals(2, story.deadLetters());
    assertEquals(OffsetSet.of(2), readyOffsets());
  }

  @Test
  void releasingBringsTheSameAgainAsNoAttempt() {
    story.send(A, A, A);
    var lease = story.grantTo(3).get(0);
    story.ack(lease.id(), 0);

    story.release(lease.id());

    assertEquals(0, story.ack(lease.id()));
    var again = story.grantReady().get(0);
    assertEquals(OffsetSet.of(1, 2), again.offsets());
    assertEquals(1, again.attempt());
    assertEquals(1, story.release(again.id(), 2));
    story.ack(again.id());
    assertEquals(OffsetSet.of(2), story.grantReady().get(0).offsets());
  }

  @Test
  void extendsTheWholeOfAMessageGroup() {
    story.send(A, A);
    var lease = story.at(0).grantTo(2).get(0);

    var extended = story.at(10_000).extend(lease.id(), 60_000, 1);

    assertEquals(lease.id(), extended.lease().orElseThrow());
    story.at(69_999).advanceTime();
    assertEquals(OffsetSet.EMPTY, readyOffsets(), "0 does not come again while 1 is worked on");
  }

  @Test
  void anExtensionOfOneMessageShortensNoOther() {
    story.send(A, A);
    var lease = story.at(0).grantTo(2).get(0);
    story.at(10_000).extend(lease.id(), 60_000, 0);

    var shorter = story.extend(lease.id(), 20_000, 1);

    assertEquals(1_070_000, shorter.deadlineMillis());
    story.at(69_999).advanceTime();
    assertEquals(OffsetSet.EMPTY, readyOffsets());
    assertEquals(1_089_999, story.extend(lease.id(), 20_000).deadlineMillis(), "the whole of it");
  }

  @Test
  void leasesOnlyTheFirstOfWhatIsReady() {
    story.send(A, A, A, A);
    var lease = story.grantTo(4).get(0);
    story.release(lease.id());
    LeaseId ready = story.ready().get(0).id();

    var behind = new Candidates(A, OffsetSet.of(1, 2));
    assertEquals(List.of(), story.grant(new FromReady(ready, List.of(behind), OffsetSet.EMPTY)));
    assertEquals(
        List.of(),
        story.grant(
            new FromReady(
                ready, List.of(new Candidates(B, OffsetSet.range(0, 4))), OffsetSet.EMPTY)),
        "of another message group");
    var leases =
        story.grant(
            new FromReady(ready, List.of(new Candidates(A, OffsetSet.of(1, 3))), OffsetSet.of(0)));

    assertEquals(OffsetSet.of(1), leases.get(0).offsets(), "0 is filtered, 2 was left out");
    assertEquals(new Cursor(0, 4, 1, 1, 0, 2), story.cursor());
    story.ack(leases.get(0).id());
    assertEquals(OffsetSet.of(2, 3), readyOffsets());
  }

  @Test
  void aPlannerThatLeavesSomethingOutBeginsAgain() {
    story.send(A, A, B, B);

    assertEquals(List.of(), story.grantFrom(1, 3));

    assertEquals(new Cursor(0, 0, 0, 0, 0, 0), story.cursor());
    assertEquals(2, story.grantFrom(0, 4).size());
  }

  @Test
  void candidatesOfOneCommandFollowEachOther() {
    story.send(A, A, A);

    var leases =
        story.grant(
            new FromCursor(
                0,
                2,
                List.of(new Candidates(A, OffsetSet.of(0)), new Candidates(A, OffsetSet.of(0, 1)))),
            new FromCursor(2, 3, List.of(new Candidates(A, OffsetSet.of(2)))));

    assertEquals(List.of(OffsetSet.of(0)), leases.stream().map(Reply.Lease::offsets).toList());
    assertEquals(2, story.cursor().blocked());
  }

  @Test
  void retentionDropsBlockedMessages() {
    story.script.apply(
        new Command.AlterTopic("orders", OptionalInt.empty(), OptionalLong.of(20_000)));
    story.at(0).send(A, A);
    var lease = story.grantFrom(0, 1).get(0);
    story.grantTo(2);
    story.at(15_000).send(A);
    story.grantTo(3);
    story.at(22_000).advanceTime();
    assertEquals(2, story.script.view.bounds(story.topicId(), 0).firstOffset());

    story.ack(lease.id());

    // 1 and 2 are blocked together: what is gone is found when they are planned.
    assertEquals(OffsetSet.of(2), story.grantReady().get(0).offsets());
    assertEquals(new Cursor(0, 3, 1, 1, 0, 0), story.cursor());
  }
}
