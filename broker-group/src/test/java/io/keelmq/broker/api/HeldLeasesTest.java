package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.keelmq.v1.Code;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.Settle;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.Settlement;
import io.keelmq.v1.SettlementKind;
import java.util.List;
import org.junit.jupiter.api.Test;

class HeldLeasesTest {

  private final HeldLeases held = new HeldLeases();

  private static LeaseRef lease(long index) {
    return LeaseRef.newBuilder().setLogIndex(index).build();
  }

  private static OffsetRange range(long first, int count) {
    return OffsetRange.newBuilder().setFirst(first).setCount(count).build();
  }

  private void deliver(long index, OffsetRange... ranges) {
    held.delivered(
        Delivery.newBuilder().setLease(lease(index)).addAllOffsets(List.of(ranges)).build());
  }

  private void settle(
      SettlementKind kind, long index, SettleReceipt.Result result, OffsetRange... ranges) {
    held.settled(
        Settle.newBuilder()
            .addSettlements(
                Settlement.newBuilder()
                    .setKind(kind)
                    .setLease(lease(index))
                    .addAllOffsets(List.of(ranges)))
            .build(),
        SettleReceipt.newBuilder().addResults(result).build());
  }

  private static SettleReceipt.Result result(Code code, int messages) {
    return SettleReceipt.Result.newBuilder().setCode(code).setMessages(messages).build();
  }

  @Test
  void knowsWhatIsNotSettled() {
    deliver(1, range(0, 2), range(5, 1));
    deliver(2, range(2, 3));
    settle(SettlementKind.ACK, 1, result(Code.OK, 2), range(0, 1), range(5, 1));
    settle(SettlementKind.NACK, 2, result(Code.OK, 3));

    assertEquals(List.of(lease(1)), held.leases());
    settle(SettlementKind.ACK, 1, result(Code.OK, 1), range(1, 1));
    assertEquals(List.of(), held.leases());
  }

  @Test
  void followsAnExtensionThatDividesALease() {
    deliver(1, range(0, 3));
    settle(
        SettlementKind.EXTEND,
        1,
        result(Code.OK, 1).toBuilder().setLease(lease(7)).build(),
        range(1, 1));
    assertEquals(List.of(lease(1), lease(7)), held.leases());

    settle(SettlementKind.EXTEND, 7, result(Code.OK, 1).toBuilder().setLease(lease(7)).build());
    settle(SettlementKind.ACK, 1, result(Code.OK, 2), range(0, 1), range(2, 1));

    assertEquals(List.of(lease(7)), held.leases());
  }

  @Test
  void forgetsWhatIsFoundToBeLost() {
    // Our client names offsets even where they are all that a lease has.
    deliver(1, range(0, 2));
    deliver(2, range(2, 2));
    deliver(3, range(4, 2));
    settle(SettlementKind.RELEASE, 1, result(Code.LEASE_NOT_FOUND, 0), range(0, 2));
    settle(SettlementKind.ACK, 2, result(Code.OK, 1), range(2, 2));
    held.lost(List.of(lease(3)));

    assertEquals(List.of(), held.leases());
  }

  @Test
  void holdsNoMoreThanALeaderTakes() {
    held.brought(List.of(lease(1), lease(2)));
    for (int i = 3; i < 2 * ConsumeChecks.MAX_HELD; i++) {
      deliver(i, range(i, 1));
    }

    List<LeaseRef> leases = held.leases();

    assertEquals(ConsumeChecks.MAX_HELD, leases.size());
    assertEquals(lease(2 * ConsumeChecks.MAX_HELD - 1), leases.get(leases.size() - 1));
  }
}
