package io.keelmq.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.keelmq.v1.Code;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.Settle;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.SettlementKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SettleLineTest {

  private final Outcomes outcomes = new Outcomes();
  private final SettleLine line = new SettleLine(outcomes);

  @Test
  void mergesDecisionsOfOneLeaseAndKind() {
    HeldLease first = lease(1);
    HeldLease second = lease(2);
    for (long offset : new long[] {7, 5, 6, 9}) {
      line.add(ack(first, offset));
    }
    line.add(new Settling(message(first, 8), SettlementKind.NACK, 500));
    line.add(ack(second, 1));

    Settle settle = line.next(8).toProto();

    assertEquals(3, settle.getSettlementsCount());
    assertEquals(List.of(range(5, 3), range(9, 1)), settle.getSettlements(0).getOffsetsList());
    assertEquals(SettlementKind.NACK, settle.getSettlements(1).getKind());
    assertEquals(500, settle.getSettlements(1).getMillis());
    assertEquals(second.ref(), settle.getSettlements(2).getLease());
    assertNull(line.next(8));
  }

  @Test
  void gathersBehindAFewInFlight() {
    for (int i = 0; i < SettleLine.PARTIAL_IN_FLIGHT; i++) {
      line.add(ack(lease(i), i));
      assertNotNull(line.next(8));
    }
    line.add(ack(lease(100), 1));

    assertNull(line.next(8));
    for (int i = 0; i < SettleLine.MAX_SETTLEMENTS; i++) {
      line.add(ack(lease(200 + i), 1));
    }
    assertEquals(SettleLine.MAX_SETTLEMENTS, line.next(8).toProto().getSettlementsCount());
    // What is left waits for an answer, or for more.
    assertNull(line.next(8));
    line.receipt(receipt(1, result(Code.OK, 1)));
    assertNull(line.next(8));
    line.receipt(receipt(2, result(Code.OK, 1)));
    assertNotNull(line.next(8));
  }

  @Test
  void staysWithinItsWindow() {
    line.add(ack(lease(1), 1));
    assertNotNull(line.next(1));
    line.add(ack(lease(2), 2));

    assertNull(line.next(1));
  }

  @Test
  void repeatsWhatHasNoAnswerInOrderAndBeforeAnythingElse() {
    for (int i = 1; i <= 3; i++) {
      line.add(ack(lease(i), i));
      line.next(8);
    }
    line.receipt(receipt(2, result(Code.OK, 1)));
    line.add(ack(lease(4), 4));

    line.streamLeft();

    assertEquals(1, line.next(8).toProto().getSequence());
    assertEquals(3, line.next(8).toProto().getSequence());
    SettleLine.Request fresh = line.next(8);
    assertEquals(4, fresh.toProto().getSequence());
    assertTrue(fresh.writtenFirst());
  }

  @Test
  void repeatsOnlyThePartThatWasNotStored() {
    line.add(ack(lease(1), 1));
    line.add(ack(lease(2), 2));
    line.add(ack(lease(3), 3));
    line.next(8);

    SettleLine.Next next =
        line.receipt(
            receipt(
                1,
                result(Code.OK, 1),
                result(Code.TOO_MANY_REQUESTS, 0),
                result(Code.LEASE_NOT_FOUND, 0)));
    line.streamLeft();

    assertEquals(SettleLine.Next.REOPEN, next);
    Settle again = line.next(8).toProto();
    assertEquals(1, again.getSequence());
    assertEquals(1, again.getSettlementsCount());
    assertEquals(2, again.getSettlements(0).getLease().getOrdinal());
    assertEquals(1, outcomes.stored.size());
    // TOO_MANY_REQUESTS was no copy: the one that is lost now is lost for certain.
    line.receipt(receipt(1, result(Code.LEASE_NOT_FOUND, 0)));
    assertEquals(List.of(false, false), outcomes.lost);
  }

  @Test
  void doubtsTheLossOfWhatMayBeStored() {
    line.add(ack(lease(1), 1));
    line.next(8);
    line.streamLeft();
    line.next(8);

    line.receipt(receipt(1, result(Code.LEASE_NOT_FOUND, 0)));

    assertEquals(List.of(true), outcomes.lost);
    assertTrue(line.isEmpty());
  }

  @Test
  void doubtsALossBehindWhichTheBrokerAskedTwoLeaders() {
    line.add(ack(lease(1), 1));
    line.next(8);

    line.receipt(
        receipt(1, result(Code.LEASE_NOT_FOUND, 0).toBuilder().setSentAgain(true).build()));

    assertEquals(List.of(true), outcomes.lost);
  }

  @Test
  void doesNotGuessWhichOfSomeWereStored() {
    HeldLease lease = lease(1);
    line.add(ack(lease, 1));
    line.add(ack(lease, 2));
    line.next(8);

    line.receipt(receipt(1, result(Code.OK, 1)));

    assertInstanceOf(OutcomeUnknown.class, outcomes.failures.get(0));
  }

  @Test
  void refusesReceiptsThatFitNothing() {
    line.add(ack(lease(1), 1));
    line.next(8);

    assertEquals(SettleLine.Next.BREACH, line.receipt(receipt(2, result(Code.OK, 1))));
    assertEquals(SettleLine.Next.BREACH, line.receipt(receipt(1)));
    assertEquals(SettleLine.Next.GO_ON, line.receipt(receipt(1, result(Code.OK, 1))));
    assertEquals(SettleLine.Next.BREACH, line.receipt(receipt(1, result(Code.OK, 1))));
  }

  @Test
  void takesBackWhatWasNeverSent() {
    HeldLease gone = lease(1);
    line.add(ack(gone, 1));
    line.add(ack(lease(2), 2));

    assertEquals(1, line.takeGathering(Set.of(gone.ref())).size());
    assertEquals(2, line.next(8).toProto().getSettlements(0).getLease().getOrdinal());
  }

  @Test
  void endsEverythingOneWayOrTheOther() {
    line.add(ack(lease(1), 1));
    line.next(8);
    line.add(ack(lease(2), 2));

    line.failAll(() -> new ClientClosed(Code.SHUTTING_DOWN, "closed"), "closed");

    assertInstanceOf(OutcomeUnknown.class, outcomes.failures.get(0));
    assertInstanceOf(ClientClosed.class, outcomes.failures.get(1));
    assertTrue(line.isEmpty());
  }

  private static HeldLease lease(int ordinal) {
    return new HeldLease(LeaseRef.newBuilder().setOrdinal(ordinal).build());
  }

  private static ConsumedMessage message(HeldLease lease, long offset) {
    return new ConsumedMessage(null, lease, 1, 0, 0, "orders", 0, offset, 0, ByteString.EMPTY);
  }

  private static Settling ack(HeldLease lease, long offset) {
    return new Settling(message(lease, offset), SettlementKind.ACK, 0);
  }

  private static OffsetRange range(long first, int count) {
    return OffsetRange.newBuilder().setFirst(first).setCount(count).build();
  }

  private static SettleReceipt.Result result(Code code, int messages) {
    return SettleReceipt.Result.newBuilder().setCode(code).setMessages(messages).build();
  }

  private static SettleReceipt receipt(long sequence, SettleReceipt.Result... results) {
    return SettleReceipt.newBuilder().setSequence(sequence).addAllResults(List.of(results)).build();
  }

  /** Keeps what it is told. */
  private static final class Outcomes implements SettleLine.Outcome {
    final List<Settling> stored = new ArrayList<>();
    final List<Boolean> lost = new ArrayList<>();
    final List<KeelException> failures = new ArrayList<>();

    @Override
    public void stored(List<Settling> settled, SettleReceipt.Result result) {
      stored.addAll(settled);
    }

    @Override
    public void lost(List<Settling> settled, boolean byAnEarlierCopyPerhaps) {
      settled.forEach(each -> lost.add(byAnEarlierCopyPerhaps));
    }

    @Override
    public void failed(List<Settling> settled, KeelException why) {
      settled.forEach(each -> failures.add(why));
    }
  }
}
