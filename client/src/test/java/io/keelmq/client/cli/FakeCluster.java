package io.keelmq.client.cli;

import static io.keelmq.client.ClientValues.consumed;
import static io.keelmq.client.ClientValues.consumerStats;
import static io.keelmq.client.ClientValues.deadLetter;
import static io.keelmq.client.ClientValues.leaseLost;
import static io.keelmq.client.ClientValues.readMessage;
import static io.keelmq.client.ClientValues.rejected;

import com.google.protobuf.ByteString;
import io.keelmq.client.ConsumedMessage;
import io.keelmq.client.ConsumerStats;
import io.keelmq.client.HeldMessage;
import io.keelmq.client.HeldMessages;
import io.keelmq.client.KeelException;
import io.keelmq.client.MessagePlace;
import io.keelmq.client.MessagesTrimmed;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.ReadMessage;
import io.keelmq.client.Receipt;
import io.keelmq.client.StartAt;
import io.keelmq.client.doctor.Examination;
import io.keelmq.client.doctor.Sight;
import io.keelmq.v1.Code;
import io.keelmq.v1.Message;
import io.keelmq.v1.QueueState;
import io.keelmq.v1.Topic;
import io.keelmq.v1.TopicDescription;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * A cluster in memory: one queue for each topic, and receipts at once. For one thread but sends.
 */
final class FakeCluster implements Cluster {
  static final long STORE_TIME_MILLIS = 1_790_000_000_123L;

  final TreeMap<String, Topic> topics = new TreeMap<>();
  final List<ReadMessage> stored = new ArrayList<>();
  final List<KeelException> pollFailures = new ArrayList<>();
  final List<String> commits = new ArrayList<>();
  final List<Long> acks = new ArrayList<>();
  final List<String> ends = new ArrayList<>();
  final Map<String, Message> sentOnce = new TreeMap<>();
  final List<OutgoingMessage> sent = new ArrayList<>();
  final List<HeldMessage> waiting = new ArrayList<>();
  final List<String> decisions = new ArrayList<>();
  SourceOptions lastSource;
  ReceiverOptions lastReceiver;
  final List<MessagesTrimmed> lost = new ArrayList<>();
  final FakeConsumerGroups consumerGroups = new FakeConsumerGroups(this::failIfTold, this::find);
  final FakeBrokerGroups brokerGroups = new FakeBrokerGroups(this::failIfTold);
  RuntimeException failure;
  String endpoints;
  boolean closed;

  Cluster connect(String endpoints, Duration timeout) {
    this.endpoints = endpoints;
    return this;
  }

  /** A dead letter of the consumer group "billing", in the only topic that the fake has. */
  void bury(Message message, MessagePlace source) {
    topics.put("%DLQ%billing", Topic.newBuilder().setTopic("%DLQ%billing").build());
    stored.add(deadLetter("%DLQ%billing", stored.size(), STORE_TIME_MILLIS, message, source));
  }

  void store(Message message) {
    stored.add(readMessage("orders", 0, stored.size(), STORE_TIME_MILLIS, message));
  }

  private void failIfTold() {
    if (failure != null) {
      throw failure;
    }
  }

  private Topic find(String topic) {
    failIfTold();
    Topic found = topics.get(topic);
    if (found == null) {
      throw rejected(Code.TOPIC_NOT_FOUND, "topic " + topic + " does not exist");
    }
    return found;
  }

  @Override
  public Topics topics() {
    return new Topics() {
      @Override
      public Topic create(Topic wanted) {
        failIfTold();
        topics.put(wanted.getTopic(), wanted);
        return wanted;
      }

      @Override
      public Topic alter(
          String topic,
          OptionalInt queues,
          Optional<Duration> retention,
          OptionalLong retentionBytes) {
        var altered = find(topic).toBuilder();
        queues.ifPresent(altered::setQueues);
        retention.ifPresent(time -> altered.setRetentionMillis(time.toMillis()));
        retentionBytes.ifPresent(altered::setRetentionBytes);
        topics.put(topic, altered.build());
        return altered.build();
      }

      @Override
      public void delete(String topic) {
        find(topic);
        topics.remove(topic);
      }

      @Override
      public List<Topic> list() {
        failIfTold();
        return List.copyOf(topics.values());
      }

      @Override
      public TopicDescription describe(String topic) {
        return TopicDescription.newBuilder()
            .setTopic(find(topic))
            .addQueues(QueueState.newBuilder().setBrokerGroup("g0").setEndOffset(stored.size()))
            .build();
      }
    };
  }

  @Override
  public ConsumerGroups consumerGroups() {
    return consumerGroups;
  }

  @Override
  public BrokerGroups brokerGroups() {
    return brokerGroups;
  }

  /** A message that waits; it is stored when it is committed. */
  String hold(String topic, boolean half, Message message) {
    String id = (waiting.size() + 1) + "-7";
    waiting.add(
        new HeldMessage(
            topic,
            id,
            0,
            1,
            half,
            Instant.ofEpochMilli(STORE_TIME_MILLIS + 60_000),
            half ? 2 : 0,
            half ? 1 : 0,
            Instant.ofEpochMilli(STORE_TIME_MILLIS),
            List.of(readMessage(topic, 0, -1, STORE_TIME_MILLIS, message))));
    return id;
  }

  private void decide(String topic, String id, String how) {
    find(topic);
    if (!waiting.removeIf(held -> held.heldId().equals(id))) {
      throw rejected(Code.HELD_NOT_FOUND, "message " + id + " does not wait in topic " + topic);
    }
    decisions.add(how + " " + id);
  }

  @Override
  public Held held() {
    return new Held() {
      @Override
      public HeldMessages.Placed commit(String topic, String heldId) {
        decide(topic, heldId, "commit");
        return new HeldMessages.Placed(topic, 0, 5);
      }

      @Override
      public void rollback(String topic, String heldId) {
        decide(topic, heldId, "rollback");
      }

      @Override
      public void recall(String topic, String heldId) {
        decide(topic, heldId, "recall");
      }

      @Override
      public List<HeldMessage> list(String topic, int max, String afterHeldId) {
        find(topic);
        boolean behind = afterHeldId.isEmpty();
        var page = new ArrayList<HeldMessage>();
        for (HeldMessage held : waiting) {
          // A page at a time, as a broker does whose answer is full.
          if (behind && page.size() < Math.min(max, 2)) {
            page.add(held);
          }
          behind |= held.heldId().equals(afterHeldId);
        }
        return page;
      }
    };
  }

  @Override
  public Sink openSink(SinkOptions options) {
    return new Sink() {
      @Override
      public CompletableFuture<Receipt> send(OutgoingMessage message) {
        find(message.topic());
        sent.add(message);
        byte[] body = new byte[message.body().remaining()];
        message.body().get(body);
        if (new String(body, StandardCharsets.UTF_8).contains("refuse me")) {
          return CompletableFuture.failedFuture(
              rejected(Code.ILLEGAL_MESSAGE_TAG, "the tag is blank: leave it out"));
        }
        long offset = stored.size();
        store(
            Message.newBuilder()
                .addAllKeys(message.keys())
                .setTag(message.tag())
                .putAllProperties(message.properties())
                .setMessageGroup(message.messageGroup())
                .setBody(ByteString.copyFrom(body))
                .build());
        return CompletableFuture.completedFuture(
            new Receipt(message.topic(), 0, offset, "id-" + offset, false));
      }

      @Override
      public CompletableFuture<Receipt> sendHalf(OutgoingMessage message) {
        find(message.topic());
        String id =
            hold(
                message.topic(),
                true,
                Message.newBuilder().setBody(ByteString.copyFrom(message.body())).build());
        return CompletableFuture.completedFuture(
            new Receipt(message.topic(), 0, Receipt.NO_OFFSET, "id-" + id, false, id));
      }

      @Override
      public CompletableFuture<HeldMessages.Placed> commit(Receipt half) {
        return CompletableFuture.completedFuture(held().commit(half.topic(), half.heldId()));
      }

      @Override
      public CompletableFuture<Void> rollback(Receipt half) {
        held().rollback(half.topic(), half.heldId());
        return CompletableFuture.completedFuture(null);
      }

      @Override
      public boolean flush(Duration timeout) {
        return true;
      }

      @Override
      public void close() {
        // Nothing is held.
      }
    };
  }

  @Override
  public Source openSource(SourceOptions options) {
    find(options.topic());
    lastSource = options;
    var left = new ArrayDeque<>(stored);
    if (options.from() instanceof StartAt.Fixed place) {
      left.removeIf(message -> message.offset() < place.from().getOffset());
    }
    return new Source() {
      @Override
      public List<ReadMessage> poll(Duration timeout) {
        if (!pollFailures.isEmpty()) {
          throw pollFailures.remove(0);
        }
        var batch = new ArrayList<ReadMessage>();
        while (!left.isEmpty() && batch.size() < options.maxPoll()) {
          batch.add(left.remove());
        }
        return batch;
      }

      @Override
      public boolean atEnd() {
        return left.isEmpty();
      }

      @Override
      public void commit(String consumerGroup) {
        commits.add(consumerGroup + " at " + (stored.size() - left.size()));
      }

      @Override
      public void close() {
        // Nothing is open.
      }
    };
  }

  @Override
  public Receiver openReceiver(ReceiverOptions options, Consumer<MessagesTrimmed> onLost) {
    find(options.topic());
    lost.forEach(onLost);
    lastReceiver = options;
    var left = new ArrayDeque<>(stored);
    return new Receiver() {
      @Override
      public List<Leased> receive(int max, Duration wait) {
        var batch = new ArrayList<Leased>();
        while (!left.isEmpty() && batch.size() < max) {
          batch.add(new FakeLeased(left.remove()));
        }
        return batch;
      }

      @Override
      public void abandon() {
        ends.add("abandoned");
      }

      @Override
      public void close() {
        ends.add("closed");
      }
    };
  }

  private final class FakeLeased implements Leased {
    private final ReadMessage message;

    FakeLeased(ReadMessage message) {
      this.message = message;
    }

    @Override
    public ReadMessage message() {
      return message;
    }

    @Override
    public int attempt() {
      return 2;
    }

    @Override
    public CompletableFuture<Void> ack() {
      if (message.bodyText().contains("lose me")) {
        return CompletableFuture.failedFuture(leaseLost("the lease ended before this"));
      }
      acks.add(message.offset());
      return CompletableFuture.completedFuture(null);
    }
  }

  @Override
  public Listening openListener(
      ReceiverOptions options, int threads, Consumer<ConsumedMessage> listener) {
    find(options.topic());
    lastReceiver = options;
    stored.forEach(message -> listener.accept(consumed(message)));
    return new Listening() {
      @Override
      public ConsumerStats stats() {
        return consumerStats(stored.size());
      }

      @Override
      public void close() {
        ends.add("closed");
      }
    };
  }

  @Override
  public Examination.Eyes eyes(InstantSource clock) {
    return () -> new Sight(brokerGroups.status(), Map.of(), Map.of());
  }

  @Override
  public Once openOnce(String clientId) {
    return (topic, queue, message) -> {
      find(topic);
      boolean fresh = sentOnce.putIfAbsent(message.getMessageId(), message) == null;
      return CompletableFuture.completedFuture(
          new Receipt(topic, queue.orElse(0), 7, message.getMessageId(), !fresh));
    };
  }

  @Override
  public void close() {
    closed = true;
  }
}
