package io.keelmq.broker.api;

import io.keelmq.v1.Settle;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.Settlement;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A consumer's Settle requests that have no receipt yet, oldest first. Receipts come in any order
 * and leave in that of the requests. Bounded by the session, which takes no more than its window.
 * Owned by the session's turn.
 */
final class PendingSettles {

  private static final class Pending {
    private final Settle settle;
    private Optional<SettleReceipt> receipt = Optional.empty();

    Pending(Settle settle) {
      this.settle = settle;
    }
  }

  private final Map<Long, Pending> bySequence = new LinkedHashMap<>();
  private long weight;

  int size() {
    return bySequence.size();
  }

  /** Settlements and ranges of offsets, of all requests together. */
  long weight() {
    return weight;
  }

  void add(Settle settle) {
    bySequence.put(settle.getSequence(), new Pending(settle));
    weight += weight(settle);
  }

  private static long weight(Settle settle) {
    long weight = settle.getSettlementsCount();
    for (Settlement settlement : settle.getSettlementsList()) {
      weight += settlement.getOffsetsCount();
    }
    return weight;
  }

  /**
   * A receipt has come.
   *
   * @return the request; empty if it is not waited for
   */
  Optional<Settle> receipt(SettleReceipt receipt) {
    Pending pending = bySequence.get(receipt.getSequence());
    if (pending == null || pending.receipt.isPresent()) {
      return Optional.empty();
    }
    pending.receipt = Optional.of(receipt);
    return Optional.of(pending.settle);
  }

  /** Takes out the receipts up to the first request that has none. */
  List<SettleReceipt> takeReceipts() {
    var receipts = new ArrayList<SettleReceipt>();
    Iterator<Pending> oldest = bySequence.values().iterator();
    while (oldest.hasNext()) {
      Pending pending = oldest.next();
      if (pending.receipt.isEmpty()) {
        break;
      }
      receipts.add(pending.receipt.get());
      weight -= weight(pending.settle);
      oldest.remove();
    }
    return receipts;
  }

  /** Those that wait for their receipts, in their order. */
  List<Settle> unanswered() {
    var settles = new ArrayList<Settle>();
    for (Pending pending : bySequence.values()) {
      if (pending.receipt.isEmpty()) {
        settles.add(pending.settle);
      }
    }
    return settles;
  }
}
