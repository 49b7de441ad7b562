package io.keelmq.broker.api;

import io.keelmq.broker.state.Limits;
import io.keelmq.v1.Code;
import io.keelmq.v1.Credit;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Settle;
import io.keelmq.v1.Settlement;
import io.keelmq.v1.SettlementKind;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Optional;

/** The limits of the Consume stream, each with its code. Stateless. */
final class ConsumeChecks {

  static final long DEFAULT_INVISIBLE_MILLIS = 30_000;
  static final int DEFAULT_BATCH_MESSAGES = 64;
  static final int MAX_BATCH_MESSAGES = 256;

  /** Messages a consumer may have asked for and not got. */
  static final int MAX_CREDIT = 1_000_000;

  /** Leases that a client may name when it opens its stream again. */
  static final int MAX_HELD = 16_384;

  /** Ranges of offsets in one Settle, all settlements together. */
  static final int MAX_SETTLE_RANGES = 16_384;

  private static final Optional<Refusal> FINE = Optional.empty();

  private ConsumeChecks() {}

  static Optional<Refusal> open(OpenConsumer open) {
    int clientIdBytes = open.getClientId().getBytes(StandardCharsets.UTF_8).length;
    if (clientIdBytes < 1 || clientIdBytes > Limits.MAX_CLIENT_ID) {
      return invalid(
          "client_id has "
              + clientIdBytes
              + " bytes: expected 1 to "
              + Limits.MAX_CLIENT_ID
              + ", the same over reconnects");
    }
    Optional<Refusal> refusal =
        RequestChecks.consumerGroup(open.getConsumerGroup())
            .or(() -> RequestChecks.topic(open.getTopic()))
            .or(() -> TagFilter.check(open.getTags()));
    if (refusal.isPresent()) {
      return refusal;
    }
    if (open.getInvisibleMillis() != 0) {
      refusal =
          invisible(
              "invisible_millis",
              open.getInvisibleMillis(),
              Limits.MIN_INVISIBLE_MILLIS,
              Limits.MAX_INVISIBLE_MILLIS);
      if (refusal.isPresent()) {
        return refusal;
      }
    }
    if (open.getMaxBatchMessages() < 0 || open.getMaxBatchMessages() > MAX_BATCH_MESSAGES) {
      return invalid(
          "max_batch_messages "
              + open.getMaxBatchMessages()
              + ": expected 1 to "
              + MAX_BATCH_MESSAGES
              + ", or 0 for "
              + DEFAULT_BATCH_MESSAGES);
    }
    if (open.getHeldCount() > MAX_HELD) {
      return invalid(open.getHeldCount() + " leases are held, at most " + MAX_HELD);
    }
    var seen = new HashSet<LeaseRef>();
    for (LeaseRef lease : open.getHeldList()) {
      refusal = lease(lease);
      if (refusal.isPresent()) {
        return refusal;
      }
      if (!seen.add(lease)) {
        return invalid("lease " + LeaseKey.of(lease) + " is named twice in held");
      }
    }
    return FINE;
  }

  static Optional<Refusal> credit(Credit credit) {
    return credit.getMessages() >= 1 && credit.getMessages() <= MAX_CREDIT
        ? FINE
        : invalid("credit for " + credit.getMessages() + " messages: expected 1 to " + MAX_CREDIT);
  }

  /** What ends the stream: requests that no working client sends. */
  static Optional<Refusal> shape(Settle settle) {
    if (settle.getSequence() < 1) {
      return invalid("sequence " + settle.getSequence() + ": expected 1 or more, rising");
    }
    int settlements = settle.getSettlementsCount();
    if (settlements < 1 || settlements > Limits.MAX_SETTLEMENTS) {
      return invalid(
          "expected 1 to " + Limits.MAX_SETTLEMENTS + " settlements, found " + settlements);
    }
    int ranges = 0;
    for (Settlement settlement : settle.getSettlementsList()) {
      ranges += settlement.getOffsetsCount();
    }
    return ranges <= MAX_SETTLE_RANGES
        ? FINE
        : invalid(ranges + " ranges of offsets, at most " + MAX_SETTLE_RANGES);
  }

  /** What is wrong with one settlement of a Settle of the right shape; told in its result. */
  static Optional<Refusal> settlement(Settlement settlement) {
    Optional<Refusal> refusal = lease(settlement.getLease());
    if (refusal.isPresent()) {
      return refusal;
    }
    SettlementKind kind = settlement.getKind();
    switch (kind) {
      case SETTLEMENT_KIND_UNSPECIFIED, UNRECOGNIZED -> {
        return invalid("settlement kind " + settlement.getKindValue() + " is not known here");
      }
      case NACK ->
          refusal = invisible("millis", settlement.getMillis(), 0, Limits.MAX_INVISIBLE_MILLIS);
      case EXTEND ->
          refusal =
              invisible(
                  "millis",
                  settlement.getMillis(),
                  Limits.MIN_INVISIBLE_MILLIS,
                  Limits.MAX_INVISIBLE_MILLIS);
      case ACK, RELEASE, DEAD_LETTER -> {
        if (settlement.getMillis() != 0) {
          return invalid("millis " + settlement.getMillis() + ": " + kind + " has none");
        }
      }
    }
    return refusal.isPresent() ? refusal : offsets(settlement);
  }

  private static Optional<Refusal> offsets(Settlement settlement) {
    long end = 0;
    long size = 0;
    for (OffsetRange range : settlement.getOffsetsList()) {
      size += range.getCount();
      if (range.getFirst() < end
          || range.getCount() < 1
          || range.getFirst() > Long.MAX_VALUE - range.getCount()) {
        return Optional.of(
            new Refusal(
                Code.ILLEGAL_OFFSET,
                "offsets from "
                    + range.getFirst()
                    + ", "
                    + range.getCount()
                    + " of them: expected ascending ranges of 1 or more"));
      }
      if (size > Limits.MAX_GRANT_MESSAGES) {
        return invalid("more offsets than the " + Limits.MAX_GRANT_MESSAGES + " of a lease");
      }
      end = range.getFirst() + range.getCount();
    }
    return FINE;
  }

  private static Optional<Refusal> lease(LeaseRef lease) {
    return lease.getQueue() >= 0
            && lease.getQueue() < Limits.MAX_QUEUES
            && lease.getGeneration() >= 0
            && lease.getLogIndex() >= 1
            && lease.getOrdinal() >= 0
        ? FINE
        : invalid(LeaseKey.of(lease) + " is no lease: name it as it was delivered");
  }

  private static Optional<Refusal> invisible(String name, long millis, long least, long most) {
    return millis >= least && millis <= most
        ? FINE
        : Optional.of(
            new Refusal(
                Code.ILLEGAL_INVISIBLE_TIME,
                name + " " + millis + ": expected " + least + " to " + most));
  }

  private static Optional<Refusal> invalid(String message) {
    return Optional.of(Refusal.invalid(message));
  }
}
