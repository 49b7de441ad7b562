package io.keelmq.broker.state;

import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A change that a replica's leader proposed. Immutable.
 *
 * <p>The records hold what arrived; whether it makes sense is judged by {@link BrokerState#apply},
 * which answers nonsense with {@link Reply.Rejected} and changes nothing.
 */
public sealed interface Command {

  /** Whom the repeats of a send are told by. */
  sealed interface SendDedup permits ProducerSequence, ClientMessageIds {}

  /**
   * A streaming producer's batch number.
   *
   * @param sequence 1 for the first batch, one more each
   */
  record ProducerSequence(String producerId, long epoch, long sequence) implements SendDedup {}

  /** Each message has an id of its own, unique for the client and topic. */
  record ClientMessageIds(String clientId) implements SendDedup {}

  /**
   * Consecutive messages of one queue.
   *
   * @param count messages, from 1
   * @param position of the first record, in bytes from the start of the entry
   * @param bytes of all records, each with its length in front
   * @param messageIds one for each message with {@link ClientMessageIds}; empty otherwise
   */
  record Run(String topic, int queue, int count, int position, int bytes, List<String> messageIds) {

    public Run {
      messageIds = List.copyOf(messageIds);
    }
  }

  /** Stores all runs or none. Reply: {@link Reply.Stored}. */
  record SendMessages(SendDedup dedup, List<Run> runs) implements Command {

    public SendMessages {
      runs = List.copyOf(runs);
    }
  }

  /** Reply: {@link Reply.TopicSettings}. The same topic again is no error. */
  record CreateTopic(String topic, TopicType type, int queues, long retentionMillis)
      implements Command {}

  /** Absent settings stay. Reply: {@link Reply.TopicSettings}. */
  record AlterTopic(String topic, OptionalInt queues, OptionalLong retentionMillis)
      implements Command {}

  /** Reply: {@link Reply.Done}; the rows go in later steps. */
  record DeleteTopic(String topic) implements Command {}

  /** Reply: {@link Reply.Done}. The same consumer group again is no error. */
  record CreateConsumerGroup(String consumerGroup, GroupKind kind) implements Command {}

  /** Reply: {@link Reply.Done}. */
  record DeleteConsumerGroup(String consumerGroup) implements Command {}

  /** How far a consumer group has come in a queue: the offset of the next message to read. */
  record QueueOffset(int queue, long offset) {}

  /** Reply: {@link Reply.Done}. An offset below the committed one changes nothing. */
  record CommitOffsets(String consumerGroup, String topic, long epoch, List<QueueOffset> offsets)
      implements Command {

    public CommitOffsets {
      offsets = List.copyOf(offsets);
    }
  }

  /** Moves a consumer group and raises its epoch. Reply: {@link Reply.Epoch}. */
  record SeekOffsets(String consumerGroup, String topic, List<QueueOffset> offsets)
      implements Command {

    public SeekOffsets {
      offsets = List.copyOf(offsets);
    }
  }

  /** Lets log time pass and does one bounded step of what is due. Reply: {@link Reply.Done}. */
  record AdvanceTime() implements Command {}

  /** What concerns the group's members; see {@link Members}. Reply: {@link Reply.Done}. */
  sealed interface Membership extends Command {}

  /** A member that {@code cluster init} wrote down. */
  record Founder(String node, String raftAddress, String clientAddress, int incarnation) {}

  /** The members of the beginning; changes nothing once there are any. */
  record RecordMembers(List<Founder> founders) implements Membership {

    public RecordMembers {
      founders = List.copyOf(founders);
    }
  }

  /** A member came with an empty folder: it gets the next incarnation, once for each boot id. */
  record JoinReplica(String node, String raftAddress, String clientAddress, long bootId)
      implements Membership {}

  /** A node may join that is no member. */
  record AnnounceReplica(
      String node, String raftAddress, String clientAddress, boolean staysLearner)
      implements Membership {}

  /** A learner that was to stay one shall vote. */
  record PromoteReplica(String node) implements Membership {}

  /** A node shall leave. */
  record RetireReplica(String node) implements Membership {}

  /** Raft counts this incarnation's vote. */
  record ReplicaVotes(String node, int incarnation) implements Membership {}

  /** Raft has nothing more of a node that shall leave, or of an incarnation that was not used. */
  record ReplicaLeft(String node, int incarnation) implements Membership {}
}
