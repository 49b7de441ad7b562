package io.keelmq.broker.api;

import io.grpc.Context;
import io.grpc.MethodDescriptor;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.keelmq.broker.ReplicaControl;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Feature;
import io.keelmq.broker.state.Reply;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.AlterTopicRequest;
import io.keelmq.v1.CommitOffsetsRequest;
import io.keelmq.v1.CommitOffsetsResponse;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupDescription;
import io.keelmq.v1.CopySnapshotRequest;
import io.keelmq.v1.CopySnapshotResponse;
import io.keelmq.v1.CreateConsumerGroupRequest;
import io.keelmq.v1.CreateTopicRequest;
import io.keelmq.v1.DeleteConsumerGroupRequest;
import io.keelmq.v1.DeleteConsumerGroupResponse;
import io.keelmq.v1.DeleteTopicRequest;
import io.keelmq.v1.DeleteTopicResponse;
import io.keelmq.v1.DescribeConsumerGroupRequest;
import io.keelmq.v1.DescribeTopicRequest;
import io.keelmq.v1.GetOffsetsRequest;
import io.keelmq.v1.GetOffsetsResponse;
import io.keelmq.v1.GetReplicaStatusRequest;
import io.keelmq.v1.ListConsumerGroupsRequest;
import io.keelmq.v1.ListConsumerGroupsResponse;
import io.keelmq.v1.ListHeldRequest;
import io.keelmq.v1.ListHeldResponse;
import io.keelmq.v1.ListTopicsRequest;
import io.keelmq.v1.ListTopicsResponse;
import io.keelmq.v1.Origin;
import io.keelmq.v1.PrepareReplicaResponse;
import io.keelmq.v1.RebuildReplicaRequest;
import io.keelmq.v1.RebuildReplicaResponse;
import io.keelmq.v1.ReplicaPlan;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.SeekOffsetsRequest;
import io.keelmq.v1.StartReplicaRequest;
import io.keelmq.v1.StartReplicaResponse;
import io.keelmq.v1.TakeSnapshotRequest;
import io.keelmq.v1.TakeSnapshotResponse;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicDescription;
import io.keelmq.v1.TransferLeadershipRequest;
import io.keelmq.v1.TransferLeadershipResponse;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code keelmq.v1.Admin} of one replica. Thread-safe; the work is done on the call executor. */
final class AdminService extends MembershipAdmin {

  static final int DEFAULT_QUEUES = 4;

  private static final Logger LOG = LoggerFactory.getLogger(AdminService.class);

  /** A step of this replica alone. */
  @FunctionalInterface
  private interface Step<R> {
    R take() throws ReplicaControl.Refused;
  }

  private final Edge edge;
  private final ReplicaIdentity identity;
  private final ReplicaControl control;
  private final AdminChanges changes;
  private final OwnStatus ownStatus;
  private final ReplicaCalls replicaCalls;
  private final SnapshotSending snapshotSending;
  private final HeldListing heldListing;
  private final AdminReads reads;

  AdminService(
      Edge edge,
      ReplicaIdentity identity,
      ReplicaControl control,
      AdminChanges changes,
      HeldListing heldListing) {
    super(control.membership(), changes);
    this.heldListing = heldListing;
    this.edge = edge;
    this.identity = identity;
    this.control = control;
    this.changes = changes;
    this.reads = new AdminReads(edge);
    this.ownStatus = new OwnStatus(identity, edge.replica(), control);
    this.replicaCalls = new ReplicaCalls(edge.replica(), control);
    this.snapshotSending = new SnapshotSending(edge, identity, control);
  }

  @Override
  public void createTopic(CreateTopicRequest request, StreamObserver<Topic> caller) {
    Topic topic = request.getTopic();
    Origin origin = changes.name(request.getOrigin());
    change(
        caller,
        RequestChecks.newTopic(topic, allowsRetentionBySize()),
        AdminGrpc.getCreateTopicMethod(),
        request.toBuilder().setOrigin(origin).build(),
        () ->
            changes.propose(
                origin,
                new Command.CreateTopic(
                    topic.getTopic(),
                    ReplyMapper.type(topic.getType()),
                    topic.getQueues() == 0 ? DEFAULT_QUEUES : topic.getQueues(),
                    topic.getRetentionMillis(),
                    topic.getRetentionBytes()),
                AdminService::topic));
  }

  @Override
  public void alterTopic(AlterTopicRequest request, StreamObserver<Topic> caller) {
    Optional<Refusal> refusal = RequestChecks.topic(request.getTopic());
    if (refusal.isEmpty() && request.hasQueues()) {
      refusal = RequestChecks.queues(request.getQueues());
    }
    if (refusal.isEmpty() && request.hasRetentionMillis()) {
      refusal = RequestChecks.retention(request.getRetentionMillis());
    }
    if (refusal.isEmpty() && request.hasRetentionBytes()) {
      refusal = RequestChecks.retentionBytes(request.getRetentionBytes(), allowsRetentionBySize());
    }
    Origin origin = changes.name(request.getOrigin());
    change(
        caller,
        refusal,
        AdminGrpc.getAlterTopicMethod(),
        request.toBuilder().setOrigin(origin).build(),
        () ->
            changes.propose(
                origin,
                new Command.AlterTopic(
                    request.getTopic(),
                    request.hasQueues() ? OptionalInt.of(request.getQueues()) : OptionalInt.empty(),
                    request.hasRetentionMillis()
                        ? OptionalLong.of(request.getRetentionMillis())
                        : OptionalLong.empty(),
                    request.hasRetentionBytes()
                        ? OptionalLong.of(request.getRetentionBytes())
                        : OptionalLong.empty()),
                AdminService::topic));
  }

  private boolean allowsRetentionBySize() {
    return edge.replica().state().features().allows(Feature.RETENTION_BY_SIZE);
  }

  private static Optional<Topic> topic(Reply reply) {
    return reply instanceof Reply.TopicSettings settings
        ? Optional.of(ReplyMapper.topic(settings.topic()))
        : Optional.empty();
  }

  @Override
  public void deleteTopic(DeleteTopicRequest request, StreamObserver<DeleteTopicResponse> caller) {
    Origin origin = changes.name(request.getOrigin());
    change(
        caller,
        RequestChecks.topic(request.getTopic()),
        AdminGrpc.getDeleteTopicMethod(),
        request.toBuilder().setOrigin(origin).build(),
        () ->
            changes.propose(
                origin,
                new Command.DeleteTopic(request.getTopic()),
                done(DeleteTopicResponse.getDefaultInstance())));
  }

  private static <R> Function<Reply, Optional<R>> done(R response) {
    return reply -> reply instanceof Reply.Done ? Optional.of(response) : Optional.empty();
  }

  @Override
  public void listTopics(ListTopicsRequest request, StreamObserver<ListTopicsResponse> caller) {
    query(caller, Optional.empty(), AdminQueries::topics);
  }

  @Override
  public void describeTopic(DescribeTopicRequest request, StreamObserver<TopicDescription> caller) {
    query(
        caller,
        RequestChecks.topic(request.getTopic()),
        state -> AdminQueries.topic(state, identity.brokerGroup(), request.getTopic()));
  }

  @Override
  public void createConsumerGroup(
      CreateConsumerGroupRequest request, StreamObserver<ConsumerGroup> caller) {
    ConsumerGroup group = request.getConsumerGroup();
    var settings = ReplyMapper.settings(group);
    Origin origin = changes.name(request.getOrigin());
    change(
        caller,
        RequestChecks.consumerGroup(group.getConsumerGroup())
            .or(() -> RequestChecks.kind(group.getKind())),
        AdminGrpc.getCreateConsumerGroupMethod(),
        request.toBuilder().setOrigin(origin).build(),
        () ->
            changes.propose(
                origin,
                new Command.CreateConsumerGroup(group.getConsumerGroup(), settings),
                done(ReplyMapper.group(group.getConsumerGroup(), settings))));
  }

  @Override
  public void deleteConsumerGroup(
      DeleteConsumerGroupRequest request, StreamObserver<DeleteConsumerGroupResponse> caller) {
    Origin origin = changes.name(request.getOrigin());
    change(
        caller,
        RequestChecks.consumerGroup(request.getConsumerGroup()),
        AdminGrpc.getDeleteConsumerGroupMethod(),
        request.toBuilder().setOrigin(origin).build(),
        () ->
            changes.propose(
                origin,
                new Command.DeleteConsumerGroup(request.getConsumerGroup()),
                done(DeleteConsumerGroupResponse.getDefaultInstance())));
  }

  @Override
  public void listConsumerGroups(
      ListConsumerGroupsRequest request, StreamObserver<ListConsumerGroupsResponse> caller) {
    query(caller, Optional.empty(), AdminQueries::consumerGroups);
  }

  @Override
  public void describeConsumerGroup(
      DescribeConsumerGroupRequest request, StreamObserver<ConsumerGroupDescription> caller) {
    query(
        caller,
        RequestChecks.consumerGroup(request.getConsumerGroup()),
        state -> AdminQueries.consumerGroup(state, request.getConsumerGroup()));
  }

  @Override
  public void commitOffsets(
      CommitOffsetsRequest request, StreamObserver<CommitOffsetsResponse> caller) {
    Origin origin = changes.name(request.getOrigin());
    change(
        caller,
        groupAndTopic(request.getConsumerGroup(), request.getTopic())
            .or(() -> RequestChecks.offsets(request.getOffsetsList())),
        AdminGrpc.getCommitOffsetsMethod(),
        request.toBuilder().setOrigin(origin).build(),
        () ->
            changes.propose(
                origin,
                new Command.CommitOffsets(
                    request.getConsumerGroup(),
                    request.getTopic(),
                    request.getEpoch(),
                    request.getOffsetsList().stream()
                        .map(to -> new Command.QueueOffset(to.getQueue(), to.getOffset()))
                        .toList()),
                done(CommitOffsetsResponse.getDefaultInstance())));
  }

  @Override
  public void getOffsets(GetOffsetsRequest request, StreamObserver<GetOffsetsResponse> caller) {
    query(
        caller,
        groupAndTopic(request.getConsumerGroup(), request.getTopic()),
        state -> AdminQueries.offsets(state, request.getConsumerGroup(), request.getTopic()));
  }

  @Override
  public void seekOffsets(SeekOffsetsRequest request, StreamObserver<GetOffsetsResponse> caller) {
    SeekOffsetsRequest named =
        request.toBuilder().setOrigin(changes.name(request.getOrigin())).build();
    change(
        caller,
        groupAndTopic(request.getConsumerGroup(), request.getTopic())
            .or(() -> RequestChecks.read(AdminChanges.asRead(request))),
        AdminGrpc.getSeekOffsetsMethod(),
        named,
        () -> changes.seek(named));
  }

  private static Optional<Refusal> groupAndTopic(String consumerGroup, String topic) {
    return RequestChecks.consumerGroup(consumerGroup).or(() -> RequestChecks.topic(topic));
  }

  @Override
  public void listHeld(ListHeldRequest request, StreamObserver<ListHeldResponse> caller) {
    letCancel(caller);
    reads.afterReadPoint(
        caller,
        RequestChecks.listHeld(request),
        point -> heldListing.answer(request, point, caller));
  }

  @Override
  public void transferLeadership(
      TransferLeadershipRequest request, StreamObserver<TransferLeadershipResponse> caller) {
    Optional<String> node = Optional.of(request.getNode()).filter(name -> !name.isEmpty());
    letCancel(caller);
    edge.call(
        Context.current()
            .wrap(
                () ->
                    HeldCall.startOnce(
                        edge,
                        AdminGrpc.getTransferLeadershipMethod(),
                        request,
                        done -> transfer(node, done),
                        caller)),
        why -> caller.onError(edge.refuse(why)));
  }

  private void transfer(
      Optional<String> node, Consumer<HeldCall.Answer<TransferLeadershipResponse>> done) {
    control
        .transferLeadership(node)
        .whenComplete((now, failure) -> done.accept(ReplicaCalls.transferred(now, failure)));
  }

  @Override
  public void getReplicaStatus(
      GetReplicaStatusRequest request, StreamObserver<ReplicaStatus> caller) {
    here(caller, ownStatus::get);
  }

  @Override
  public void takeSnapshot(
      TakeSnapshotRequest request, StreamObserver<TakeSnapshotResponse> caller) {
    letCancel(caller);
    replicaCalls.takeSnapshot(edge, caller);
  }

  @Override
  public void copySnapshot(
      CopySnapshotRequest request, StreamObserver<CopySnapshotResponse> caller) {
    snapshotSending.send(caller);
  }

  @Override
  public void prepareReplica(ReplicaPlan plan, StreamObserver<PrepareReplicaResponse> caller) {
    here(
        caller,
        () -> {
          replicaCalls.prepare(plan);
          return PrepareReplicaResponse.getDefaultInstance();
        });
  }

  @Override
  public void rebuildReplica(
      RebuildReplicaRequest request, StreamObserver<RebuildReplicaResponse> caller) {
    here(
        caller,
        () -> {
          replicaCalls.rebuild(request.getPeerId(), request.getSourceNode());
          return RebuildReplicaResponse.getDefaultInstance();
        });
  }

  @Override
  public void startReplica(
      StartReplicaRequest request, StreamObserver<StartReplicaResponse> caller) {
    here(
        caller,
        () -> {
          replicaCalls.start(request.getClusterId());
          return StartReplicaResponse.getDefaultInstance();
        });
  }

  /** Carries a change out at the leader, wherever that is. */
  @Override
  <Q, R> void change(
      StreamObserver<R> caller,
      Optional<Refusal> refusal,
      MethodDescriptor<Q, R> method,
      Q request,
      Supplier<HeldCall.AtLeader<R>> atLeader) {
    letCancel(caller);
    if (refusal.isPresent()) {
      caller.onError(edge.refuse(refusal.get()));
      return;
    }
    edge.call(
        Context.current().wrap(() -> HeldCall.start(edge, method, request, atLeader.get(), caller)),
        why -> caller.onError(edge.refuse(why)));
  }

  private <R> void query(
      StreamObserver<R> caller, Optional<Refusal> refusal, AdminReads.Query<R> query) {
    letCancel(caller);
    reads.query(caller, refusal, query);
  }

  /** Does what concerns this replica alone; the step may block on disk. */
  private <R> void here(StreamObserver<R> caller, Step<R> step) {
    letCancel(caller);
    edge.call(
        () -> {
          R response;
          try {
            response = step.take();
          } catch (ReplicaControl.Refused refused) {
            caller.onError(edge.refuse(ReplicaCalls.refusal(refused)));
            return;
          } catch (RuntimeException e) {
            LOG.error("a call to this replica failed", e);
            caller.onError(edge.refuse(Refusal.internal(e)));
            return;
          }
          caller.onNext(response);
          caller.onCompleted();
        },
        why -> caller.onError(edge.refuse(why)));
  }

  /** An answer to a caller that has gone is dropped, not an exception. */
  private static void letCancel(StreamObserver<?> caller) {
    ((ServerCallStreamObserver<?>) caller).setOnCancelHandler(() -> {});
  }
}
