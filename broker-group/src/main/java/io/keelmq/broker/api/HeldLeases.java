package io.keelmq.broker.api;

import io.keelmq.broker.state.OffsetSet;
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
import java.util.Optional;

/**
 * The leases that a consumer was given through this replica and has not settled: what the next
 * leader has to know that they are held. Owned by the session's turn.
 *
 * <p>A consumer need not settle what it lost, so these are {@link ConsumeChecks#MAX_HELD} at most,
 * which is what a leader takes; beyond it the oldest is forgotten. If the consumer has it still, it
 * is delivered again under the same name.
 */
final class HeldLeases {

  /** By lease, what is left of it; absent of those that the client brought along. */
  private final Map<LeaseRef, Optional<OffsetSet>> left = new LinkedHashMap<>();

  void brought(List<LeaseRef> leases) {
    leases.forEach(lease -> put(lease, Optional.empty()));
  }

  void delivered(Delivery delivery) {
    put(delivery.getLease(), Optional.of(offsets(delivery.getOffsetsList())));
  }

  private void put(LeaseRef lease, Optional<OffsetSet> offsets) {
    left.remove(lease);
    left.put(lease, offsets);
    if (left.size() > ConsumeChecks.MAX_HELD) {
      left.remove(left.keySet().iterator().next());
    }
  }

  /** Whom the leader does not know any more. */
  void lost(List<LeaseRef> leases) {
    leases.forEach(left::remove);
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
    boolean extended = settlement.getKind() == SettlementKind.EXTEND;
    boolean divided = extended && result.hasLease() && !result.getLease().equals(lease);
    // What is named and was not found is the consumer's as little as what it has settled.
    boolean over =
        result.getCode() == Code.LEASE_NOT_FOUND
            || (result.getCode() == Code.OK && (!extended || divided));
    if (over && settlement.getOffsetsCount() == 0) {
      left.remove(lease);
    } else if (over) {
      OffsetSet named = offsets(settlement.getOffsetsList());
      if (divided) {
        put(result.getLease(), Optional.of(named));
      }
      left.computeIfPresent(
          lease,
          (same, before) -> {
            Optional<OffsetSet> rest = before.map(offsets -> offsets.minus(named));
            return rest.filter(OffsetSet::isEmpty).isPresent() ? null : rest;
          });
    }
  }

  private static OffsetSet offsets(List<OffsetRange> ranges) {
    var offsets = new OffsetSet.Builder();
    for (OffsetRange range : ranges) {
      offsets.add(range.getFirst(), range.getFirst() + range.getCount());
    }
    return offsets.build();
  }

  List<LeaseRef> leases() {
    return List.copyOf(left.keySet());
  }
}
