package io.keelmq.client;

import io.grpc.MethodDescriptor;
import io.keelmq.common.BackupManifest;
import io.keelmq.v1.AddReplicaRequest;
import io.keelmq.v1.AdminGrpc;
import io.keelmq.v1.AlterTopicRequest;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupDescription;
import io.keelmq.v1.ConsumerGroupKind;
import io.keelmq.v1.CreateConsumerGroupRequest;
import io.keelmq.v1.CreateTopicRequest;
import io.keelmq.v1.DeleteConsumerGroupRequest;
import io.keelmq.v1.DeleteTopicRequest;
import io.keelmq.v1.DescribeConsumerGroupRequest;
import io.keelmq.v1.DescribeTopicRequest;
import io.keelmq.v1.GetOffsetsRequest;
import io.keelmq.v1.GetOffsetsResponse;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.ListConsumerGroupsRequest;
import io.keelmq.v1.ListReplicasRequest;
import io.keelmq.v1.ListTopicsRequest;
import io.keelmq.v1.Message;
import io.keelmq.v1.PromoteReplicaRequest;
import io.keelmq.v1.ReadFrom;
import io.keelmq.v1.RemoveReplicaRequest;
import io.keelmq.v1.ReplicaStatus;
import io.keelmq.v1.SeekOffsetsRequest;
import io.keelmq.v1.SendRequest;
import io.keelmq.v1.StreamsGrpc;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicDescription;
import io.keelmq.v1.TopicType;
import io.keelmq.v1.TransferLeadershipRequest;
import io.keelmq.v1.TransferLeadershipResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/**
 * What operators and tools ask of a cluster; values are the protocol's. Thread-safe, stateless.
 *
 * <p>Calls block, for the timeout at the most, and are retried within it; a change carries a name
 * by which the group recognizes its repeats. They throw {@link RequestRejected} (wrong, or not
 * fitting: nothing changed), {@link Unavailable} (nothing changed), {@link OutcomeUnknown} (a
 * change that may have been made) or {@link ClientClosed}.
 */
public final class Admin {

  private final ClientCore core;
  private final Duration timeout;

  Admin(ClientCore core, Duration timeout) {
    this.core = core;
    this.timeout = timeout;
  }

  /** The same with another timeout for each call. */
  public Admin withTimeout(Duration timeout) {
    return new Admin(core, Options.positive("timeout", timeout));
  }

  /**
   * Makes a topic; making it again with the same settings is fine.
   *
   * @param queues 1 to 1,024
   * @param retention how long messages can be read; zero: for ever
   */
  public Topic createTopic(String topic, TopicType type, int queues, Duration retention) {
    return createTopic(
        Topic.newBuilder()
            .setTopic(topic)
            .setType(type)
            .setQueues(queues)
            .setRetentionMillis(retention.toMillis())
            .build());
  }

  /** The same with every setting that there is. */
  public Topic createTopic(Topic wanted) {
    var request =
        CreateTopicRequest.newBuilder()
            .setOrigin(core.calls().newOrigin())
            .setTopic(wanted)
            .build();
    return change(AdminGrpc.getCreateTopicMethod(), request);
  }

  /** {@link #createTopic} for plain messages that are kept for ever. */
  public Topic createTopic(String topic, int queues) {
    return createTopic(topic, TopicType.NORMAL, queues, Duration.ZERO);
  }

  /** Changes what is present. Queues can only be added. */
  public Topic alterTopic(String topic, OptionalInt queues, Optional<Duration> retention) {
    return alterTopic(topic, queues, retention, OptionalLong.empty());
  }

  /**
   * @param retentionBytes how many bytes of messages one queue keeps; 0: any number
   */
  public Topic alterTopic(
      String topic, OptionalInt queues, Optional<Duration> retention, OptionalLong retentionBytes) {
    var request =
        AlterTopicRequest.newBuilder().setOrigin(core.calls().newOrigin()).setTopic(topic);
    queues.ifPresent(request::setQueues);
    retention.ifPresent(time -> request.setRetentionMillis(time.toMillis()));
    retentionBytes.ifPresent(request::setRetentionBytes);
    return change(AdminGrpc.getAlterTopicMethod(), request.build());
  }

  public void deleteTopic(String topic) {
    change(
        AdminGrpc.getDeleteTopicMethod(),
        DeleteTopicRequest.newBuilder()
            .setOrigin(core.calls().newOrigin())
            .setTopic(topic)
            .build());
    core.routes().forgetHint(topic);
  }

  /** By name. */
  public List<Topic> topics() {
    return query(AdminGrpc.getListTopicsMethod(), ListTopicsRequest.getDefaultInstance())
        .getTopicsList();
  }

  public TopicDescription describeTopic(String topic) {
    return query(
        AdminGrpc.getDescribeTopicMethod(),
        DescribeTopicRequest.newBuilder().setTopic(topic).build());
  }

  public ConsumerGroup createConsumerGroup(String consumerGroup, ConsumerGroupKind kind) {
    return createConsumerGroup(
        ConsumerGroup.newBuilder().setConsumerGroup(consumerGroup).setKind(kind).build());
  }

  /** Makes a consumer group; making it again with the same settings is fine. */
  public ConsumerGroup createConsumerGroup(ConsumerGroup settings) {
    return change(
        AdminGrpc.getCreateConsumerGroupMethod(),
        CreateConsumerGroupRequest.newBuilder()
            .setOrigin(core.calls().newOrigin())
            .setConsumerGroup(settings)
            .build());
  }

  public void deleteConsumerGroup(String consumerGroup) {
    change(
        AdminGrpc.getDeleteConsumerGroupMethod(),
        DeleteConsumerGroupRequest.newBuilder()
            .setOrigin(core.calls().newOrigin())
            .setConsumerGroup(consumerGroup)
            .build());
  }

  /** By name. */
  public List<ConsumerGroup> consumerGroups() {
    return query(
            AdminGrpc.getListConsumerGroupsMethod(), ListConsumerGroupsRequest.getDefaultInstance())
        .getConsumerGroupsList();
  }

  public ConsumerGroupDescription describeConsumerGroup(String consumerGroup) {
    return query(
        AdminGrpc.getDescribeConsumerGroupMethod(),
        DescribeConsumerGroupRequest.newBuilder().setConsumerGroup(consumerGroup).build());
  }

  public CommittedOffsets offsets(String consumerGroup, String topic) {
    return toOffsets(
        query(
            AdminGrpc.getGetOffsetsMethod(),
            GetOffsetsRequest.newBuilder()
                .setConsumerGroup(consumerGroup)
                .setTopic(topic)
                .build()));
  }

  /**
   * Commits offsets of an offset group; one below the committed one of the same epoch changes
   * nothing.
   *
   * @param epoch from {@link #offsets}
   * @param offsets by queue, the offset of the next message to read
   */
  public void commitOffsets(
      String consumerGroup, String topic, long epoch, Map<Integer, Long> offsets) {
    change(
        AdminGrpc.getCommitOffsetsMethod(),
        OffsetCommits.request(core.calls().newOrigin(), consumerGroup, topic, epoch, offsets));
  }

  /** Moves a group in all queues of a topic, back too; {@code committed} is no target. */
  public CommittedOffsets seek(String consumerGroup, String topic, StartAt to) {
    return seek(newSeek(consumerGroup, topic).setFrom(place(to)));
  }

  /** Moves a group in some queues of a topic. */
  public CommittedOffsets seek(String consumerGroup, String topic, Map<Integer, StartAt> to) {
    if (to.isEmpty()) {
      // The protocol reads no targets as: all queues.
      throw new IllegalArgumentException("seek without a queue: name at least one");
    }
    var request = newSeek(consumerGroup, topic);
    to.forEach(
        (queue, start) ->
            request.addTargets(
                SeekOffsetsRequest.Target.newBuilder().setQueue(queue).setFrom(place(start))));
    return seek(request);
  }

  /**
   * Stores a message that is told by its id: again within ten minutes, with the same client id,
   * topic and message id, it is answered with the first receipt. For tools that have to repeat a
   * step; a {@link Producer} does better for everything else. Returns at once, unless the topic's
   * place is not known yet.
   *
   * @param clientId whose message ids these are, 1 to 255 bytes
   * @param queue empty: the server chooses
   * @param message with its id; stored as it is
   * @return the receipt, or what the class comment lists
   */
  public CompletableFuture<Receipt> sendOnce(
      String clientId, String topic, OptionalInt queue, Message message) {
    String group = core.topics().find(topic, timeout).group();
    var request = SendRequest.newBuilder().setClientId(clientId).setTopic(topic);
    queue.ifPresent(request::setQueue);
    return core.calls()
        .call(
            StreamsGrpc.getSendMethod(),
            request.setMessage(message).build(),
            Calls.Repeat.NAMED_CHANGE,
            group,
            timeout)
        .thenApply(
            stored ->
                new Receipt(
                    topic,
                    stored.getQueue(),
                    stored.getOffset(),
                    message.getMessageId(),
                    stored.getDuplicate()));
  }

  /**
   * Asks all name servers and all replicas at once; those that do not answer within a third of the
   * timeout are shown as unreachable. Throws only when no name server answers.
   */
  public ClusterStatus clusterStatus() {
    return new ClusterSurvey(core).run(timeout);
  }

  /**
   * Makes a backup of a replica's broker group in a folder. It holds everything that was
   * acknowledged before the call.
   *
   * @param clientAddress of the replica that sends it; best one that does not lead
   * @param folder empty, or not there yet; without its manifest it is no backup
   * @param limit for all of it
   * @throws IOException if the folder cannot be written, or a file did not arrive whole
   */
  public BackupManifest backup(String clientAddress, Path folder, Duration limit)
      throws IOException {
    return new BackupDownload(folder, InstantSource.system())
        .from(core.channels().at(clientAddress), limit);
  }

  /**
   * Makes another replica lead; returns when it does.
   *
   * @param group empty: the only one
   * @param node who shall lead; empty: whichever other is most up to date
   */
  public TransferLeadershipResponse transferLeadership(String group, String node) {
    var request = TransferLeadershipRequest.newBuilder().setNode(node).build();
    return core.calls()
        .join(
            core.calls()
                .call(
                    AdminGrpc.getTransferLeadershipMethod(),
                    request,
                    Calls.Repeat.ONCE,
                    group,
                    timeout),
            timeout);
  }

  /**
   * Lets a node join a group; it becomes a member when its process runs with an empty data folder.
   *
   * @param group empty: the only one
   * @param raftAddress host:port, as in the replica's own configuration
   * @param clientAddress host:port, likewise
   * @param asLearner it gets the log and no vote, until {@link #promoteReplica}
   */
  public void addReplica(
      String group, String node, String raftAddress, String clientAddress, boolean asLearner) {
    change(
        group,
        AdminGrpc.getAddReplicaMethod(),
        AddReplicaRequest.newBuilder()
            .setOrigin(core.calls().newOrigin())
            .setNode(node)
            .setRaftAddress(raftAddress)
            .setClientAddress(clientAddress)
            .setAsLearner(asLearner)
            .build());
  }

  /**
   * Takes a node out of a group; {@link #replicas} tells when it is gone.
   *
   * @param force also if those who are left are no majority
   */
  public void removeReplica(String group, String node, boolean force) {
    change(
        group,
        AdminGrpc.getRemoveReplicaMethod(),
        RemoveReplicaRequest.newBuilder()
            .setOrigin(core.calls().newOrigin())
            .setNode(node)
            .setForce(force)
            .build());
  }

  /** Lets a learner vote when it has caught up; {@link #replicas} tells when it does. */
  public void promoteReplica(String group, String node) {
    change(
        group,
        AdminGrpc.getPromoteReplicaMethod(),
        PromoteReplicaRequest.newBuilder()
            .setOrigin(core.calls().newOrigin())
            .setNode(node)
            .build());
  }

  /**
   * What a replica says of itself, member or not.
   *
   * @return empty if it gives no answer
   */
  public Optional<ReplicaStatus> replicaStatus(String clientAddress) {
    return new ReplicaAdmin(core, timeout).status(clientAddress);
  }

  /**
   * Tells a replica that its rows are wrong: it sets them aside when its group goes on without it,
   * and comes back from its leader. Returns at once; {@link #replicas} tells when it votes again.
   *
   * @param peerId as in its status; a later incarnation refuses
   * @param source the node that is right, and has to lead then
   */
  public void rebuildReplica(String clientAddress, String peerId, String source) {
    new ReplicaAdmin(core, timeout).rebuild(clientAddress, peerId, source);
  }

  /** The members of a group, for {@link Rebuilding}. */
  public Rebuilding.Group rebuilding(String group) {
    return new MembersOfGroup(this, group);
  }

  /** The members of a group, for {@link Replacement}. */
  public Replacement.Group replacing(String group) {
    return new MembersOfGroup(this, group);
  }

  /** The members of a group and what is under way with them, as its leader knows them. */
  public List<GroupReplica> replicas(String group) {
    return core.calls()
        .join(
            core.calls()
                .call(
                    AdminGrpc.getListReplicasMethod(),
                    ListReplicasRequest.getDefaultInstance(),
                    Calls.Repeat.QUERY,
                    group,
                    timeout),
            timeout)
        .getReplicasList();
  }

  private <Q, R> void change(String group, MethodDescriptor<Q, R> method, Q request) {
    core.calls()
        .join(
            core.calls().call(method, request, Calls.Repeat.NAMED_CHANGE, group, timeout), timeout);
  }

  /**
   * Makes a group out of empty replicas: waits until that many are reported, prepares all, then
   * starts all. Again after a failure it goes on with the plan that was written down.
   *
   * @param replicas 1, 3 or 5
   * @param timeout for the whole
   * @return when every replica has started; {@code alreadyInitialized} when all had before
   * @throws RequestRejected with PRECONDITION_FAILED: an empty replica beside started ones, or
   *     replicas of different plans; with IDENTITY_MISMATCH: another cluster's
   * @throws Unavailable not enough replicas came, or one does not answer; run it again
   */
  public InitResult initGroup(String group, int replicas, Duration timeout) {
    return new Bootstrap(core, group, replicas).run(timeout);
  }

  private CommittedOffsets seek(SeekOffsetsRequest.Builder request) {
    return toOffsets(change(AdminGrpc.getSeekOffsetsMethod(), request.build()));
  }

  private SeekOffsetsRequest.Builder newSeek(String consumerGroup, String topic) {
    return SeekOffsetsRequest.newBuilder()
        .setOrigin(core.calls().newOrigin())
        .setConsumerGroup(consumerGroup)
        .setTopic(topic);
  }

  private static ReadFrom place(StartAt start) {
    if (start instanceof StartAt.Fixed fixed) {
      return fixed.from();
    }
    throw new IllegalArgumentException("seek to a committed offset: name a place");
  }

  private static CommittedOffsets toOffsets(GetOffsetsResponse response) {
    var offsets = new TreeMap<Integer, Long>();
    response.getOffsetsList().forEach(each -> offsets.put(each.getQueue(), each.getOffset()));
    return new CommittedOffsets(response.getEpoch(), offsets);
  }

  private <Q, R> R change(MethodDescriptor<Q, R> method, Q request) {
    return call(method, request, Calls.Repeat.NAMED_CHANGE);
  }

  private <Q, R> R query(MethodDescriptor<Q, R> method, Q request) {
    return call(method, request, Calls.Repeat.QUERY);
  }

  private <Q, R> R call(MethodDescriptor<Q, R> method, Q request, Calls.Repeat repeat) {
    return core.calls().join(core.calls().call(method, request, repeat, "", timeout), timeout);
  }
}
