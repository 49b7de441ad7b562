package io.keelmq.broker.api;

import io.keelmq.v1.Code;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.Settle;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.Settlement;
import io.keelmq.v1.SettlementKind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The leases that a consumer was given through this replica and has not settled: what the next
 * leader has to know that they are held. Bounded by the consumer's credit. Owned by the session's
 * turn.
 */
final class HeldLeases {

  /** Of leases that the client brought along, whose size it alone knows. */
  private static final int UNKNOWN = Integer.MAX_VALUE;

  private final Map<LeaseRef, Integer> messages = new LinkedHashMap<>();

  void brought(List<LeaseRef> leases) {
    leases.forEach(lease -> messages.put(lease, UNKNOWN));
  }

  void delivered(Delivery delivery) {
    messages.put(delivery.getLease(), messages(delivery));
  }

  static int messages(Delivery delivery) {
    int messages = 0;
    for (OffsetRange range : delivery.getOffsetsList()) {
      messages += range.getCount();
    }
    return messages;
  }

  void settled(Settle settle, SettleReceipt receipt) {
    int results = Math.min(settle.getSettlementsCount(), receipt.getResultsCount());
    for (int i = 0; i < results; i++) {
      settled(settle.getSettlements(i), receipt.getResults(i));
    }
  }

  private void settled(Settlement settlement, SettleReceipt.Result result) {
    LeaseRef lease = settlement.getLease();
    boolean whole = settlement.getOffsetsCount() == 0;
    boolean extended = settlement.getKind() == SettlementKind.EXTEND;
    if (result.getCode() == Code.LEASE_NOT_FOUND) {
      if (whole) {
        messages.remove(lease);
      }
    } else if (result.getCode() == Code.OK) {
      boolean divided = extended && result.hasLease() && !result.getLease().equals(lease);
      if (divided) {
        messages.put(result.getLease(), result.getMessages());
      }
      if (!extended || divided) {
        messages.computeIfPresent(
            lease,
            (same, left) ->
                whole || left <= result.getMessages()
                    ? null
                    : left == UNKNOWN ? left : Integer.valueOf(left - result.getMessages()));
      }
    }
  }

  List<LeaseRef> leases() {
    return List.copyOf(messages.keySet());
  }
}
