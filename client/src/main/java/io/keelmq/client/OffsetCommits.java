package io.keelmq.client;

import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.Code;
import io.keelmq.v1.CommitOffsetsRequest;
import io.keelmq.v1.GetOffsetsRequest;
import io.keelmq.v1.Origin;
import io.keelmq.v1.QueueOffset;
import java.util.Map;
import java.util.SortedMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Commits a reader's place under the epoch in which it began, so that a reader from before a seek
 * does not undo it. Thread-safe.
 */
final class OffsetCommits {

  private final ClientCore core;
  private final String topic;
  private final Map<String, Long> epochs = new ConcurrentHashMap<>();

  OffsetCommits(ClientCore core, String topic) {
    this.core = core;
    this.topic = topic;
  }

  void learn(String consumerGroup, long epoch) {
    epochs.putIfAbsent(consumerGroup, epoch);
  }

  CompletableFuture<Void> commit(
      String group, String consumerGroup, SortedMap<Integer, Long> offsets) {
    return epoch(group, consumerGroup)
        .thenCompose(
            epoch ->
                core.calls()
                    .call(
                        AdminGrpc.getCommitOffsetsMethod(),
                        request(core.calls().newOrigin(), consumerGroup, topic, epoch, offsets),
                        Calls.Repeat.NAMED_CHANGE,
                        group,
                        core.callTimeout()))
        .thenAccept(done -> {});
  }

  static CommitOffsetsRequest request(
      Origin origin, String consumerGroup, String topic, long epoch, Map<Integer, Long> offsets) {
    var request =
        CommitOffsetsRequest.newBuilder()
            .setOrigin(origin)
            .setConsumerGroup(consumerGroup)
            .setTopic(topic)
            .setEpoch(epoch);
    offsets.forEach(
        (queue, offset) ->
            request.addOffsets(QueueOffset.newBuilder().setQueue(queue).setOffset(offset)));
    return request.build();
  }

  private CompletableFuture<Long> epoch(String group, String consumerGroup) {
    Long known = epochs.get(consumerGroup);
    if (known != null) {
      return CompletableFuture.completedFuture(known);
    }
    var request =
        GetOffsetsRequest.newBuilder().setConsumerGroup(consumerGroup).setTopic(topic).build();
    return core.calls()
        .call(
            AdminGrpc.getGetOffsetsMethod(), request, Calls.Repeat.QUERY, group, core.callTimeout())
        .handle(
            (found, failure) -> {
              if (failure == null) {
                learn(consumerGroup, found.getEpoch());
              } else if (failure instanceof RequestRejected rejected
                  && rejected.code() == Code.CONSUMER_GROUP_NOT_FOUND) {
                learn(consumerGroup, 0);
              } else {
                throw new CompletionException(failure);
              }
              return epochs.get(consumerGroup);
            });
  }
}
