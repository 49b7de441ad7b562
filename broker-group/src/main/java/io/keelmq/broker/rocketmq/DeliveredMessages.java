package io.keelmq.broker.rocketmq;

import io.keelmq.broker.api.LeaseKey;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.Topic;
import io.keelmq.rocketmq.v2.DeadLetterQueue;
import io.keelmq.rocketmq.v2.Message;
import io.keelmq.rocketmq.v2.Resource;
import io.keelmq.rocketmq.v2.SystemProperties;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.OffsetRange;
import java.util.ArrayList;
import java.util.List;

/**
 * What a poll found, as its client reads it. Immutable.
 *
 * @param resource the topic as the client calls it
 */
record DeliveredMessages(
    StateView state, StateView.ConsumerGroup group, Topic topic, Resource resource) {

  private static final String DEAD_LETTER_TOPICS = "%DLQ%";

  List<Message> of(Delivery delivery, boolean kept, long invisibleMillis) {
    List<Message.Builder> messages =
        StoredMessages.read(delivery.getRecords(), resource, MessageChecks.type(topic.type()));
    var delivered = new ArrayList<Message>(messages.size());
    LeaseKey lease = LeaseKey.of(delivery.getLease());
    for (int range = 0; range < delivery.getOffsetsCount(); range++) {
      OffsetRange offsets = delivery.getOffsets(range);
      long storedMillis =
          range < delivery.getStoreTimesMillisCount() ? delivery.getStoreTimesMillis(range) : 0;
      for (long offset = offsets.getFirst();
          offset < offsets.getFirst() + offsets.getCount() && delivered.size() < messages.size();
          offset++) {
        Message.Builder message = messages.get(delivered.size());
        var handle =
            new ReceiptHandle(
                group.id(), topic.id(), lease, offset, delivery.getDeadlineMillis(), kept);
        SystemProperties.Builder system = message.getSystemPropertiesBuilder();
        system
            .setQueueId(lease.queue())
            .setQueueOffset(offset)
            .setReceiptHandle(handle.encode())
            .setDeliveryAttempt(delivery.getAttempt())
            .setInvisibleDuration(Times.duration(invisibleMillis))
            .setStoreTimestamp(Times.timestamp(storedMillis));
        if (topic.name().startsWith(DEAD_LETTER_TOPICS)) {
          nameSource(system, lease.queue(), offset);
        }
        delivered.add(message.build());
      }
    }
    return delivered;
  }

  private void nameSource(SystemProperties.Builder system, int queue, long offset) {
    state.runs(topic.id(), queue, offset, 1).stream()
        .findFirst()
        .flatMap(StateView.StoredRun::source)
        .ifPresent(
            source ->
                system.setDeadLetterQueue(
                    DeadLetterQueue.newBuilder()
                        .setTopic(state.topic(source.topicId()).map(Topic::name).orElse(""))
                        .setMessageId(system.getMessageId())));
  }
}
