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

  /**
   * The feature level without which no group may hold this command, with what is in it. Of what
   * came later than the first level: {@link Feature#level}.
   */
  default int neededLevel() {
    return LevelRange.FIRST;
  }

  /** The level from which on a replica understands it. */
  default int understoodFrom() {
    return neededLevel();
  }

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
   * @param placing when the run gets its offsets
   */
  record Run(
      String topic,
      int queue,
      int count,
      int position,
      int bytes,
      List<String> messageIds,
      Placing placing) {

    public Run {
      messageIds = List.copyOf(messageIds);
    }

    /** A run that gets its offsets at once. */
    public Run(
        String topic, int queue, int count, int position, int bytes, List<String> messageIds) {
      this(topic, queue, count, position, bytes, messageIds, Placing.AT_ONCE);
    }
  }

  /**
   * When a run gets its offsets.
   *
   * @param deliverAtMillis when log time passes this; 0: at once
   * @param half when its transaction is committed
   * @param firstCheckMillis of half messages: how long after being stored the first check-back is
   *     due; 0: {@link Limits#FIRST_CHECK_MILLIS}
   */
  record Placing(long deliverAtMillis, boolean half, long firstCheckMillis) {

    public static final Placing AT_ONCE = new Placing(0, false, 0);

    public static Placing at(long deliverAtMillis) {
      return new Placing(deliverAtMillis, false, 0);
    }

    public static Placing onCommit(long firstCheckMillis) {
      return new Placing(0, true, firstCheckMillis);
    }
  }

  /** Stores all runs or none. Reply: {@link Reply.Stored}. */
  record SendMessages(SendDedup dedup, List<Run> runs) implements Command {

    public SendMessages {
      runs = List.copyOf(runs);
    }
  }

  /** Reply: {@link Reply.TopicSettings}. The same topic again is no error. */
  record CreateTopic(
      String topic, TopicType type, int queues, long retentionMillis, long retentionBytes)
      implements Command {

    /** A topic whose queues may become as large as they will. */
    public CreateTopic(String topic, TopicType type, int queues, long retentionMillis) {
      this(topic, type, queues, retentionMillis, 0);
    }

    @Override
    public int neededLevel() {
      return retentionBytes == 0 ? LevelRange.FIRST : Feature.RETENTION_BY_SIZE.level();
    }
  }

  /** Absent settings stay. Reply: {@link Reply.TopicSettings}. */
  record AlterTopic(
      String topic, OptionalInt queues, OptionalLong retentionMillis, OptionalLong retentionBytes)
      implements Command {

    /** The size of queues stays as it is. */
    public AlterTopic(String topic, OptionalInt queues, OptionalLong retentionMillis) {
      this(topic, queues, retentionMillis, OptionalLong.empty());
    }

    @Override
    public int neededLevel() {
      return retentionBytes.isEmpty() ? LevelRange.FIRST : Feature.RETENTION_BY_SIZE.level();
    }
  }

  /** Reply: {@link Reply.Done}; the rows go in later steps. */
  record DeleteTopic(String topic) implements Command {}

  /** Reply: {@link Reply.Done}. The same consumer group again is no error. */
  record CreateConsumerGroup(String consumerGroup, GroupSettings settings) implements Command {

    /** A consumer group of this kind with its defaults. */
    public CreateConsumerGroup(String consumerGroup, GroupKind kind) {
      this(consumerGroup, GroupSettings.of(kind));
    }
  }

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

  /**
   * Fixes where a consumer group of kind lease begins at each queue of a topic, if it is not fixed
   * yet, and makes the group if it is not there. Reply: {@link Reply.Done}.
   */
  record SubscribeGroup(String consumerGroup, String topic) implements Command {}

  /**
   * Messages of one message group (or of none) that a planner found deliverable.
   *
   * @param messageGroupHash 0 without a message group, and in consumer groups that are not FIFO
   */
  record Candidates(long messageGroupHash, OffsetSet offsets) {}

  /** Where candidates come from. */
  sealed interface Grant permits FromCursor, FromReady {
    List<Candidates> candidates();
  }

  /**
   * From {@code fromOffset} (inclusive) to {@code toOffset} (exclusive), all of which was
   * inspected; what is no candidate is done. Offsets that other grants took meanwhile are passed
   * over, offsets between the cursor and {@code fromOffset} become ready: they were planned by a
   * grant that never came.
   *
   * <p>Grants nothing, and the cursor stays, if the group has too much out of the queue ({@link
   * Limits#MAX_BATCHES_PER_QUEUE}, {@link Limits#MAX_BLOCKED_PER_QUEUE}), if more than {@link
   * Limits#MAX_GRANT_SPAN} offsets were left out, or if any were and the group is FIFO: an earlier
   * message of a message group could be among them. A planner that got less than it planned looks
   * at the cursor again.
   */
  record FromCursor(long fromOffset, long toOffset, List<Candidates> candidates) implements Grant {

    public FromCursor {
      candidates = List.copyOf(candidates);
    }
  }

  /**
   * From a batch that is ready to be delivered again; what of it is neither candidate nor done
   * stays ready. Of a batch that holds a message group only its first messages can be leased,
   * without leaving one out; those behind wait until these are settled.
   *
   * @param done filtered, or no longer retained
   */
  record FromReady(LeaseId batch, List<Candidates> candidates, OffsetSet done) implements Grant {

    public FromReady {
      candidates = List.copyOf(candidates);
    }
  }

  /**
   * Leases what a planner found deliverable; each offset is judged alone. Reply: {@link
   * Reply.Leased}, with fewer messages than asked for where some were not to be had.
   *
   * @param generation of the queue, see {@link StateView.Cursor}; another one leases nothing
   * @param attemptId tells repeats of a receive; may be empty
   */
  record GrantLeases(
      String consumerGroup,
      String topic,
      int queue,
      int generation,
      String clientId,
      String attemptId,
      long invisibleMillis,
      List<Grant> grants)
      implements Command {

    public GrantLeases {
      grants = List.copyOf(grants);
    }
  }

  /** What becomes of leased messages. The codes stand in the log and never change. */
  enum SettlementKind {
    ACK,
    /**
     * Ready again after {@code millis}, or dead if this was the last attempt. Of a message group:
     * the first of the offsets, and everything of the batch behind it comes again after it and was
     * no attempt.
     */
    NACK,
    /**
     * The lease ends {@code millis} from now; of a message group, always the whole lease, and not
     * sooner than before unless all that is left of it is named.
     */
    EXTEND,
    /** Ready again at once, under another name; was no attempt. Of a message group: as NACK. */
    RELEASE,
    DEAD_LETTER,
    /**
     * The whole lease ends {@code millis} from now if it does not end sooner, and nobody can extend
     * it: whether its client knows of it is not known. A client that does may still settle it.
     */
    DISOWN
  }

  /**
   * @param offsets empty: all that is left of the lease
   * @param millis with {@link SettlementKind#NACK}, {@link SettlementKind#EXTEND} and {@link
   *     SettlementKind#DISOWN}
   */
  record Settlement(SettlementKind kind, LeaseId lease, OffsetSet offsets, long millis) {}

  /**
   * Settles leases of one queue, in order. Reply: {@link Reply.Settled}. A lease that has ended and
   * was not granted to anybody else can still be settled.
   */
  record SettleLeases(
      String consumerGroup, String topic, int queue, int generation, List<Settlement> settlements)
      implements Command {

    public SettleLeases {
      settlements = List.copyOf(settlements);
    }
  }

  /** Takes back a delayed message. Reply: {@link Reply.Done}. */
  record RecallMessage(String topic, HeldId held) implements Command {}

  /** Decides a half message. Reply: {@link Reply.Stored} of one run, or {@link Reply.Done}. */
  record EndTransaction(String topic, HeldId held, boolean commit) implements Command {}

  /** One question about a half message, by its number. */
  record HeardCheck(long topicId, HeldId held, int check) {}

  /**
   * Producers were handed these check-backs. One that is not the last of its message, or was heard
   * before, changes nothing. Reply: {@link Reply.Done}.
   */
  record HeardChecks(List<HeardCheck> checks) implements Command {

    public HeardChecks {
      checks = List.copyOf(checks);
    }

    @Override
    public int neededLevel() {
      return Feature.HEARD_CHECKS.level();
    }
  }

  /** Lets log time pass and does one bounded step of what is due. Reply: {@link Reply.Done}. */
  record AdvanceTime() implements Command {}

  /**
   * The group reaches a feature level, which is one more than the one that it has. Reply: {@link
   * Reply.Done}, also if it has reached it before.
   *
   * @param level from 2
   * @param softwareVersion of the leader, for those who have to be told what to start
   */
  record RaiseLevel(int level, String softwareVersion) implements Command {

    @Override
    public int neededLevel() {
      return Math.max(LevelRange.FIRST, level - 1);
    }

    @Override
    public int understoodFrom() {
      return level;
    }
  }

  /** A run of a queue, by what never changes of it. */
  record RunKey(long topicId, int queue, long firstOffset) {}

  /** A delayed or half run. */
  record HeldKey(long topicId, HeldId held) {}

  /**
   * Records that were copied, with all rows that have their address.
   *
   * @param position of the copy, in bytes from the start of the entry
   * @param bytes of the records, each with its length in front
   */
  record Body(BodyAddress from, int position, int bytes, List<RunKey> runs, List<HeldKey> held) {

    public Body {
      runs = List.copyOf(runs);
      held = List.copyOf(held);
    }

    int rows() {
      return runs.size() + held.size();
    }
  }

  /**
   * Gives rows the addresses of copies that came with the command, where they have the old ones
   * still. Reply: {@link Reply.Done}, also for a repeat, which changes nothing.
   */
  record RelocateBodies(List<Body> bodies) implements Command {

    public RelocateBodies {
      bodies = List.copyOf(bodies);
    }

    @Override
    public int neededLevel() {
      return Feature.RELOCATED_BODIES.level();
    }
  }

  /** Why a queue's oldest messages go before their time. */
  sealed interface TrimReason permits BySize, ByDisk {}

  /** The queue has more than its topic's retention, which must be this still. */
  record BySize(long retentionBytes) implements TrimReason {}

  /** A disk is nearly full: what is at least so old goes. */
  record ByDisk(long keepMillis) implements TrimReason {}

  /**
   * @param toOffset runs that end here or before go
   */
  record Trim(long topicId, int queue, long toOffset, TrimReason reason) {}

  /**
   * Moves the first offsets of queues, some rows at a time. Where the topic is gone, has another
   * retention or nothing so old, nothing happens. Reply: {@link Reply.Done}.
   */
  record TrimQueues(List<Trim> trims) implements Command {

    public TrimQueues {
      trims = List.copyOf(trims);
    }

    @Override
    public int neededLevel() {
      return Feature.RETENTION_BY_SIZE.level();
    }
  }

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
