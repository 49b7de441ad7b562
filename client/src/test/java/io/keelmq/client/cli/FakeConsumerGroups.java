package io.keelmq.client.cli;

import static io.keelmq.client.ClientValues.rejected;

import io.keelmq.client.CommittedOffsets;
import io.keelmq.client.StartAt;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupDescription;
import io.keelmq.v1.ConsumerGroupKind;
import io.keelmq.v1.QueueProgress;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/** The consumer groups of a {@link FakeCluster}, always the same two. For one thread. */
final class FakeConsumerGroups implements Cluster.ConsumerGroups {

  private final Runnable failIfTold;
  private final Consumer<String> requireTopic;

  /**
   * @param requireTopic fails if there is no such topic
   */
  FakeConsumerGroups(Runnable failIfTold, Consumer<String> requireTopic) {
    this.failIfTold = failIfTold;
    this.requireTopic = requireTopic;
  }

  @Override
  public ConsumerGroup create(ConsumerGroup wanted) {
    failIfTold.run();
    boolean byDefault = wanted.getKind() == ConsumerGroupKind.LEASE && wanted.getMaxAttempts() == 0;
    return byDefault ? wanted.toBuilder().setMaxAttempts(17).build() : wanted;
  }

  @Override
  public void delete(String consumerGroup) {
    failIfTold.run();
  }

  @Override
  public List<ConsumerGroup> list() {
    return List.of(offsetGroup("billing"), leaseGroup("shipping"));
  }

  @Override
  public ConsumerGroupDescription describe(String consumerGroup) {
    failIfTold.run();
    if (consumerGroup.equals("nobody")) {
      throw rejected(Code.CONSUMER_GROUP_NOT_FOUND, "consumer group nobody does not exist");
    }
    var progress =
        QueueProgress.newBuilder()
            .setTopic("orders")
            .setCommittedOffset(3)
            .setEndOffset(10)
            .setEpoch(1);
    var description = ConsumerGroupDescription.newBuilder();
    if (consumerGroup.equals("shipping")) {
      description.setConsumerGroup(leaseGroup(consumerGroup));
      progress.setCursorOffset(8).setLeased(2).setReady(1).setBlocked(1);
    } else {
      description.setConsumerGroup(offsetGroup(consumerGroup));
    }
    return description
        .addQueues(progress)
        .addQueues(progress.clone().setTopic("other").setQueue(1).setEndOffset(9))
        .build();
  }

  @Override
  public CommittedOffsets seek(
      String consumerGroup, String topic, List<Integer> queues, StartAt to) {
    requireTopic.accept(topic);
    return new CommittedOffsets(2, new TreeMap<>(Map.of(0, 7L)));
  }

  private static ConsumerGroup offsetGroup(String name) {
    return ConsumerGroup.newBuilder()
        .setConsumerGroup(name)
        .setKind(ConsumerGroupKind.OFFSET)
        .build();
  }

  private static ConsumerGroup leaseGroup(String name) {
    return ConsumerGroup.newBuilder()
        .setConsumerGroup(name)
        .setKind(ConsumerGroupKind.LEASE)
        .setFifo(true)
        .setMaxAttempts(17)
        .build();
  }
}
