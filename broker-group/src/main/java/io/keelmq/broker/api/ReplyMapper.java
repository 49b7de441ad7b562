package io.keelmq.broker.api;

import io.keelmq.broker.ProposalOutcome;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.Rejection;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.StateView;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupKind;
import io.keelmq.v1.EndTransactionResponse;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicType;
import java.util.Optional;

/** How what the state machine says reads in {@code keelmq.v1}. */
public final class ReplyMapper {

  private ReplyMapper() {}

  public static Refusal refusal(Reply.Rejected rejected) {
    return new Refusal(code(rejected.reason()), rejected.message());
  }

  static Code code(Rejection reason) {
    return switch (reason) {
      case INVALID -> Code.INVALID_ARGUMENT;
      case ILLEGAL_TOPIC -> Code.ILLEGAL_TOPIC;
      case ILLEGAL_CONSUMER_GROUP -> Code.ILLEGAL_CONSUMER_GROUP;
      case ILLEGAL_OFFSET -> Code.ILLEGAL_OFFSET;
      case TOPIC_NOT_FOUND -> Code.TOPIC_NOT_FOUND;
      case TOPIC_EXISTS -> Code.TOPIC_EXISTS;
      case QUEUE_NOT_FOUND -> Code.QUEUE_NOT_FOUND;
      case CONSUMER_GROUP_NOT_FOUND -> Code.CONSUMER_GROUP_NOT_FOUND;
      case CONSUMER_GROUP_EXISTS -> Code.CONSUMER_GROUP_EXISTS;
      case CONSUMER_GROUP_KIND_CONFLICT -> Code.CONSUMER_GROUP_KIND_CONFLICT;
      case OFFSET_OUT_OF_RANGE -> Code.OFFSET_OUT_OF_RANGE;
      case SEQUENCE_GAP -> Code.SEQUENCE_GAP;
      case SEQUENCE_TOO_OLD -> Code.SEQUENCE_TOO_OLD;
      case PRODUCER_UNKNOWN -> Code.PRODUCER_UNKNOWN;
      case PRODUCER_FENCED -> Code.PRODUCER_FENCED;
      case EPOCH_FENCED -> Code.PRECONDITION_FAILED;
      case TOO_MANY -> Code.TOO_MANY_REQUESTS;
      case MESSAGE_TYPE_CONFLICT -> Code.MESSAGE_TYPE_CONFLICT;
      case ILLEGAL_DELIVERY_TIME -> Code.ILLEGAL_DELIVERY_TIME;
      case ILLEGAL_INVISIBLE_TIME -> Code.ILLEGAL_INVISIBLE_TIME;
      case HELD_NOT_FOUND -> Code.HELD_NOT_FOUND;
      case TRANSACTION_DECIDED -> Code.PRECONDITION_FAILED;
      case MEMBERSHIP, FEATURE_LEVEL -> Code.PRECONDITION_FAILED;
    };
  }

  /** What a proposal that was not taken means to a caller that is not tried again. */
  static Refusal refusal(ProposalOutcome.NotProposed outcome) {
    Code code =
        switch (outcome.reason()) {
          case NOT_LEADER -> Code.NO_LEADER;
          case OVERLOADED -> Code.TOO_MANY_REQUESTS;
          case DISK_FULL -> Code.DISK_FULL;
          case SHUTTING_DOWN -> Code.SHUTTING_DOWN;
          case TOO_LARGE -> Code.INVALID_ARGUMENT;
          case FEATURE_LEVEL -> Code.PRECONDITION_FAILED;
        };
    return new Refusal(code, outcome.message());
  }

  /** A reply of a kind that the command never gives. */
  public static Refusal unexpected(Reply reply) {
    return new Refusal(Code.INTERNAL, "the state machine answered " + reply);
  }

  /** Where a decided half message went; nowhere, if it was rolled back. */
  public static Optional<EndTransactionResponse> decided(Reply reply) {
    if (reply instanceof Reply.Stored stored && stored.firstOffsets().size() == 1) {
      return Optional.of(
          EndTransactionResponse.newBuilder()
              .setQueue(stored.queues().get(0))
              .setOffset(stored.firstOffsets().get(0))
              .build());
    }
    return reply instanceof Reply.Done
        ? Optional.of(EndTransactionResponse.getDefaultInstance())
        : Optional.empty();
  }

  static Topic topic(io.keelmq.broker.state.Topic topic) {
    return Topic.newBuilder()
        .setTopic(topic.name())
        .setType(type(topic.type()))
        .setQueues(topic.queues())
        .setRetentionMillis(topic.retentionMillis())
        .setRetentionBytes(topic.retentionBytes())
        .build();
  }

  private static TopicType type(io.keelmq.broker.state.TopicType type) {
    return switch (type) {
      case NORMAL -> TopicType.NORMAL;
      case FIFO -> TopicType.FIFO;
      case DELAY -> TopicType.DELAY;
      case TRANSACTION -> TopicType.TRANSACTION;
      case PRIORITY -> TopicType.PRIORITY;
    };
  }

  /** The other direction; a type that is not said is NORMAL. */
  static io.keelmq.broker.state.TopicType type(TopicType type) {
    return switch (type) {
      case NORMAL, TOPIC_TYPE_UNSPECIFIED -> io.keelmq.broker.state.TopicType.NORMAL;
      case FIFO -> io.keelmq.broker.state.TopicType.FIFO;
      case DELAY -> io.keelmq.broker.state.TopicType.DELAY;
      case TRANSACTION -> io.keelmq.broker.state.TopicType.TRANSACTION;
      case PRIORITY -> io.keelmq.broker.state.TopicType.PRIORITY;
      case UNRECOGNIZED -> throw new IllegalArgumentException("topic type was not checked");
    };
  }

  static ConsumerGroup group(StateView.ConsumerGroup group) {
    return group(group.name(), group.settings());
  }

  static ConsumerGroup group(String name, GroupSettings settings) {
    var group =
        ConsumerGroup.newBuilder()
            .setConsumerGroup(name)
            .setKind(
                settings.kind() == GroupKind.OFFSET
                    ? ConsumerGroupKind.OFFSET
                    : ConsumerGroupKind.LEASE);
    if (settings.kind() == GroupKind.LEASE) {
      group
          .setFifo(settings.fifo())
          .setMaxAttempts(settings.maxAttempts())
          .setFromLatest(settings.fromLatest());
    }
    return group.build();
  }

  /** The other direction; a kind that is not said is OFFSET. */
  static GroupSettings settings(ConsumerGroup group) {
    return group.getKind() == ConsumerGroupKind.LEASE
        ? new GroupSettings(
            GroupKind.LEASE,
            group.getFifo(),
            group.getMaxAttempts() == 0
                ? GroupSettings.DEFAULT_MAX_ATTEMPTS
                : group.getMaxAttempts(),
            group.getFromLatest())
        : GroupSettings.of(GroupKind.OFFSET);
  }
}
