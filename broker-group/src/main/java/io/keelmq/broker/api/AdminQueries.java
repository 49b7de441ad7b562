package io.keelmq.broker.api;

import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumerGroupDescription;
import io.keelmq.v1.GetOffsetsResponse;
import io.keelmq.v1.ListConsumerGroupsResponse;
import io.keelmq.v1.ListTopicsResponse;
import io.keelmq.v1.QueueOffset;
import io.keelmq.v1.QueueProgress;
import io.keelmq.v1.QueueState;
import io.keelmq.v1.TopicDescription;
import java.util.Optional;

/** Answers from the applied state. Stateless; asked once the state is known to be new enough. */
final class AdminQueries {

  private AdminQueries() {}

  static ListTopicsResponse topics(StateView state) {
    var response = ListTopicsResponse.newBuilder();
    state.topics().forEach(topic -> response.addTopics(ReplyMapper.topic(topic)));
    return response.build();
  }

  static TopicDescription topic(StateView state, String brokerGroup, String name)
      throws ReadStarts.Unfit {
    Topic topic = ReadStarts.topic(state, name);
    var description = TopicDescription.newBuilder().setTopic(ReplyMapper.topic(topic));
    for (int queue = 0; queue < topic.queues(); queue++) {
      StateView.QueueBounds bounds = state.bounds(topic.id(), queue);
      description.addQueues(
          QueueState.newBuilder()
              .setQueue(queue)
              .setBrokerGroup(brokerGroup)
              .setFirstOffset(bounds.firstOffset())
              .setEndOffset(bounds.endOffset()));
    }
    return description.build();
  }

  static ListConsumerGroupsResponse consumerGroups(StateView state) {
    var response = ListConsumerGroupsResponse.newBuilder();
    state.consumerGroups().forEach(group -> response.addConsumerGroups(ReplyMapper.group(group)));
    return response.build();
  }

  static ConsumerGroupDescription consumerGroup(StateView state, String name)
      throws ReadStarts.Unfit {
    StateView.ConsumerGroup group =
        state
            .consumerGroup(name)
            .orElseThrow(
                () ->
                    new ReadStarts.Unfit(
                        Code.CONSUMER_GROUP_NOT_FOUND,
                        "consumer group "
                            + name
                            + " does not exist: make it, or let its first consumer do so"));
    var description =
        ConsumerGroupDescription.newBuilder().setConsumerGroup(ReplyMapper.group(group));
    for (StateView.Progress progress : state.progress(name)) {
      Optional<Topic> topic = state.topic(progress.topicId());
      // The rows of a deleted topic go in later steps.
      if (topic.isPresent()) {
        description.addQueues(progress(state, group, topic.get(), progress));
      }
    }
    return description.build();
  }

  private static QueueProgress progress(
      StateView state, StateView.ConsumerGroup group, Topic topic, StateView.Progress progress) {
    var queue =
        QueueProgress.newBuilder()
            .setTopic(topic.name())
            .setQueue(progress.queue())
            .setCommittedOffset(progress.committedOffset())
            .setEndOffset(state.bounds(topic.id(), progress.queue()).endOffset())
            .setEpoch(progress.epoch());
    if (group.kind() == GroupKind.LEASE) {
      state
          .cursor(group.id(), topic.id(), progress.queue())
          .ifPresent(
              cursor ->
                  queue
                      .setCursorOffset(cursor.nextOffset())
                      .setLeased(cursor.leased())
                      .setReady(cursor.ready())
                      .setBlocked(cursor.blocked()));
    }
    return queue.build();
  }

  /** Of a consumer group that nobody made yet: nothing committed, epoch 0. */
  static GetOffsetsResponse offsets(StateView state, String consumerGroup, String topicName)
      throws ReadStarts.Unfit {
    Topic topic = ReadStarts.topic(state, topicName);
    var response = GetOffsetsResponse.newBuilder().setEpoch(state.epoch(consumerGroup, topic.id()));
    for (StateView.Progress progress : state.progress(consumerGroup)) {
      if (progress.topicId() == topic.id()) {
        response.addOffsets(
            QueueOffset.newBuilder()
                .setQueue(progress.queue())
                .setOffset(progress.committedOffset()));
      }
    }
    return response.build();
  }
}
