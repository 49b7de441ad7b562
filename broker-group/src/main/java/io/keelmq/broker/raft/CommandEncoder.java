package io.keelmq.broker.raft;

import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Command.ClientMessageIds;
import io.keelmq.broker.state.Command.ProducerSequence;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.HeldId;
import io.keelmq.v1.Origin;
import io.keelmq.v1.TopicType;
import io.keelmq.v1.log.AdvanceTime;
import io.keelmq.v1.log.CommitOffsets;
import io.keelmq.v1.log.DeleteConsumerGroup;
import io.keelmq.v1.log.DeleteTopic;
import io.keelmq.v1.log.GroupKind;
import io.keelmq.v1.log.HeardChecks;
import io.keelmq.v1.log.LogCommand;
import io.keelmq.v1.log.LogEndTransaction;
import io.keelmq.v1.log.LogHeardCheck;
import io.keelmq.v1.log.LogHeldId;
import io.keelmq.v1.log.LogQueueOffset;
import io.keelmq.v1.log.PutConsumerGroup;
import io.keelmq.v1.log.PutTopic;
import io.keelmq.v1.log.RaiseFeatureLevel;
import io.keelmq.v1.log.RecallMessage;
import io.keelmq.v1.log.RunHeader;
import io.keelmq.v1.log.SeekOffsets;
import io.keelmq.v1.log.SendMessages;
import io.keelmq.v1.log.SubscribeGroup;
import java.util.List;
import java.util.Optional;

/** From the state machine's commands to their form in the log. Stateless. */
final class CommandEncoder {

  /** "Leave it as it is", in the settings of an altered topic. */
  static final int SAME_QUEUES = 0;

  static final long SAME_RETENTION = -1;

  private CommandEncoder() {}

  static LogCommand encode(Optional<CommandOrigin> origin, Command command) {
    var log = LogCommand.newBuilder();
    origin.ifPresent(
        from -> log.setOrigin(Origin.newBuilder().setId(from.id()).setSequence(from.sequence())));
    if (command instanceof Command.SendMessages send) {
      log.setSendMessages(send(send));
    } else if (command instanceof Command.CreateTopic create) {
      log.setPutTopic(create(create));
    } else if (command instanceof Command.AlterTopic alter) {
      log.setPutTopic(alter(alter));
    } else if (command instanceof Command.DeleteTopic delete) {
      log.setDeleteTopic(DeleteTopic.newBuilder().setTopic(delete.topic()));
    } else if (command instanceof Command.CreateConsumerGroup create) {
      log.setPutConsumerGroup(
          PutConsumerGroup.newBuilder()
              .setConsumerGroup(create.consumerGroup())
              .setKind(GroupKind.forNumber(create.settings().kind().code()))
              .setFifo(create.settings().fifo())
              .setMaxAttempts(loggedAttempts(create.settings()))
              .setFromLatest(create.settings().fromLatest()));
    } else if (command instanceof Command.DeleteConsumerGroup delete) {
      log.setDeleteConsumerGroup(
          DeleteConsumerGroup.newBuilder().setConsumerGroup(delete.consumerGroup()));
    } else if (command instanceof Command.CommitOffsets commit) {
      log.setCommitOffsets(
          CommitOffsets.newBuilder()
              .setConsumerGroup(commit.consumerGroup())
              .setTopic(commit.topic())
              .setEpoch(commit.epoch())
              .addAllOffsets(offsets(commit.offsets())));
    } else if (command instanceof Command.SeekOffsets seek) {
      log.setSeekOffsets(
          SeekOffsets.newBuilder()
              .setConsumerGroup(seek.consumerGroup())
              .setTopic(seek.topic())
              .addAllOffsets(offsets(seek.offsets())));
    } else if (command instanceof Command.RecallMessage recall) {
      log.setRecallMessage(
          RecallMessage.newBuilder().setTopic(recall.topic()).setHeld(held(recall.held())));
    } else if (command instanceof Command.EndTransaction end) {
      log.setEndTransaction(
          LogEndTransaction.newBuilder()
              .setTopic(end.topic())
              .setHeld(held(end.held()))
              .setCommit(end.commit()));
    } else if (command instanceof Command.HeardChecks heard) {
      log.setHeardChecks(heard(heard));
    } else if (command instanceof Command.SubscribeGroup subscribe) {
      log.setSubscribeGroup(
          SubscribeGroup.newBuilder()
              .setConsumerGroup(subscribe.consumerGroup())
              .setTopic(subscribe.topic()));
    } else if (command instanceof Command.GrantLeases grant) {
      log.setGrantLeases(LeaseCommands.encode(grant));
    } else if (command instanceof Command.SettleLeases settle) {
      log.setSettleLeases(LeaseCommands.encode(settle));
    } else if (command instanceof Command.RelocateBodies relocate) {
      log.setRelocateBodies(RetentionCodec.encode(relocate));
    } else if (command instanceof Command.TrimQueues trims) {
      log.setTrimQueues(RetentionCodec.encode(trims));
    } else if (command instanceof Command.AdvanceTime) {
      log.setAdvanceTime(AdvanceTime.getDefaultInstance());
    } else if (command instanceof Command.Membership change) {
      MembershipCodec.encode(change, log);
    } else if (command instanceof Command.RaiseLevel raise) {
      log.setRaiseFeatureLevel(
          RaiseFeatureLevel.newBuilder()
              .setLevel(raise.level())
              .setSoftwareVersion(raise.softwareVersion()));
    } else {
      throw new IllegalArgumentException("no log form for " + command.getClass());
    }
    return log.build();
  }

  private static SendMessages send(Command.SendMessages send) {
    var log = SendMessages.newBuilder();
    if (send.dedup() instanceof ProducerSequence producer) {
      log.setProducer(
          io.keelmq.v1.log.ProducerSequence.newBuilder()
              .setProducerId(producer.producerId())
              .setEpoch(producer.epoch())
              .setSequence(producer.sequence()));
    } else if (send.dedup() instanceof ClientMessageIds ids) {
      log.setClientId(ids.clientId());
    }
    for (Command.Run run : send.runs()) {
      log.addRuns(
          RunHeader.newBuilder()
              .setTopic(run.topic())
              .setQueue(run.queue())
              .setCount(run.count())
              .setRecordBytes(run.bytes())
              .addAllMessageIds(run.messageIds())
              .setDeliverAtMillis(run.placing().deliverAtMillis())
              .setHalf(run.placing().half())
              .setFirstCheckMillis(run.placing().firstCheckMillis()));
    }
    return log.build();
  }

  private static HeardChecks heard(Command.HeardChecks heard) {
    var log = HeardChecks.newBuilder();
    for (Command.HeardCheck check : heard.checks()) {
      log.addChecks(
          LogHeardCheck.newBuilder()
              .setTopicId(check.topicId())
              .setHeld(held(check.held()))
              .setCheck(check.check()));
    }
    return log.build();
  }

  private static PutTopic create(Command.CreateTopic create) {
    var log =
        PutTopic.newBuilder()
            .setTopic(create.topic())
            .setType(TopicType.forNumber(create.type().code()))
            .setQueues(create.queues())
            .setRetentionMillis(create.retentionMillis());
    if (create.retentionBytes() != 0) {
      // Absent as before there was any, so that versions of then read it.
      log.setRetentionBytes(create.retentionBytes());
    }
    return log.build();
  }

  private static PutTopic alter(Command.AlterTopic alter) {
    // A value that happens to be the one for "same" is nonsense in a request; it is stored as other
    // nonsense, so that the state machine and not the format refuses it.
    int queues = alter.queues().orElse(SAME_QUEUES);
    long retention = alter.retentionMillis().orElse(SAME_RETENTION);
    var log =
        PutTopic.newBuilder()
            .setTopic(alter.topic())
            .setAlter(true)
            .setQueues(alter.queues().isPresent() && queues == SAME_QUEUES ? -1 : queues)
            .setRetentionMillis(
                alter.retentionMillis().isPresent() && retention == SAME_RETENTION
                    ? -2
                    : retention);
    alter.retentionBytes().ifPresent(log::setRetentionBytes);
    return log.build();
  }

  private static List<LogQueueOffset> offsets(List<Command.QueueOffset> offsets) {
    return offsets.stream()
        .map(
            offset ->
                LogQueueOffset.newBuilder()
                    .setQueue(offset.queue())
                    .setOffset(offset.offset())
                    .build())
        .toList();
  }

  private static LogHeldId held(HeldId held) {
    return LogHeldId.newBuilder().setLogIndex(held.logIndex()).setPosition(held.position()).build();
  }

  /** The default as 0, so that what is logged for groups of kind offset stays as it was. */
  private static int loggedAttempts(GroupSettings settings) {
    return settings.maxAttempts() == GroupSettings.DEFAULT_MAX_ATTEMPTS
        ? 0
        : settings.maxAttempts();
  }
}
