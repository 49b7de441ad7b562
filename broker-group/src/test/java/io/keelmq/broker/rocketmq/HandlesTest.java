package io.keelmq.broker.rocketmq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.keelmq.broker.api.LeaseKey;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.LeaseId;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class HandlesTest {

  private static final ReceiptHandle HANDLE =
      new ReceiptHandle(
          3,
          Long.MAX_VALUE,
          new LeaseKey(1_023, 7, new LeaseId(1L << 40, 12)),
          1L << 50,
          1_795_667_617_123L,
          true);

  @Test
  void readsWhatWasWritten() {
    assertEquals(Optional.of(HANDLE), ReceiptHandle.parse(HANDLE.encode()));
    var held = new HeldHandle(new HeldId(123_456, 789), "0102FC0000000156030B194C6700000000");
    assertEquals(Optional.of(held), HeldHandle.ofRecallHandle(held.recallHandle()));
    assertEquals(Optional.of(held), HeldHandle.ofTransactionId(held.transactionId()));
  }

  @Test
  void tellsKindsApart() {
    var held = new HeldHandle(new HeldId(1, 2), "m");

    assertFalse(HeldHandle.ofRecallHandle(held.transactionId()).isPresent());
    assertFalse(HeldHandle.ofTransactionId(held.recallHandle()).isPresent());
    assertFalse(ReceiptHandle.parse(held.recallHandle()).isPresent());
  }

  @Test
  void refusesWhatWasChanged() {
    String handle = HANDLE.encode();
    var random = new SplittableRandom(5);
    for (int i = 0; i < 2_000; i++) {
      int at = random.nextInt(handle.length());
      char other = "ABCxyz019-_".charAt(random.nextInt(11));
      String changed = handle.substring(0, at) + other + handle.substring(at + 1);
      if (!changed.equals(handle)) {
        // The last character may have bits that stand for nothing: then it is the same handle.
        Optional<ReceiptHandle> read = ReceiptHandle.parse(changed);
        assertEquals(
            Optional.empty(),
            at < handle.length() - 1 ? read : read.filter(one -> !one.equals(HANDLE)));
      }
    }
    for (String garbage : new String[] {"", "a", "garbage", "=", "\u0000", "x".repeat(5_000)}) {
      assertFalse(ReceiptHandle.parse(garbage).isPresent());
    }
  }
}
