package io.keelmq.client.cli;

import io.keelmq.client.ClusterStatus;
import io.keelmq.client.CommittedOffsets;
import io.keelmq.client.ConsumedMessage;
import io.keelmq.client.ConsumerStats;
import io.keelmq.client.HeldMessage;
import io.keelmq.client.HeldMessages;
import io.keelmq.client.InitResult;
import io.keelmq.client.MessagesTrimmed;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.Rebuilding;
import io.keelmq.client.Receipt;
import io.keelmq.client.Replacement;
import io.keelmq.client.StartAt;
import io.keelmq.client.doctor.Examination;
import io.keelmq.common.BackupManifest;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupDescription;
import io.keelmq.v1.GroupReplica;
import io.keelmq.v1.Message;
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
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * What the commands ask of a cluster. Failures are those that the client names ({@link
 * io.keelmq.client.KeelException}).
 */
interface Cluster extends AutoCloseable {

  Topics topics();

  ConsumerGroups consumerGroups();

  BrokerGroups brokerGroups();

  Held held();

  Sink openSink(SinkOptions options);

  /** Returns when it is settled where reading begins. */
  Source openSource(SourceOptions options);

  /** Returns when a replica has opened it. */
  Receiver openReceiver(ReceiverOptions options, Consumer<MessagesTrimmed> onLost);

  /**
   * Pushes messages to a listener, which acknowledges all, on {@code threads} threads.
   *
   * @param listener called for each message, on those threads
   */
  Listening openListener(ReceiverOptions options, int threads, Consumer<ConsumedMessage> listener);

  /** Looks at name servers, replicas and their machines, as {@code doctor} does. */
  Examination.Eyes eyes(InstantSource clock);

  /** Tells messages by client id and message id, for ten minutes: again within them is no copy. */
  Once openOnce(String clientId);

  @Override
  void close();

  /** Makes the connection to a cluster; returns at once. */
  @FunctionalInterface
  interface Connector {
    /**
     * @param endpoints name servers, host:port,host:port
     * @param timeout for each call
     */
    Cluster connect(String endpoints, Duration timeout);
  }

  /** The topics of a cluster. */
  interface Topics {
    /** Making it again with the same settings changes nothing. */
    Topic create(Topic wanted);

    Topic alter(
        String topic,
        OptionalInt queues,
        Optional<Duration> retention,
        OptionalLong retentionBytes);

    void delete(String topic);

    List<Topic> list();

    TopicDescription describe(String topic);
  }

  /** The consumer groups of a cluster. */
  interface ConsumerGroups {
    /** Making it again with the same settings changes nothing. */
    ConsumerGroup create(ConsumerGroup wanted);

    void delete(String consumerGroup);

    List<ConsumerGroup> list();

    ConsumerGroupDescription describe(String consumerGroup);

    /** Moves a group in the given queues; in all when none is given. */
    CommittedOffsets seek(String consumerGroup, String topic, List<Integer> queues, StartAt to);
  }

  /** The broker groups of a cluster. */
  interface BrokerGroups {
    InitResult init(String group, int replicas, Duration timeout);

    ClusterStatus status();

    /** An empty group is the only one; an empty node whichever is most up to date. */
    TransferLeadershipResponse transfer(String group, String node);

    void add(
        String group, String node, String raftAddress, String clientAddress, boolean asLearner);

    void remove(String group, String node, boolean force);

    void promote(String group, String node);

    /** By node. */
    List<GroupReplica> members(String group);

    /** For putting a replica in the place of another one. */
    Replacement.Group replacing(String group);

    /** For making a replica anew from another one. */
    Rebuilding.Group rebuilding(String group);

    /** Pulls a backup from the replica at that address into a folder. */
    BackupManifest backup(String clientAddress, Path folder, Duration limit) throws IOException;
  }

  /** Delayed and half messages that have no place in their queue yet. */
  interface Held {
    HeldMessages.Placed commit(String topic, String heldId);

    void rollback(String topic, String heldId);

    void recall(String topic, String heldId);

    /** In the order of being sent; empty only when there are no more. */
    List<HeldMessage> list(String topic, int max, String afterHeldId);
  }

  /** Takes messages. Thread-safe. */
  interface Sink extends AutoCloseable {
    /** Blocks while its buffer is full. */
    CompletableFuture<Receipt> send(OutgoingMessage message);

    /** As {@link #send}, for a message that waits for its transaction. */
    CompletableFuture<Receipt> sendHalf(OutgoingMessage message);

    CompletableFuture<HeldMessages.Placed> commit(Receipt half);

    CompletableFuture<Void> rollback(Receipt half);

    /** True when everything sent before is settled. */
    boolean flush(Duration timeout);

    @Override
    void close();
  }

  /**
   * What a sink may hold.
   *
   * @param bufferBytes unsettled messages in memory
   * @param deliveryTimeout from send to receipt
   */
  record SinkOptions(long bufferBytes, Duration deliveryTimeout) {}

  /** Gives messages. For one thread. */
  interface Source extends AutoCloseable {
    /** Empty when there was none in time. */
    List<ReadMessage> poll(Duration timeout);

    /** True when everything stored before it was opened has been polled; never when following. */
    boolean atEnd();

    /** Everything polled so far is done. */
    void commit(String consumerGroup);

    @Override
    void close();
  }

  /** Gives leased messages. For one thread. */
  interface Receiver extends AutoCloseable {
    /** Empty when there was none in time. */
    List<Leased> receive(int max, Duration wait);

    /** Leaves without giving back what is not acknowledged, as a crash would. */
    void abandon();

    /** Gives back what is not acknowledged. */
    @Override
    void close();
  }

  /** A message that nobody else of the consumer group gets until its lease ends. */
  interface Leased {
    ReadMessage message();

    /** From 1. */
    int attempt();

    CompletableFuture<Void> ack();
  }

  /** A listener at work. Thread-safe. */
  interface Listening extends AutoCloseable {
    ConsumerStats stats();

    /** Lets the listener finish and returns when its acks are stored. */
    @Override
    void close();
  }

  /**
   * What a receiver gets.
   *
   * @param tags empty: all
   * @param maxInFlight messages that are leased to it at once
   */
  record ReceiverOptions(String group, String topic, String tags, int maxInFlight) {}

  /** Sends messages that are told by their ids. Thread-safe. */
  interface Once {
    CompletableFuture<Receipt> send(String topic, OptionalInt queue, Message message);
  }

  /**
   * What a source gives.
   *
   * @param queues empty: all
   * @param maxPoll messages of one poll at the most
   */
  record SourceOptions(
      String topic, List<Integer> queues, StartAt from, boolean follow, int maxPoll) {}
}
