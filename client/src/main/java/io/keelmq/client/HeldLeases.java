package io.keelmq.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import io.keelmq.v1.Code;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.SettlementKind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The leases of a consumer and what becomes of their messages: from a delivery to the broker's word
 * on each decision, or to the lease's end. Owned by the loop.
 */
final class HeldLeases implements SettleLine.Outcome {

  /** The broker leases at most 1,024 messages at once. */
  private static final int MAX_DELIVERY = 65_536;

  /** The broker's limit for leases that a stream is opened with. */
  static final int MAX_HELD = 16_384;

  private final ConsumeSession session;
  private final String topic;
  private final CreditLine credit;
  private final LeaseClock clock;
  private final ConsumerCounters counters;
  private final SettleLine line = new SettleLine(this);
  private final Map<LeaseRef, HeldLease> leases = new HashMap<>();

  HeldLeases(
      ConsumeSession session,
      String topic,
      CreditLine credit,
      LeaseClock clock,
      ConsumerCounters counters) {
    this.session = session;
    this.topic = topic;
    this.credit = credit;
    this.clock = clock;
    this.counters = counters;
  }

  SettleLine line() {
    return line;
  }

  /**
   * What a new stream has to be told. Beyond the broker's limit, leases that only wait for an
   * answer are left out: their messages are delivered again, and dropped as known.
   */
  List<LeaseRef> refs() {
    if (leases.size() <= MAX_HELD) {
      return List.copyOf(leases.keySet());
    }
    return leases.values().stream()
        .sorted(Comparator.comparing(HeldLease::isDecided))
        .limit(MAX_HELD)
        .map(HeldLease::ref)
        .toList();
  }

  /** Messages of a delivery; -1 when its ranges cannot be. */
  static int count(Delivery delivery) {
    long messages = 0;
    long next = 0;
    for (OffsetRange range : delivery.getOffsetsList()) {
      if (range.getFirst() < next || range.getCount() < 1) {
        return -1;
      }
      next = range.getFirst() + range.getCount();
      messages += range.getCount();
      if (messages > MAX_DELIVERY) {
        return -1;
      }
    }
    return (int) messages;
  }

  /**
   * Takes a delivery.
   *
   * @return its messages, without those that were delivered under the same lease before
   * @throws IllegalArgumentException it contradicts itself; nothing was taken
   */
  List<ConsumedMessage> take(Delivery delivery, long arrivedNanos) {
    if (delivery.getAttempt() < 1) {
      throw new IllegalArgumentException("delivered with attempt " + delivery.getAttempt());
    }
    HeldLease known = leases.get(delivery.getLease());
    HeldLease lease = known == null ? new HeldLease(delivery.getLease()) : known;
    List<ConsumedMessage> all = parse(delivery, lease, arrivedNanos);
    var fresh = new ArrayList<ConsumedMessage>(all.size());
    for (ConsumedMessage message : all) {
      if (!lease.wasDelivered(message.offset())) {
        fresh.add(message);
        credit.kept(message.recordSize());
      }
    }
    counters.duplicateMessages.add(all.size() - fresh.size());
    counters.deliveredMessages.add(fresh.size());
    if (delivery.getAttempt() > 1) {
      counters.redeliveredMessages.add(fresh.size());
    }
    if (!fresh.isEmpty()) {
      lease.add(fresh);
      leases.put(lease.ref(), lease);
    }
    return fresh;
  }

  /** Takes the application's wish about a message. */
  void wish(Settling wish, boolean fifo) {
    ConsumedMessage message = wish.message();
    if (message.gone().isPresent()) {
      wish.fail(message.gone().get().rethrown());
      return;
    }
    HeldLease lease = message.lease();
    if (wish.isExtension()) {
      if (message.lapsed) {
        wish.fail(lostBefore(message));
      } else if (message.extending != null) {
        wish.fail(
            new Overloaded(
                Code.TOO_MANY_REQUESTS, message + ": another extension is under way", null));
      } else if (!lease.isUndecided(message)) {
        wish.fail(new IllegalStateException(message + " is settled: nothing to extend"));
      } else {
        message.extending = wish;
        lease.asked();
        line.add(wish);
      }
      return;
    }
    lease.decided(message);
    lease.asked();
    if (!message.lapsed) {
      credit.decided(message.recordSize());
    }
    boolean givenBack = wish.kind() == SettlementKind.NACK || wish.kind() == SettlementKind.RELEASE;
    if (fifo && givenBack && message.isOfMessageGroup()) {
      var why =
          new LeaseLost(message + " was given back, and what is behind it comes again after it");
      for (ConsumedMessage behind : lease.takeAbove(message.offset())) {
        behind.gone(why);
        credit.decided(behind.recordSize());
        counters.returnedMessages.increment();
        wish.companions++;
      }
    }
    if (message.extending == null) {
      line.add(wish);
    } else {
      // The extension may give the lease another name.
      message.afterExtension = wish;
    }
  }

  /**
   * Messages that the application has not settled by the end of their leases make room for others:
   * it may never settle them. A decision that comes late is sent all the same, and holds if nobody
   * else was given the message.
   */
  void lapse() {
    for (HeldLease lease : List.copyOf(leases.values())) {
      for (ConsumedMessage message : lease.takeLapsed(clock)) {
        message.lapsed = true;
        credit.decided(message.recordSize());
        credit.released(1);
      }
      forgetIfOver(lease);
    }
  }

  /** The broker says that these do not exist any more. */
  void lost(List<LeaseRef> refs) {
    if (refs.isEmpty()) {
      return;
    }
    var all = new HashSet<>(refs);
    for (Settling wish : line.takeGathering(all)) {
      unsent(wish, lostBefore(wish.message()));
    }
    for (LeaseRef ref : all) {
      HeldLease lease = leases.get(ref);
      if (lease != null) {
        lease.takeAll().forEach(this::gone);
        lease.forget();
        forgetIfOver(lease);
      }
    }
  }

  @Override
  public void stored(List<Settling> settled, SettleReceipt.Result result) {
    for (Settling wish : settled) {
      if (wish.isExtension()) {
        extended(wish, result);
        continue;
      }
      switch (wish.kind()) {
        case ACK -> counters.acknowledgedMessages.increment();
        case NACK -> counters.nackedMessages.increment();
        case DEAD_LETTER -> counters.deadLetteredMessages.increment();
        default -> {
          // A release counts as nothing.
        }
      }
      answered(wish.message().lease());
      wish.succeed();
    }
  }

  @Override
  public void lost(List<Settling> settled, boolean byAnEarlierCopyPerhaps) {
    for (Settling wish : settled) {
      ConsumedMessage message = wish.message();
      if (wish.isExtension()) {
        message.extending = null;
        HeldLease lease = message.lease();
        if (lease.isUndecided(message)) {
          lease.decided(message);
          gone(message);
        }
        Settling after = message.afterExtension;
        message.afterExtension = null;
        if (after != null) {
          unsent(after, lostBefore(message));
        }
        answered(lease);
        wish.fail(lostBefore(message));
      } else if (byAnEarlierCopyPerhaps) {
        counters.unknownMessages.increment();
        answered(message.lease());
        wish.fail(
            new OutcomeUnknown(
                Code.OUTCOME_UNKNOWN,
                message
                    + ": the stream broke behind the decision, and now the lease is gone: by the"
                    + " decision, or before it"));
      } else {
        counters.lostMessages.increment();
        answered(message.lease());
        wish.fail(lostBefore(message));
      }
    }
  }

  @Override
  public void failed(List<Settling> settled, KeelException why) {
    for (Settling wish : settled) {
      ConsumedMessage message = wish.message();
      if (wish.isExtension()) {
        decideNow(message);
      } else if (why instanceof OutcomeUnknown) {
        counters.unknownMessages.increment();
      }
      answered(message.lease());
      wish.fail(why);
    }
  }

  private void extended(Settling wish, SettleReceipt.Result result) {
    ConsumedMessage message = wish.message();
    HeldLease lease = message.lease();
    message.extended(
        result.getDeadlineMillis(),
        clock.nanoTime() + TimeUnit.MILLISECONDS.toNanos(wish.millis()));
    if (result.hasLease() && !result.getLease().equals(lease.ref())) {
      HeldLease divided = leases.computeIfAbsent(result.getLease(), HeldLease::new);
      if (lease.isUndecided(message)) {
        lease.decided(message);
        divided.add(List.of(message));
      } else if (message.afterExtension != null) {
        lease.answered();
        divided.asked();
      }
      message.moveTo(divided);
      forgetIfOver(divided);
    }
    decideNow(message);
    answered(lease);
    wish.succeed();
  }

  /** No extension is under way any more. */
  private void decideNow(ConsumedMessage message) {
    message.extending = null;
    Settling after = message.afterExtension;
    message.afterExtension = null;
    if (after != null) {
      line.add(after);
    }
  }

  /** A wish that no stream has seen ends. */
  private void unsent(Settling wish, LeaseLost why) {
    ConsumedMessage message = wish.message();
    if (wish.isExtension()) {
      message.extending = null;
      Settling after = message.afterExtension;
      message.afterExtension = null;
      if (after != null) {
        unsent(after, why);
      }
    } else {
      credit.released(wish.counted());
      counters.lostMessages.increment();
    }
    answered(message.lease());
    wish.fail(why);
  }

  private void gone(ConsumedMessage message) {
    message.gone(lostBefore(message));
    credit.decided(message.recordSize());
    credit.released(1);
    counters.lostMessages.increment();
  }

  private void answered(HeldLease lease) {
    lease.answered();
    forgetIfOver(lease);
  }

  private void forgetIfOver(HeldLease lease) {
    if (lease.isOver(clock)) {
      leases.remove(lease.ref(), lease);
    }
  }

  private static LeaseLost lostBefore(ConsumedMessage message) {
    return new LeaseLost(
        "%s, attempt %d: the lease ended before this; the message comes again unless it was settled elsewhere"
            .formatted(message, message.attempt()));
  }

  private List<ConsumedMessage> parse(Delivery delivery, HeldLease lease, long arrivedNanos) {
    var messages = new ArrayList<ConsumedMessage>();
    ByteString records = delivery.getRecords();
    CodedInputStream in = records.newCodedInput();
    int range = 0;
    try {
      for (OffsetRange offsets : delivery.getOffsetsList()) {
        long stored =
            range < delivery.getStoreTimesMillisCount() ? delivery.getStoreTimesMillis(range) : 0;
        for (int i = 0; i < offsets.getCount(); i++) {
          int size = in.readRawVarint32();
          int from = in.getTotalBytesRead();
          in.skipRawBytes(size);
          messages.add(
              new ConsumedMessage(
                  session,
                  lease,
                  delivery.getAttempt(),
                  delivery.getDeadlineMillis(),
                  arrivedNanos,
                  topic,
                  delivery.getLease().getQueue(),
                  offsets.getFirst() + i,
                  stored,
                  records.substring(from, from + size)));
        }
        range++;
      }
      if (!in.isAtEnd()) {
        throw new IllegalArgumentException(
            "delivered more bytes than its " + messages.size() + " messages");
      }
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "delivered records that end within message " + messages.size(), e);
    }
    return messages;
  }
}
