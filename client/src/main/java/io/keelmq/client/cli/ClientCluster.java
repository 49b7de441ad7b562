package io.keelmq.client.cli;

import io.keelmq.client.Admin;
import io.keelmq.client.ClusterStatus;
import io.keelmq.client.CommittedOffsets;
import io.keelmq.client.ConsumedMessage;
import io.keelmq.client.ConsumerStats;
import io.keelmq.client.HeldMessage;
import io.keelmq.client.HeldMessages;
import io.keelmq.client.InitResult;
import io.keelmq.client.KeelClient;
import io.keelmq.client.MessagesTrimmed;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Producer;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.Reader;
import io.keelmq.client.Rebuilding;
import io.keelmq.client.Receipt;
import io.keelmq.client.Replacement;
import io.keelmq.client.StartAt;
import io.keelmq.client.Verdict;
import io.keelmq.client.doctor.Examination;
import io.keelmq.client.doctor.NetworkEyes;
import io.keelmq.common.BackupManifest;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupDescription;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicDescription;
import io.keelmq.v1.TransferLeadershipResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** A cluster reached through the Java client. Thread-safe. */
final class ClientCluster implements Cluster {
  private final KeelClient client;

  private ClientCluster(KeelClient client) {
    this.client = client;
  }

  static Cluster connect(String endpoints, Duration timeout) {
    return new ClientCluster(
        KeelClient.builder().endpoints(endpoints).callTimeout(timeout).build());
  }

  @Override
  public Topics topics() {
    return new AdminTopics(client.admin());
  }

  @Override
  public ConsumerGroups consumerGroups() {
    return new AdminConsumerGroups(client.admin());
  }

  @Override
  public BrokerGroups brokerGroups() {
    return new AdminBrokerGroups(client.admin());
  }

  @Override
  public Held held() {
    return new ClientHeld(client.heldMessages());
  }

  @Override
  public Sink openSink(SinkOptions options) {
    return new ProducerSink(
        client
            .producer()
            .bufferBytes(options.bufferBytes())
            .maxBlock(options.deliveryTimeout())
            .deliveryTimeout(options.deliveryTimeout())
            .open());
  }

  @Override
  public Source openSource(SourceOptions options) {
    return new ReaderSource(
        client
            .reader(options.topic())
            .queues(options.queues())
            .from(options.from())
            .follow(options.follow())
            .maxPoll(options.maxPoll())
            .open());
  }

  @Override
  public Receiver openReceiver(ReceiverOptions options, Consumer<MessagesTrimmed> onLost) {
    return new ConsumerReceiver(builder(options).onTrimmed(onLost).open());
  }

  @Override
  public Listening openListener(
      ReceiverOptions options, int threads, Consumer<ConsumedMessage> listener) {
    return new ListeningConsumer(
        builder(options)
            .concurrency(threads)
            .listener(
                message -> {
                  listener.accept(message);
                  return Verdict.ACK;
                })
            .open());
  }

  @Override
  public Examination.Eyes eyes(InstantSource clock) {
    return new NetworkEyes(client.admin()::clusterStatus, clock);
  }

  @Override
  public Once openOnce(String clientId) {
    Admin admin = client.admin();
    return (topic, queue, message) -> admin.sendOnce(clientId, topic, queue, message);
  }

  @Override
  public void close() {
    client.close();
  }

  private io.keelmq.client.Consumer.Builder builder(ReceiverOptions options) {
    return client
        .consumer()
        .group(options.group())
        .topic(options.topic())
        .tags(options.tags())
        .maxInFlight(options.maxInFlight());
  }

  private record ConsumerReceiver(io.keelmq.client.Consumer consumer) implements Receiver {
    @Override
    public List<Leased> receive(int max, Duration wait) {
      return consumer.receive(max, wait).stream().<Leased>map(LeasedMessage::new).toList();
    }

    @Override
    public void abandon() {
      consumer.abandon();
    }

    @Override
    public void close() {
      consumer.close();
    }
  }

  private record LeasedMessage(ConsumedMessage message) implements Leased {
    @Override
    public int attempt() {
      return message.attempt();
    }

    @Override
    public CompletableFuture<Void> ack() {
      return message.ack();
    }
  }

  private record ListeningConsumer(io.keelmq.client.Consumer consumer) implements Listening {
    @Override
    public ConsumerStats stats() {
      return consumer.stats();
    }

    @Override
    public void close() {
      consumer.close();
    }
  }

  private record AdminTopics(Admin admin) implements Topics {
    @Override
    public Topic create(Topic wanted) {
      return admin.createTopic(wanted);
    }

    @Override
    public Topic alter(
        String topic,
        OptionalInt queues,
        Optional<Duration> retention,
        OptionalLong retentionBytes) {
      return admin.alterTopic(topic, queues, retention, retentionBytes);
    }

    @Override
    public void delete(String topic) {
      admin.deleteTopic(topic);
    }

    @Override
    public List<Topic> list() {
      return admin.topics();
    }

    @Override
    public TopicDescription describe(String topic) {
      return admin.describeTopic(topic);
    }
  }

  private record AdminConsumerGroups(Admin admin) implements ConsumerGroups {
    @Override
    public ConsumerGroup create(ConsumerGroup wanted) {
      return admin.createConsumerGroup(wanted);
    }

    @Override
    public void delete(String consumerGroup) {
      admin.deleteConsumerGroup(consumerGroup);
    }

    @Override
    public List<ConsumerGroup> list() {
      return admin.consumerGroups();
    }

    @Override
    public ConsumerGroupDescription describe(String consumerGroup) {
      return admin.describeConsumerGroup(consumerGroup);
    }

    @Override
    public CommittedOffsets seek(
        String consumerGroup, String topic, List<Integer> queues, StartAt to) {
      if (queues.isEmpty()) {
        return admin.seek(consumerGroup, topic, to);
      }
      var targets = new TreeMap<Integer, StartAt>();
      queues.forEach(queue -> targets.put(queue, to));
      return admin.seek(consumerGroup, topic, targets);
    }
  }

  private record AdminBrokerGroups(Admin admin) implements BrokerGroups {
    @Override
    public InitResult init(String group, int replicas, Duration timeout) {
      return admin.initGroup(group, replicas, timeout);
    }

    @Override
    public ClusterStatus status() {
      return admin.clusterStatus();
    }

    @Override
    public TransferLeadershipResponse transfer(String group, String node) {
      return admin.transferLeadership(group, node);
    }

    @Override
    public void add(
        String group, String node, String raftAddress, String clientAddress, boolean asLearner) {
      admin.addReplica(group, node, raftAddress, clientAddress, asLearner);
    }

    @Override
    public void remove(String group, String node, boolean force) {
      admin.removeReplica(group, node, force);
    }

    @Override
    public void promote(String group, String node) {
      admin.promoteReplica(group, node);
    }

    @Override
    public List<GroupReplica> members(String group) {
      return admin.replicas(group);
    }

    @Override
    public Replacement.Group replacing(String group) {
      return admin.replacing(group);
    }

    @Override
    public Rebuilding.Group rebuilding(String group) {
      return admin.rebuilding(group);
    }

    @Override
    public BackupManifest backup(String clientAddress, Path folder, Duration limit)
        throws IOException {
      return admin.backup(clientAddress, folder, limit);
    }
  }

  private record ClientHeld(HeldMessages messages) implements Held {
    @Override
    public HeldMessages.Placed commit(String topic, String heldId) {
      return messages.commitSync(topic, heldId);
    }

    @Override
    public void rollback(String topic, String heldId) {
      messages.rollbackSync(topic, heldId);
    }

    @Override
    public void recall(String topic, String heldId) {
      messages.recallSync(topic, heldId);
    }

    @Override
    public List<HeldMessage> list(String topic, int max, String afterHeldId) {
      return messages.list(topic, max, afterHeldId);
    }
  }

  private record ProducerSink(Producer producer) implements Sink {
    @Override
    public CompletableFuture<Receipt> send(OutgoingMessage message) {
      return producer.send(message);
    }

    @Override
    public CompletableFuture<Receipt> sendHalf(OutgoingMessage message) {
      return producer.sendHalf(message);
    }

    @Override
    public CompletableFuture<HeldMessages.Placed> commit(Receipt half) {
      return producer.commit(half);
    }

    @Override
    public CompletableFuture<Void> rollback(Receipt half) {
      return producer.rollback(half);
    }

    @Override
    public boolean flush(Duration timeout) {
      return producer.flush(timeout);
    }

    @Override
    public void close() {
      producer.close();
    }
  }

  private record ReaderSource(Reader reader) implements Source {
    @Override
    public List<ReadMessage> poll(Duration timeout) {
      return reader.poll(timeout);
    }

    @Override
    public boolean atEnd() {
      return reader.atEnd();
    }

    @Override
    public void commit(String consumerGroup) {
      reader.commitSync(consumerGroup);
    }

    @Override
    public void close() {
      reader.close();
    }
  }
}
