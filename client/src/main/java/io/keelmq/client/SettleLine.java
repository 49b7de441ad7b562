package io.keelmq.client;

import io.keelmq.v1.Code;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.Settle;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.Settlement;
import io.keelmq.v1.SettlementKind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * Decisions on their way to the broker: merged into few requests, sent in order, and sent again
 * after a broken stream until each has its answer. Owned by the loop; nothing survives the process.
 *
 * <p>An idle line sends at once; while some requests are in flight, decisions gather behind them.
 */
final class SettleLine {

  /** The broker's limit for one request. */
  static final int MAX_SETTLEMENTS = 256;

  /** Messages in one request, beyond which nothing is added: fewer ranges than the broker takes. */
  static final int MAX_MESSAGES = 8_192;

  /** Requests that are sent before they are full; beyond them decisions gather. */
  static final int PARTIAL_IN_FLIGHT = 4;

  /** Requests in flight at the most, whatever the broker allows. */
  static final int MAX_IN_FLIGHT = 64;

  /** What became of decisions that were answered. */
  interface Outcome {
    void stored(List<Settling> settled, SettleReceipt.Result result);

    /** The messages were not leased any more. */
    void lost(List<Settling> settled, boolean byAnEarlierCopyPerhaps);

    void failed(List<Settling> settled, KeelException why);
  }

  /** What a receipt asks for. */
  enum Next {
    GO_ON,
    /** Part was not stored and is sent again on another stream. */
    REOPEN,
    /** The receipt is for nothing that was sent. */
    BREACH
  }

  private record Key(LeaseRef lease, SettlementKind kind, long millis) {}

  /** Decisions that travel together; its parts are those that have no answer yet. */
  static final class Request {
    private final long sequence;
    private List<Part> parts;
    private boolean written;
    private boolean mayBeStored;

    private Request(long sequence, List<Part> parts) {
      this.sequence = sequence;
      this.parts = parts;
    }

    /** True the first time. */
    boolean writtenFirst() {
      boolean first = !written;
      written = true;
      return first;
    }

    /** Messages that give back their credit with it. */
    int messages() {
      int messages = 0;
      for (Part part : parts) {
        for (Settling each : part.settled) {
          messages += each.counted();
        }
      }
      return messages;
    }

    Settle toProto() {
      var settle = Settle.newBuilder().setSequence(sequence);
      parts.forEach(part -> settle.addSettlements(part.toProto()));
      return settle.build();
    }
  }

  private record Part(Key key, List<Settling> settled) {
    Settlement toProto() {
      var settlement =
          Settlement.newBuilder().setKind(key.kind()).setLease(key.lease()).setMillis(key.millis());
      // Named, even where it is all that the lease has: a repeated request must not mean more.
      long[] offsets =
          settled.stream().mapToLong(settling -> settling.message().offset()).toArray();
      Arrays.sort(offsets);
      int from = 0;
      for (int i = 1; i <= offsets.length; i++) {
        if (i == offsets.length || offsets[i] != offsets[i - 1] + 1) {
          settlement.addOffsets(
              OffsetRange.newBuilder().setFirst(offsets[from]).setCount(i - from));
          from = i;
        }
      }
      return settlement.build();
    }
  }

  private final Outcome outcome;
  private final LinkedHashMap<Key, List<Settling>> gathering = new LinkedHashMap<>();
  private final TreeMap<Long, Request> sent = new TreeMap<>();
  private final ArrayDeque<Request> again = new ArrayDeque<>();
  private long sequence;

  SettleLine(Outcome outcome) {
    this.outcome = outcome;
  }

  void add(Settling settling) {
    var key = new Key(settling.message().lease().ref(), settling.kind(), settling.millis());
    gathering.computeIfAbsent(key, unused -> new ArrayList<>()).add(settling);
  }

  /** True when each decision has its answer. */
  boolean isEmpty() {
    return gathering.isEmpty() && sent.isEmpty() && again.isEmpty();
  }

  /** Requests on the present stream that have no answer. */
  int inFlight() {
    return sent.size();
  }

  /**
   * The next request to write, which is then in flight.
   *
   * @param window requests that may be in flight
   * @return null when nothing is to be written now
   */
  Request next(int window) {
    if (sent.size() >= window) {
      return null;
    }
    Request next = again.pollFirst();
    if (next == null) {
      boolean full = gathering.size() >= MAX_SETTLEMENTS;
      if (gathering.isEmpty() || (sent.size() >= PARTIAL_IN_FLIGHT && !full)) {
        return null;
      }
      next = new Request(++sequence, takeParts());
    }
    sent.put(next.sequence, next);
    return next;
  }

  Next receipt(SettleReceipt receipt) {
    Request request = sent.get(receipt.getSequence());
    if (request == null || request.parts.size() != receipt.getResultsCount()) {
      return Next.BREACH;
    }
    var left = new ArrayList<Part>();
    boolean unknown = false;
    List<Part> parts = request.parts;
    for (int i = 0; i < parts.size(); i++) {
      SettleReceipt.Result result = receipt.getResults(i);
      if (!answer(request, parts.get(i), result)) {
        left.add(parts.get(i));
        unknown |= result.getCode().getNumber() >= 400 || result.getCode().getNumber() <= 0;
      }
    }
    if (left.isEmpty()) {
      sent.remove(receipt.getSequence());
      return Next.GO_ON;
    }
    // It keeps its sequence, and so its place before those that came after it.
    request.parts = left;
    request.mayBeStored |= unknown;
    sent.remove(receipt.getSequence());
    again.addLast(request);
    return Next.REOPEN;
  }

  /** What has no answer is to be sent again, in order. */
  void streamLeft() {
    for (Request request : sent.values()) {
      request.mayBeStored = true;
    }
    var all = new TreeMap<>(sent);
    again.forEach(request -> all.put(request.sequence, request));
    sent.clear();
    again.clear();
    again.addAll(all.values());
  }

  /** Takes out decisions that were never sent, about leases that are gone. */
  List<Settling> takeGathering(Set<LeaseRef> leases) {
    var taken = new ArrayList<Settling>();
    for (Iterator<Key> keys = gathering.keySet().iterator(); keys.hasNext(); ) {
      Key key = keys.next();
      if (leases.contains(key.lease())) {
        taken.addAll(gathering.get(key));
        keys.remove();
      }
    }
    return taken;
  }

  /**
   * Ends everything.
   *
   * @param neverSent for what no replica has seen
   */
  void failAll(Supplier<KeelException> neverSent, String reason) {
    streamLeft();
    for (Request request : List.copyOf(again)) {
      for (Part part : request.parts) {
        outcome.failed(
            part.settled,
            request.mayBeStored
                ? new OutcomeUnknown(
                    Code.OUTCOME_UNKNOWN, "no answer came before the end: " + reason)
                : neverSent.get());
      }
    }
    again.clear();
    // A decision that waited for an extension is added when that one fails.
    while (!gathering.isEmpty()) {
      var never = new ArrayList<>(gathering.values());
      gathering.clear();
      never.forEach(settled -> outcome.failed(settled, neverSent.get()));
    }
  }

  /** True when the answer is final. */
  private boolean answer(Request request, Part part, SettleReceipt.Result result) {
    Code code = result.getCode();
    List<Settling> settled = part.settled;
    boolean mayBeStored = request.mayBeStored || result.getSentAgain();
    if (code == Code.OK) {
      boolean extension = part.key.kind() == SettlementKind.EXTEND;
      if (extension || result.getMessages() >= settled.size()) {
        outcome.stored(settled, result);
      } else if (result.getMessages() == 0) {
        outcome.lost(settled, mayBeStored);
      } else {
        outcome.failed(
            settled,
            new OutcomeUnknown(
                Code.OUTCOME_UNKNOWN,
                "only %d of %d messages were leased any more, and not said which"
                    .formatted(result.getMessages(), settled.size())));
      }
      return true;
    }
    if (code == Code.LEASE_NOT_FOUND) {
      outcome.lost(settled, mayBeStored);
      return true;
    }
    if (Failures.isDefinite(code)) {
      outcome.failed(settled, new RequestRejected(code, "the broker refused the decision"));
      return true;
    }
    return false;
  }

  private List<Part> takeParts() {
    var parts = new ArrayList<Part>();
    int messages = 0;
    var all = gathering.entrySet().iterator();
    while (all.hasNext() && parts.size() < MAX_SETTLEMENTS && messages < MAX_MESSAGES) {
      var each = all.next();
      messages += each.getValue().size();
      parts.add(new Part(each.getKey(), each.getValue()));
      all.remove();
    }
    return parts;
  }
}
