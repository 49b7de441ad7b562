package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.grpc.StatusRuntimeException;
import io.keelmq.broker.DivergedStateException;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.common.StatusDetails;
import io.keelmq.v1.AlterTopicRequest;
import io.keelmq.v1.Code;
import io.keelmq.v1.CommitOffsetsRequest;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.CreateConsumerGroupRequest;
import io.keelmq.v1.CreateTopicRequest;
import io.keelmq.v1.DeleteTopicRequest;
import io.keelmq.v1.DescribeConsumerGroupRequest;
import io.keelmq.v1.DescribeTopicRequest;
import io.keelmq.v1.ErrorDetail;
import io.keelmq.v1.GetOffsetsRequest;
import io.keelmq.v1.GetReplicaStatusRequest;
import io.keelmq.v1.ListConsumerGroupsRequest;
import io.keelmq.v1.ListTopicsRequest;
import io.keelmq.v1.Message;
import io.keelmq.v1.QueueOffset;
import io.keelmq.v1.ReadFrom;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.RebuildReplicaRequest;
import io.keelmq.v1.ReplicaPlan;
import io.keelmq.v1.ReplicaRole;
import io.keelmq.v1.SeekOffsetsRequest;
import io.keelmq.v1.SendRequest;
import io.keelmq.v1.StartReplicaRequest;
import io.keelmq.v1.TakeSnapshotRequest;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TransferLeadershipRequest;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Send and Admin over real connections. */
class UnaryTest {

  private static final TakeSnapshotRequest TAKE = TakeSnapshotRequest.getDefaultInstance();

  private ApiCluster cluster;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(3, 3);
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private static ErrorDetail error(Executable call) {
    return StatusDetails.fromThrowable(assertThrows(StatusRuntimeException.class, call));
  }

  private static SendRequest send(String id) {
    return SendRequest.newBuilder()
        .setClientId("c")
        .setTopic("t")
        .setMessage(Message.newBuilder().setMessageId(id).setBody(ByteString.copyFromUtf8("hello")))
        .build();
  }

  @Test
  void storesAMessageOnceHoweverOftenItIsSent() {
    cluster.createTopic("t", 4);

    var first = cluster.streams(0).send(send("m1"));
    var again = cluster.streams(1).send(send("m1"));

    assertFalse(first.getDuplicate());
    assertTrue(again.getDuplicate());
    assertEquals(first.getQueue(), again.getQueue());
    assertEquals(first.getOffset(), again.getOffset());
    assertEquals(1, cluster.stats(1).forwards());
  }

  @Test
  void keepsAMessageGroupInOneQueue() {
    cluster.createTopic("t", 16);
    var request = send("x").toBuilder();
    request.getMessageBuilder().setMessageGroup("order-7");
    int queue = cluster.streams(0).send(request.build()).getQueue();
    for (int i = 0; i < 20; i++) {
      request.getMessageBuilder().setMessageId("y" + i);
      assertEquals(queue, cluster.streams(i % 3).send(request.build()).getQueue());
    }
  }

  @Test
  void refusesASendWithItsCode() {
    assertEquals(Code.TOPIC_NOT_FOUND, error(() -> cluster.streams(1).send(send("m"))).getCode());
    assertEquals(Code.ILLEGAL_MESSAGE_ID, error(() -> cluster.streams(1).send(send(""))).getCode());
    cluster.createTopic("t", 1);
    assertEquals(
        Code.QUEUE_NOT_FOUND,
        error(() -> cluster.streams(1).send(send("m").toBuilder().setQueue(1).build())).getCode());
  }

  @Test
  void holdsASendUntilALeaderIsElected() {
    cluster.createTopic("t", 1);
    cluster.group.elect(-1);
    var answer = CompletableFuture.supplyAsync(() -> cluster.streams(2).send(send("m")));
    Awaitility.await().until(() -> cluster.stats(2).holds() == 1);

    cluster.group.elect(1);

    assertEquals(0, answer.join().getOffset());
  }

  @Test
  void repeatsASendWhoseOutcomeIsUnclear() {
    cluster.createTopic("t", 1);
    cluster.group.pauseApply(true);
    var answer = CompletableFuture.supplyAsync(() -> cluster.streams(0).send(send("m")));
    Awaitility.await().until(() -> cluster.group.mostQueued() > 0);

    cluster.group.elect(1);
    cluster.group.pauseApply(false);

    assertEquals(0, answer.join().getOffset());
    assertEquals(1, cluster.group.state().bounds(1, 0).endOffset());
  }

  @Test
  void saysNoLeaderAfterTheHold() {
    cluster.createTopic("t", 1);
    cluster.group.elect(-1);

    assertEquals(Code.NO_LEADER, error(() -> cluster.streams(2).send(send("m"))).getCode());
  }

  @Test
  void saysTooManyRequestsWhenOverloadDoesNotEnd() {
    cluster.createTopic("t", 1);
    cluster.group.overload(true);

    assertEquals(Code.TOO_MANY_REQUESTS, error(() -> cluster.streams(2).send(send("m"))).getCode());
  }

  @Test
  void makesAltersAndDeletesTopicsThroughAnyReplica() {
    var made =
        cluster
            .admin(1)
            .createTopic(
                CreateTopicRequest.newBuilder().setTopic(Topic.newBuilder().setTopic("a")).build());
    assertEquals(4, made.getQueues());
    var altered =
        cluster
            .admin(2)
            .alterTopic(AlterTopicRequest.newBuilder().setTopic("a").setQueues(6).build());
    assertEquals(6, altered.getQueues());
    var described =
        cluster.admin(1).describeTopic(DescribeTopicRequest.newBuilder().setTopic("a").build());
    assertEquals(6, described.getQueuesCount());
    assertEquals("g0", described.getQueues(5).getBrokerGroup());
    assertEquals(
        1, cluster.admin(0).listTopics(ListTopicsRequest.getDefaultInstance()).getTopicsCount());
    assertEquals(
        Code.TOPIC_EXISTS,
        error(
                () ->
                    cluster
                        .admin(1)
                        .createTopic(
                            CreateTopicRequest.newBuilder()
                                .setTopic(Topic.newBuilder().setTopic("a").setQueues(2))
                                .build()))
            .getCode());

    cluster.admin(1).deleteTopic(DeleteTopicRequest.newBuilder().setTopic("a").build());

    ErrorDetail gone =
        error(
            () ->
                cluster
                    .admin(1)
                    .describeTopic(DescribeTopicRequest.newBuilder().setTopic("a").build()));
    assertEquals(Code.TOPIC_NOT_FOUND, gone.getCode());
    assertEquals("n0", gone.getLeaderNode());
  }

  @Test
  void commitsAndSeeksOffsets() {
    cluster.createTopic("t", 1);
    for (int i = 0; i < 5; i++) {
      cluster.streams(0).send(send("m" + i));
    }
    var commit =
        CommitOffsetsRequest.newBuilder()
            .setConsumerGroup("g")
            .setTopic("t")
            .addOffsets(QueueOffset.newBuilder().setOffset(4));
    var get = GetOffsetsRequest.newBuilder().setConsumerGroup("g").setTopic("t").build();
    assertEquals(0, cluster.admin(2).getOffsets(get).getOffsetsCount());

    cluster.admin(1).commitOffsets(commit.build());
    assertEquals(4, cluster.admin(2).getOffsets(get).getOffsets(0).getOffset());
    var moved =
        cluster
            .admin(2)
            .seekOffsets(
                SeekOffsetsRequest.newBuilder()
                    .setConsumerGroup("g")
                    .setTopic("t")
                    .setFrom(ReadFrom.newBuilder().setOffset(1))
                    .build());

    assertEquals(1, moved.getOffsets(0).getOffset());
    assertEquals(1, moved.getEpoch());
    assertEquals(
        Code.PRECONDITION_FAILED,
        error(() -> cluster.admin(0).commitOffsets(commit.build())).getCode());
    var described =
        cluster
            .admin(1)
            .describeConsumerGroup(
                DescribeConsumerGroupRequest.newBuilder().setConsumerGroup("g").build());
    assertEquals(5, described.getQueues(0).getEndOffset());
  }

  @Test
  void namesAConsumerGroupOnce() {
    var request =
        CreateConsumerGroupRequest.newBuilder()
            .setConsumerGroup(ConsumerGroup.newBuilder().setConsumerGroup("g"))
            .build();
    cluster.admin(1).createConsumerGroup(request);
    cluster.admin(2).createConsumerGroup(request);

    assertEquals(
        1,
        cluster
            .admin(0)
            .listConsumerGroups(ListConsumerGroupsRequest.getDefaultInstance())
            .getConsumerGroupsCount());
  }

  @Test
  void transfersLeadershipOnceThroughAFollower() {
    var answer =
        cluster
            .admin(1)
            .transferLeadership(TransferLeadershipRequest.newBuilder().setNode("n2").build());

    assertEquals("n2", answer.getLeaderNode());
    assertEquals(2, cluster.group.leader());
  }

  @Test
  void takesASnapshotOfTheReplicaThatIsCalled() {
    var taken = cluster.admin(cluster.group.leader()).takeSnapshot(TAKE);

    assertEquals(7, taken.getIndex());
    assertEquals(4_096, taken.getBytes());
    assertEquals(3, taken.getMillis());
    // Not passed on to the leader: each replica has its own.
    int other = (cluster.group.leader() + 1) % 3;
    ErrorDetail detail = error(() -> cluster.admin(other).takeSnapshot(TAKE));
    assertEquals(Code.PRECONDITION_FAILED, detail.getCode());
    var status =
        cluster.admin(other).getReplicaStatus(GetReplicaStatusRequest.getDefaultInstance());
    assertEquals(7, status.getSnapshotIndex());
    assertEquals(4_096, status.getSnapshotBytes());
    assertFalse(status.getSnapshotInstalling());
    assertTrue(status.getSnapshotSending());
  }

  @Test
  void rebuildsTheIncarnationThatIsMeantAndNoOther() {
    var status = cluster.admin(1).getReplicaStatus(GetReplicaStatusRequest.getDefaultInstance());
    var request =
        RebuildReplicaRequest.newBuilder()
            .setPeerId(status.getPeerId())
            .setSourceNode("n0")
            .build();
    var later = request.toBuilder().setPeerId(status.getPeerId() + "1").build();

    ErrorDetail alone = error(() -> cluster.admin(1).rebuildReplica(request));
    assertEquals(Code.PRECONDITION_FAILED, alone.getCode());
    assertTrue(alone.getMessage().contains("expected 3 or more"), alone.getMessage());
    var plan = ReplicaPlan.newBuilder().setClusterId("c").setBrokerGroup("g0");
    for (int i = 0; i < 3; i++) {
      plan.addMembers(ReplicaPlan.Member.newBuilder().setNode("n" + i));
    }
    cluster.admin(1).prepareReplica(plan.build());
    ErrorDetail another = error(() -> cluster.admin(1).rebuildReplica(later));
    assertEquals(Code.PRECONDITION_FAILED, another.getCode());
    var fromNobody = request.toBuilder().clearSourceNode().build();
    assertEquals(
        Code.INVALID_ARGUMENT, error(() -> cluster.admin(1).rebuildReplica(fromNobody)).getCode());
    assertEquals(Map.of(), cluster.group.departures());

    cluster.admin(1).rebuildReplica(request);

    assertEquals(Set.of(1), cluster.group.departures().keySet());
    var word = assertInstanceOf(DivergedStateException.class, cluster.group.departures().get(1));
    assertEquals(Optional.of("n0"), word.source());
  }

  @Test
  void anUninitializedReplicaSaysWhatToDo() {
    cluster.group.uninitialize();

    ErrorDetail detail =
        error(() -> cluster.admin(0).listTopics(ListTopicsRequest.getDefaultInstance()));
    assertEquals(Code.NOT_INITIALIZED, detail.getCode());
    assertTrue(detail.getMessage().contains("keelmq cluster init"));
    assertEquals(Code.NOT_INITIALIZED, error(() -> cluster.streams(0).send(send("m"))).getCode());
    assertEquals(
        Code.NOT_INITIALIZED,
        error(
                () ->
                    cluster
                        .streams(0)
                        .read(ReadRequest.newBuilder().setTopic("t").build())
                        .hasNext())
            .getCode());
    assertEquals(
        ReplicaRole.UNINITIALIZED,
        cluster.admin(0).getReplicaStatus(GetReplicaStatusRequest.getDefaultInstance()).getRole());
    assertEquals(
        Code.NOT_INITIALIZED,
        error(() -> cluster.admin(0).startReplica(StartReplicaRequest.getDefaultInstance()))
            .getCode());
    var plan = ReplicaPlan.newBuilder().setClusterId("c1").setBrokerGroup("g0").build();
    cluster.admin(0).prepareReplica(plan);
    cluster.admin(0).startReplica(StartReplicaRequest.newBuilder().setClusterId("c1").build());
    assertEquals(
        plan,
        cluster.admin(0).getReplicaStatus(GetReplicaStatusRequest.getDefaultInstance()).getPlan());
    assertEquals(
        Code.IDENTITY_MISMATCH,
        error(() -> cluster.admin(0).prepareReplica(plan.toBuilder().setClusterId("c2").build()))
            .getCode());
  }
}
