package io.keelmq.broker.raft;

import com.google.protobuf.Message;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Command.ClientMessageIds;
import io.keelmq.broker.state.Command.SendDedup;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.LevelRange;
import io.keelmq.broker.state.TopicType;
import io.keelmq.v1.log.CommitOffsets;
import io.keelmq.v1.log.HeardChecks;
import io.keelmq.v1.log.LogBody;
import io.keelmq.v1.log.LogCommand;
import io.keelmq.v1.log.LogEndTransaction;
import io.keelmq.v1.log.LogHeardCheck;
import io.keelmq.v1.log.LogHeldId;
import io.keelmq.v1.log.LogQueueOffset;
import io.keelmq.v1.log.ProducerSequence;
import io.keelmq.v1.log.PutConsumerGroup;
import io.keelmq.v1.log.PutTopic;
import io.keelmq.v1.log.RaiseFeatureLevel;
import io.keelmq.v1.log.RecallMessage;
import io.keelmq.v1.log.RelocateBodies;
import io.keelmq.v1.log.RunHeader;
import io.keelmq.v1.log.SeekOffsets;
import io.keelmq.v1.log.SendMessages;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * From the commands of one entry to those of the state machine. Counts through the payload, so that
 * each run learns its position. Used by one thread.
 *
 * <p>Refuses what it does not know: a field added by a newer version may change what a command
 * does.
 */
final class CommandDecoder {

  private final long index;
  private final LeaseCommands leases;
  private int position;

  /**
   * @param position where the payload begins
   */
  CommandDecoder(long index, int position) {
    this.index = index;
    this.leases = new LeaseCommands(index);
    this.position = position;
  }

  /** One after the last run that was seen. */
  int position() {
    return position;
  }

  Optional<CommandOrigin> origin(LogCommand log) {
    if (!log.hasOrigin()) {
      return Optional.empty();
    }
    refuseUnknownFields(index, log.getOrigin());
    return Optional.of(new CommandOrigin(log.getOrigin().getId(), log.getOrigin().getSequence()));
  }

  Command command(LogCommand log) {
    refuseUnknownFields(index, log);
    return switch (log.getCommandCase()) {
      case SEND_MESSAGES -> send(known(log.getSendMessages()));
      case PUT_TOPIC -> put(known(log.getPutTopic()));
      case DELETE_TOPIC -> new Command.DeleteTopic(known(log.getDeleteTopic()).getTopic());
      case PUT_CONSUMER_GROUP -> put(known(log.getPutConsumerGroup()));
      case DELETE_CONSUMER_GROUP ->
          new Command.DeleteConsumerGroup(known(log.getDeleteConsumerGroup()).getConsumerGroup());
      case COMMIT_OFFSETS -> commit(known(log.getCommitOffsets()));
      case SEEK_OFFSETS -> seek(known(log.getSeekOffsets()));
      case ADVANCE_TIME -> {
        known(log.getAdvanceTime());
        yield new Command.AdvanceTime();
      }
      case SUBSCRIBE_GROUP ->
          new Command.SubscribeGroup(
              known(log.getSubscribeGroup()).getConsumerGroup(),
              log.getSubscribeGroup().getTopic());
      case GRANT_LEASES -> leases.grant(log.getGrantLeases());
      case SETTLE_LEASES -> leases.settle(log.getSettleLeases());
      case RECALL_MESSAGE -> recall(known(log.getRecallMessage()));
      case END_TRANSACTION -> end(known(log.getEndTransaction()));
      case HEARD_CHECKS -> heard(known(log.getHeardChecks()));
      case RELOCATE_BODIES -> relocate(known(log.getRelocateBodies()));
      case TRIM_QUEUES -> RetentionCodec.decode(index, log.getTrimQueues());
      case RECORD_MEMBERS,
          JOIN_REPLICA,
          ANNOUNCE_REPLICA,
          PROMOTE_REPLICA,
          RETIRE_REPLICA,
          REPLICA_VOTES,
          REPLICA_LEFT ->
          MembershipCodec.decode(index, log);
      case RAISE_FEATURE_LEVEL -> raise(log.getRaiseFeatureLevel());
      case COMMAND_NOT_SET -> throw unreadable("a command without content");
    };
  }

  static void refuseUnknownFields(long index, Message message) {
    if (!message.getUnknownFields().asMap().isEmpty()) {
      throw new UnreadableEntryException(
          "entry %d: %s has fields %s that this version does not know: start the version that wrote it"
              .formatted(
                  index,
                  message.getDescriptorForType().getName(),
                  message.getUnknownFields().asMap().keySet()));
    }
  }

  private <M extends Message> M known(M message) {
    refuseUnknownFields(index, message);
    return message;
  }

  private Command send(SendMessages log) {
    var runs = new ArrayList<Command.Run>(log.getRunsCount());
    for (RunHeader header : log.getRunsList()) {
      RunHeader run = known(header);
      requireRoom(run.getRecordBytes());
      runs.add(
          new Command.Run(
              run.getTopic(),
              run.getQueue(),
              run.getCount(),
              position,
              run.getRecordBytes(),
              run.getMessageIdsList(),
              new Command.Placing(
                  run.getDeliverAtMillis(), run.getHalf(), run.getFirstCheckMillis())));
      position += run.getRecordBytes();
    }
    return new Command.SendMessages(dedup(log), runs);
  }

  private void requireRoom(int recordBytes) {
    if (recordBytes < 0 || position > Integer.MAX_VALUE - recordBytes) {
      throw unreadable("a run of " + recordBytes + " bytes at " + position);
    }
  }

  private Command relocate(RelocateBodies log) {
    var bodies = new ArrayList<Command.Body>(log.getBodiesCount());
    for (LogBody body : log.getBodiesList()) {
      requireRoom(body.getRecordBytes());
      bodies.add(RetentionCodec.body(index, body, position));
      position += body.getRecordBytes();
    }
    return new Command.RelocateBodies(bodies);
  }

  private SendDedup dedup(SendMessages log) {
    return switch (log.getDedupCase()) {
      case PRODUCER -> {
        ProducerSequence producer = known(log.getProducer());
        yield new Command.ProducerSequence(
            producer.getProducerId(), producer.getEpoch(), producer.getSequence());
      }
      case CLIENT_ID -> new ClientMessageIds(log.getClientId());
      case DEDUP_NOT_SET -> throw unreadable("a send that does not say how repeats are told");
    };
  }

  private Command put(PutTopic log) {
    if (log.getAlter()) {
      return new Command.AlterTopic(
          log.getTopic(),
          log.getQueues() == CommandEncoder.SAME_QUEUES
              ? OptionalInt.empty()
              : OptionalInt.of(log.getQueues()),
          log.getRetentionMillis() == CommandEncoder.SAME_RETENTION
              ? OptionalLong.empty()
              : OptionalLong.of(log.getRetentionMillis()),
          log.hasRetentionBytes()
              ? OptionalLong.of(log.getRetentionBytes())
              : OptionalLong.empty());
    }
    try {
      return new Command.CreateTopic(
          log.getTopic(),
          TopicType.ofCode(log.getTypeValue()),
          log.getQueues(),
          log.getRetentionMillis(),
          log.getRetentionBytes());
    } catch (IllegalArgumentException e) {
      throw unreadable(e.getMessage());
    }
  }

  private Command put(PutConsumerGroup log) {
    try {
      return new Command.CreateConsumerGroup(
          log.getConsumerGroup(),
          new GroupSettings(
              GroupKind.ofCode(log.getKindValue()),
              log.getFifo(),
              log.getMaxAttempts() == 0 ? GroupSettings.DEFAULT_MAX_ATTEMPTS : log.getMaxAttempts(),
              log.getFromLatest()));
    } catch (IllegalArgumentException e) {
      throw unreadable(e.getMessage());
    }
  }

  private Command commit(CommitOffsets log) {
    return new Command.CommitOffsets(
        log.getConsumerGroup(), log.getTopic(), log.getEpoch(), offsets(log.getOffsetsList()));
  }

  private Command seek(SeekOffsets log) {
    return new Command.SeekOffsets(
        log.getConsumerGroup(), log.getTopic(), offsets(log.getOffsetsList()));
  }

  private Command recall(RecallMessage log) {
    return new Command.RecallMessage(log.getTopic(), held(log.getHeld()));
  }

  private Command end(LogEndTransaction log) {
    return new Command.EndTransaction(log.getTopic(), held(log.getHeld()), log.getCommit());
  }

  private Command heard(HeardChecks log) {
    var checks = new ArrayList<Command.HeardCheck>(log.getChecksCount());
    for (LogHeardCheck check : log.getChecksList()) {
      checks.add(
          new Command.HeardCheck(
              known(check).getTopicId(), held(check.getHeld()), check.getCheck()));
    }
    return new Command.HeardChecks(checks);
  }

  /**
   * What a later version adds to the command of a level that this one supports would be of a later
   * level; of a level that it does not support it must be able to say so.
   */
  private Command raise(RaiseFeatureLevel log) {
    if (log.getLevel() <= LevelRange.NEWEST) {
      refuseUnknownFields(index, log);
    }
    if (log.getLevel() <= LevelRange.FIRST) {
      throw unreadable("a rise to feature level " + log.getLevel());
    }
    return new Command.RaiseLevel(log.getLevel(), log.getSoftwareVersion());
  }

  private HeldId held(LogHeldId logged) {
    return new HeldId(known(logged).getLogIndex(), logged.getPosition());
  }

  private List<Command.QueueOffset> offsets(List<LogQueueOffset> logged) {
    var offsets = new ArrayList<Command.QueueOffset>(logged.size());
    for (LogQueueOffset offset : logged) {
      offsets.add(new Command.QueueOffset(known(offset).getQueue(), offset.getOffset()));
    }
    return offsets;
  }

  private UnreadableEntryException unreadable(String what) {
    return unreadable(index, what);
  }

  static UnreadableEntryException unreadable(long index, String what) {
    return new UnreadableEntryException(
        "entry %d: %s: start the version that wrote it".formatted(index, what));
  }
}
