package io.keelmq.broker.raft;

import com.google.protobuf.Message;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.Grant;
import io.keelmq.broker.state.Command.Settlement;
import io.keelmq.broker.state.Command.SettlementKind;
import io.keelmq.broker.state.LeaseId;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.v1.log.GrantLeases;
import io.keelmq.v1.log.LogCandidates;
import io.keelmq.v1.log.LogLeaseId;
import io.keelmq.v1.log.LogOffsets;
import io.keelmq.v1.log.SettleLeases;
import java.util.ArrayList;
import java.util.List;

/** The log form of the commands about leases, there and back. Immutable. */
final class LeaseCommands {

  private final long index;

  /**
   * @param index of the entry that is being read
   */
  LeaseCommands(long index) {
    this.index = index;
  }

  static GrantLeases encode(Command.GrantLeases grant) {
    var log =
        GrantLeases.newBuilder()
            .setConsumerGroup(grant.consumerGroup())
            .setTopic(grant.topic())
            .setQueue(grant.queue())
            .setGeneration(grant.generation())
            .setClientId(grant.clientId())
            .setAttemptId(grant.attemptId())
            .setInvisibleMillis(grant.invisibleMillis());
    grant.grants().forEach(one -> log.addGrants(encode(one)));
    return log.build();
  }

  private static GrantLeases.Grant encode(Grant grant) {
    var log = GrantLeases.Grant.newBuilder();
    if (grant instanceof Command.FromCursor from) {
      log.setFromOffset(from.fromOffset()).setToOffset(from.toOffset());
    } else if (grant instanceof Command.FromReady ready) {
      log.setReady(encode(ready.batch()));
      if (!ready.done().isEmpty()) {
        log.setDone(encode(ready.done()));
      }
    }
    for (Candidates candidates : grant.candidates()) {
      log.addCandidates(
          LogCandidates.newBuilder()
              .setMessageGroupHash(candidates.messageGroupHash())
              .setOffsets(encode(candidates.offsets())));
    }
    return log.build();
  }

  static SettleLeases encode(Command.SettleLeases settle) {
    var log =
        SettleLeases.newBuilder()
            .setConsumerGroup(settle.consumerGroup())
            .setTopic(settle.topic())
            .setQueue(settle.queue())
            .setGeneration(settle.generation());
    for (Settlement settlement : settle.settlements()) {
      var one =
          SettleLeases.Settlement.newBuilder()
              .setKind(kind(settlement.kind()))
              .setLease(encode(settlement.lease()))
              .setMillis(settlement.millis());
      if (!settlement.offsets().isEmpty()) {
        one.setOffsets(encode(settlement.offsets()));
      }
      log.addSettlements(one);
    }
    return log.build();
  }

  private static SettleLeases.Kind kind(SettlementKind kind) {
    return switch (kind) {
      case ACK -> SettleLeases.Kind.ACK;
      case NACK -> SettleLeases.Kind.NACK;
      case EXTEND -> SettleLeases.Kind.EXTEND;
      case RELEASE -> SettleLeases.Kind.RELEASE;
      case DEAD_LETTER -> SettleLeases.Kind.DEAD_LETTER;
      case DISOWN -> SettleLeases.Kind.DISOWN;
    };
  }

  private static LogLeaseId encode(LeaseId id) {
    return LogLeaseId.newBuilder().setLogIndex(id.logIndex()).setOrdinal(id.ordinal()).build();
  }

  private static LogOffsets encode(OffsetSet offsets) {
    return LogOffsets.newBuilder().addAllGapsAndCounts(offsets.gapsAndCounts()).build();
  }

  Command grant(GrantLeases log) {
    known(log);
    var grants = new ArrayList<Grant>(log.getGrantsCount());
    for (GrantLeases.Grant grant : log.getGrantsList()) {
      grants.add(grant(known(grant)));
    }
    return new Command.GrantLeases(
        log.getConsumerGroup(),
        log.getTopic(),
        log.getQueue(),
        log.getGeneration(),
        log.getClientId(),
        log.getAttemptId(),
        log.getInvisibleMillis(),
        grants);
  }

  private Grant grant(GrantLeases.Grant log) {
    List<Candidates> candidates = new ArrayList<>(log.getCandidatesCount());
    for (LogCandidates one : log.getCandidatesList()) {
      candidates.add(new Candidates(known(one).getMessageGroupHash(), offsets(one.getOffsets())));
    }
    return log.hasReady()
        ? new Command.FromReady(id(log.getReady()), candidates, offsets(log.getDone()))
        : new Command.FromCursor(log.getFromOffset(), log.getToOffset(), candidates);
  }

  Command settle(SettleLeases log) {
    known(log);
    var settlements = new ArrayList<Settlement>(log.getSettlementsCount());
    for (SettleLeases.Settlement one : log.getSettlementsList()) {
      settlements.add(
          new Settlement(
              kind(known(one).getKind(), one.getKindValue()),
              id(one.getLease()),
              offsets(one.getOffsets()),
              one.getMillis()));
    }
    return new Command.SettleLeases(
        log.getConsumerGroup(), log.getTopic(), log.getQueue(), log.getGeneration(), settlements);
  }

  private SettlementKind kind(SettleLeases.Kind kind, int value) {
    return switch (kind) {
      case ACK -> SettlementKind.ACK;
      case NACK -> SettlementKind.NACK;
      case EXTEND -> SettlementKind.EXTEND;
      case RELEASE -> SettlementKind.RELEASE;
      case DEAD_LETTER -> SettlementKind.DEAD_LETTER;
      case DISOWN -> SettlementKind.DISOWN;
      case KIND_UNSPECIFIED, UNRECOGNIZED ->
          throw CommandDecoder.unreadable(index, "a settlement of kind " + value);
    };
  }

  private LeaseId id(LogLeaseId log) {
    return new LeaseId(known(log).getLogIndex(), log.getOrdinal());
  }

  private OffsetSet offsets(LogOffsets log) {
    try {
      // How many are too many the state machine judges.
      return OffsetSet.ofGapsAndCounts(known(log).getGapsAndCountsList(), Integer.MAX_VALUE);
    } catch (IllegalArgumentException e) {
      throw CommandDecoder.unreadable(index, "offsets that are none: " + e.getMessage());
    }
  }

  private <M extends Message> M known(M message) {
    CommandDecoder.refuseUnknownFields(index, message);
    return message;
  }
}
