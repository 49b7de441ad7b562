package io.keelmq.broker.api;

import io.keelmq.v1.Code;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** What the edge has done since the process started. Thread-safe; read by whoever shows metrics. */
public final class ApiStats {

  final LongAdder publishBatches = new LongAdder();
  final LongAdder publishMessages = new LongAdder();
  final LongAdder publishBytes = new LongAdder();
  final LongAdder sends = new LongAdder();
  final LongAdder readMessages = new LongAdder();
  final LongAdder readBytes = new LongAdder();
  final LongAdder trimmedRanges = new LongAdder();
  final LongAdder forwards = new LongAdder();
  final LongAdder holds = new LongAdder();
  final LongAdder republished = new LongAdder();
  final LongAdder checksAsked = new LongAdder();
  final LongAdder checksDropped = new LongAdder();
  final LongAdder parkedReaders = new LongAdder();
  final LongAdder openReaders = new LongAdder();
  final LongAdder openProducers = new LongAdder();
  final LongAdder inFlightBytes = new LongAdder();
  final LongAdder openConsumers = new LongAdder();
  final LongAdder parkedConsumers = new LongAdder();
  final LongAdder deliveredMessages = new LongAdder();
  final LongAdder redeliveredMessages = new LongAdder();
  final LongAdder deliveredBytes = new LongAdder();
  final LongAdder undeliveredBytes = new LongAdder();
  final LongAdder settledMessages = new LongAdder();
  final LongAdder settleCommands = new LongAdder();
  final LongAdder deliveryTurns = new LongAdder();
  final LongAdder grants = new LongAdder();
  final LongAdder emptyGrants = new LongAdder();
  final LongAdder renewals = new LongAdder();
  final LongAdder reopenedConsumers = new LongAdder();
  final LongAdder cutConsumers = new LongAdder();
  private final LongAdder reachedLeases = new LongAdder();
  private final LongAdder disownedLeases = new LongAdder();
  private final Map<Code, LongAdder> refused = new EnumMap<>(Code.class);

  public ApiStats() {
    for (Code code : Code.values()) {
      refused.put(code, new LongAdder());
    }
  }

  void countRefused(Code code) {
    refused.get(code).increment();
  }

  /** Batches of streaming producers stored for the first time through this replica. */
  public long publishBatches() {
    return publishBatches.sum();
  }

  public long publishMessages() {
    return publishMessages.sum();
  }

  public long publishBytes() {
    return publishBytes.sum();
  }

  /** Messages stored by Send. */
  public long sends() {
    return sends.sum();
  }

  public long readMessages() {
    return readMessages.sum();
  }

  public long readBytes() {
    return readBytes.sum();
  }

  /** Calls and producer streams passed on to the leader. */
  public long forwards() {
    return forwards.sum();
  }

  /** Times a call or a producer had to wait for a leader. */
  public long holds() {
    return holds.sum();
  }

  /** Batches handed over once more after a leader was lost or the replica was overloaded. */
  public long republished() {
    return republished.sum();
  }

  /** Ranges of queues that retention took before a lease group had consumed them. */
  public long trimmedRanges() {
    return trimmedRanges.sum();
  }

  /** Producers asked what became of a half message. */
  public long checksAsked() {
    return checksAsked.sum();
  }

  /** Checks that no producer here could take when they were due; they come again. */
  public long checksDropped() {
    return checksDropped.sum();
  }

  /** Read streams that wait at the end of all their queues now. */
  public long parkedReaders() {
    return parkedReaders.sum();
  }

  public long openReaders() {
    return openReaders.sum();
  }

  public long openProducers() {
    return openProducers.sum();
  }

  /** Bytes of batches that wait for their receipts now. */
  public long inFlightBytes() {
    return inFlightBytes.sum();
  }

  /** Consume streams open here, those that are passed on to the leader included. */
  public long openConsumers() {
    return openConsumers.sum();
  }

  /** Consumers of this leader that could take messages now and wait for some. */
  public long parkedConsumers() {
    return parkedConsumers.sum();
  }

  /** Messages this leader has sent to consumers. */
  public long deliveredMessages() {
    return deliveredMessages.sum();
  }

  /** Of those, the ones that had been delivered before. */
  public long redeliveredMessages() {
    return redeliveredMessages.sum();
  }

  public long deliveredBytes() {
    return deliveredBytes.sum();
  }

  /** Bytes that are granted, or handed over and not taken by their consumers yet. */
  public long undeliveredBytes() {
    return undeliveredBytes.sum();
  }

  /** Messages that consumers have settled at this leader. */
  public long settledMessages() {
    return settledMessages.sum();
  }

  /** Commands that these settlements took, and those of the planners themselves. */
  public long settleCommands() {
    return settleCommands.sum();
  }

  /** Times a planner looked what there is for a consumer. */
  public long deliveryTurns() {
    return deliveryTurns.sum();
  }

  /** Grants of leases that were proposed. */
  public long grants() {
    return grants.sum();
  }

  /** Grants that were to lease something and leased nothing. */
  public long emptyGrants() {
    return emptyGrants.sum();
  }

  /** Leases that were extended because their consumer lives. */
  public long renewals() {
    return renewals.sum();
  }

  /** Times a stream was opened at the next leader on behalf of a consumer connected here. */
  public long reopenedConsumers() {
    return reopenedConsumers.sum();
  }

  /** Consumers whose leases were ended because their stream broke and no other followed. */
  public long cutConsumers() {
    return cutConsumers.sum();
  }

  public void countReachedLeases(long count) {
    reachedLeases.add(count);
  }

  public void countDisownedLeases(int count) {
    disownedLeases.add(count);
  }

  /**
   * Leases of polls of which another replica told this one that they have reached their clients.
   */
  public long reachedLeases() {
    return reachedLeases.sum();
  }

  /** Leases that were to be kept up and of which nothing was heard: they end soon. */
  public long disownedLeases() {
    return disownedLeases.sum();
  }

  /** Answers other than OK by their code; codes never given are there with 0. */
  public Map<Code, Long> refused() {
    var counts = new EnumMap<Code, Long>(Code.class);
    refused.forEach((code, count) -> counts.put(code, count.sum()));
    return counts;
  }
}
