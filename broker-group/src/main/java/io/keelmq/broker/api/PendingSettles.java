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
    private boolean sent;
    private boolean sentAgain;
    private Optional<SettleReceipt> receipt = Optional.empty();

    Pending(Settle settle, boolean sent) {
      this.settle = settle;
      this.sent = sent;
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

  /**
   * @param sent a leader has it
   */
  void add(Settle settle, boolean sent) {
    bySequence.put(settle.getSequence(), new Pending(settle, sent));
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
   * A receipt has come. What was asked of two leaders and found no lease may have been settled by
   * the first: the receipt says so from here on.
   *
   * @return the request; empty if it is not waited for
   */
  Optional<Settle> receipt(SettleReceipt receipt) {
    Pending pending = bySequence.get(receipt.getSequence());
    if (pending == null || pending.receipt.isPresent()) {
      return Optional.empty();
    }
    pending.receipt = Optional.of(pending.sentAgain ? doubtful(receipt) : receipt);
    return Optional.of(pending.settle);
  }

  private static SettleReceipt doubtful(SettleReceipt receipt) {
    var doubtful = receipt.toBuilder();
    for (SettleReceipt.Result.Builder result : doubtful.getResultsBuilderList()) {
      result.setSentAgain(result.getMessages() == 0);
    }
    return doubtful.build();
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

  /** For another leader: those that wait for their receipts, in their order. */
  List<Settle> unanswered() {
    var settles = new ArrayList<Settle>();
    for (Pending pending : bySequence.values()) {
      if (pending.receipt.isEmpty()) {
        settles.add(pending.settle);
        pending.sentAgain |= pending.sent;
        pending.sent = true;
      }
    }
    return settles;
  }
}
