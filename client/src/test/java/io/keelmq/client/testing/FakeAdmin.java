package io.keelmq.client.testing;

import io.grpc.stub.StreamObserver;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.Code;
import io.keelmq.v1.CommitOffsetsRequest;
import io.keelmq.v1.CommitOffsetsResponse;
import io.keelmq.v1.DescribeTopicRequest;
import io.keelmq.v1.GetOffsetsRequest;
import io.keelmq.v1.GetOffsetsResponse;
import io.keelmq.v1.ListHeldRequest;
import io.keelmq.v1.ListHeldResponse;
import io.keelmq.v1.QueueOffset;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicDescription;
import io.keelmq.v1.TopicType;
import java.util.Map;

/** The little of Admin that producers and readers need. Thread-safe. */
final class FakeAdmin extends AdminGrpc.AdminImplBase {

  private final FakeGroup group;
  private final Map<String, Long> committed;

  FakeAdmin(FakeGroup group) {
    this.group = group;
    committed = group.committed;
  }

  @Override
  public void describeTopic(
      DescribeTopicRequest request, StreamObserver<TopicDescription> responses) {
    int queues = group.log.queues(request.getTopic());
    if (queues == 0) {
      responses.onError(
          StatusDetails.toException(Code.TOPIC_NOT_FOUND, "topic " + request.getTopic()));
      return;
    }
    responses.onNext(
        TopicDescription.newBuilder()
            .setTopic(
                Topic.newBuilder()
                    .setTopic(request.getTopic())
                    .setType(group.log.types.getOrDefault(request.getTopic(), TopicType.NORMAL))
                    .setQueues(queues))
            .build());
    responses.onCompleted();
  }

  @Override
  public void listHeld(ListHeldRequest request, StreamObserver<ListHeldResponse> responses) {
    responses.onNext(group.log.held.list(request));
    responses.onCompleted();
  }

  @Override
  public void getOffsets(GetOffsetsRequest request, StreamObserver<GetOffsetsResponse> responses) {
    var response = GetOffsetsResponse.newBuilder();
    committed.forEach(
        (key, offset) -> {
          String[] parts = key.split("/", -1);
          if (parts[0].equals(request.getConsumerGroup())) {
            response.addOffsets(
                QueueOffset.newBuilder().setQueue(Integer.parseInt(parts[1])).setOffset(offset));
          }
        });
    responses.onNext(response.build());
    responses.onCompleted();
  }

  @Override
  public void commitOffsets(
      CommitOffsetsRequest request, StreamObserver<CommitOffsetsResponse> responses) {
    request
        .getOffsetsList()
        .forEach(
            each ->
                committed.merge(
                    request.getConsumerGroup() + "/" + each.getQueue(),
                    each.getOffset(),
                    Math::max));
    responses.onNext(CommitOffsetsResponse.getDefaultInstance());
    responses.onCompleted();
  }
}
