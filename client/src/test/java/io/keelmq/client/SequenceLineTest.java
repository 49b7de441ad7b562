package io.keelmq.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.Code;
import java.util.List;
import org.junit.jupiter.api.Test;

class SequenceLineTest {

  private int ids;
  private final ProducerCounters counters = new ProducerCounters(new BufferBudget(1 << 20));
  private final SequenceLine line = new SequenceLine(counters, () -> "p" + ids++);

  @Test
  void givesARejectedNumberToNobodyElse() {
    Batch first = written(message("a", 1_000));
    PendingMessage behind = message("b", 1_000);
    Batch second = written(behind);

    line.onReceipt(first, receipt(first, Code.ILLEGAL_MESSAGE_TAG));
    assertTrue(line.isClosing());
    assertFalse(line.renew(), "the second has no answer yet");
    line.onReceipt(second, receipt(second, Code.SEQUENCE_GAP));

    assertTrue(line.renew());
    assertEquals("p0", line.producerId());
    assertEquals(1, line.epoch());
    Batch again = line.pollWaiting();
    assertSame(behind, again.messages().get(0));
    line.number(again);
    assertEquals(1, again.sequence);
    assertFalse(behind.settled);
  }

  @Test
  void takesAGapWithoutAHoleForAReasonToPublishAgain() {
    written(message("a", 1_000));
    Batch second = written(message("b", 1_000));

    assertEquals(
        SequenceLine.Next.REOPEN, line.onReceipt(second, receipt(second, Code.SEQUENCE_GAP)));
    assertEquals(2, line.numbered().size());
  }

  @Test
  void publishesAGivenUpBatchAsLongAsALivingOneStandsBehindIt() {
    PendingMessage early = message("a", 10);
    Batch first = written(early);
    PendingMessage late = message("b", 1_000);
    Batch second = written(late);

    line.expire(500, () -> "");
    assertInstanceOf(OutcomeUnknown.class, early.result.handle((ok, no) -> no).join());
    assertFalse(line.renew());
    assertEquals(List.of(first, second), List.copyOf(line.numbered()));

    line.expire(2_000, () -> "");
    assertTrue(line.renew());
    assertTrue(line.numbered().isEmpty());
    assertEquals(1, line.epoch());
    assertNull(line.pollWaiting());
  }

  @Test
  void knowsNothingOfACopyThatTheGroupMayHaveForgotten() {
    PendingMessage once = message("a", 1_000);
    PendingMessage twice = message("b", 1_000);
    Batch written = written(twice);
    written.copies = 2;
    line.onReceipt(written, receipt(written, Code.PRODUCER_UNKNOWN));
    assertTrue(line.renew());
    assertEquals("p1", line.producerId());
    Batch fresh = written(once);
    line.onReceipt(fresh, receipt(fresh, Code.PRODUCER_UNKNOWN));

    assertInstanceOf(OutcomeUnknown.class, twice.result.handle((ok, no) -> no).join());
    assertTrue(line.renew());
    assertSame(once, line.pollWaiting().messages().get(0));
  }

  private Batch written(PendingMessage message) {
    var batch = new Batch(List.of(message), any -> 0);
    line.number(batch);
    batch.copies = 1;
    return batch;
  }

  private static PendingMessage message(String id, long deadlineNanos) {
    return new PendingMessage("orders", 0, 1, id, new byte[] {0}, deadlineNanos);
  }

  private static BatchReceipt receipt(Batch batch, Code code) {
    return BatchReceipt.newBuilder().setSequence(batch.sequence).setCode(code).build();
  }
}
