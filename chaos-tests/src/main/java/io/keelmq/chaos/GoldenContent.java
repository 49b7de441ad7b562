package io.keelmq.chaos;

import com.google.protobuf.ByteString;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.Command.Candidates;
import io.keelmq.broker.state.Command.FromCursor;
import io.keelmq.broker.state.Command.Grant;
import io.keelmq.broker.state.Command.Placing;
import io.keelmq.broker.state.Command.QueueOffset;
import io.keelmq.broker.state.Command.Run;
import io.keelmq.broker.state.Command.Settlement;
import io.keelmq.broker.state.Command.SettlementKind;
import io.keelmq.broker.state.CommandOrigin;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.HeldId;
import io.keelmq.broker.state.LeaseId;
import io.keelmq.broker.state.OffsetSet;
import io.keelmq.broker.state.Reply;
import io.keelmq.broker.state.TopicType;
import io.keelmq.v1.Message;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Fills a golden folder: rows of every kind, sealed segments, a snapshot and entries behind it. For
 * one thread.
 */
final class GoldenContent {

  private static final long HALF_DAY_MILLIS = 12 * 3_600_000L;
  private static final long THIRTY_DAYS_MILLIS = 60 * HALF_DAY_MILLIS;
  private static final int BODY_BYTES = 1_500;

  private final GoldenReplica replica;
  private String producer = "golden-producer";
  private long sequence;
  private int messages;

  GoldenContent(GoldenReplica replica) {
    this.replica = replica;
  }

  /** Sends under another name: the first one's sequence is taken. */
  GoldenContent as(String otherProducer) {
    producer = otherProducer;
    return this;
  }

  void write() {
    for (TopicType type : TopicType.values()) {
      replica.apply(
          Reply.TopicSettings.class,
          new Command.CreateTopic(topic(type), type, 2, type == TopicType.NORMAL ? 0 : 86_400_000));
    }
    send(TopicType.NORMAL, 0, 150);
    replica.snapshot();
    sendByMessageId(TopicType.NORMAL, 1, 20);
    send(TopicType.FIFO, 0, 20);
    send(TopicType.PRIORITY, 1, 20);
    hold();
    consume();
    offsets();
    replica.apply(
        Reply.TopicSettings.class, new Command.CreateTopic("gone", TopicType.NORMAL, 1, 0));
    replica.apply(
        Optional.of(new CommandOrigin(77, 1)), Reply.Done.class, new Command.DeleteTopic("gone"));
    replica.apply(
        Reply.Done.class,
        new Command.RecordMembers(
            List.of(
                new Command.Founder("n1", "127.0.0.1:10911", "127.0.0.1:8081", 1_000_000_001))));
    replica.snapshot();
    send(TopicType.NORMAL, 0, 30);
    sendByMessageId(TopicType.FIFO, 1, 5);
  }

  static String topic(TopicType type) {
    return "golden-" + type.name().toLowerCase(Locale.ROOT);
  }

  /** Messages of a streaming producer. */
  Reply.Stored send(TopicType type, int queue, int count) {
    Reply.Stored last = null;
    for (int i = 0; i < count; i++) {
      last = send(type, queue, Placing.AT_ONCE);
    }
    return last;
  }

  private Reply.Stored send(TopicType type, int queue, Placing placing) {
    ByteBuffer record = record();
    var dedup = new Command.ProducerSequence(producer, 1, ++sequence);
    var run = new Run(topic(type), queue, 1, 0, record.remaining(), List.of(), placing);
    return replica.apply(Reply.Stored.class, new Command.SendMessages(dedup, List.of(run)), record);
  }

  /** Batches of several messages, repeats of which are told by their ids. */
  private void sendByMessageId(TopicType type, int queue, int batches) {
    for (int i = 0; i < batches; i++) {
      var records = new ByteBuffer[] {record(), record(), record()};
      var runs = new ArrayList<Run>();
      for (ByteBuffer record : records) {
        var ids = List.of("id-" + sequence + "-" + i + "-" + runs.size());
        runs.add(new Run(topic(type), queue, 1, 0, record.remaining(), ids));
      }
      replica.apply(
          Reply.Stored.class,
          new Command.SendMessages(new Command.ClientMessageIds("golden-client"), runs),
          records);
    }
  }

  private ByteBuffer record() {
    messages++;
    String body = ("message " + messages + " of a golden folder. ").repeat(BODY_BYTES / 30);
    var message =
        Message.newBuilder()
            .setMessageId("golden-" + messages)
            .addKeys("key-" + messages % 7)
            .setTag(messages % 2 == 0 ? "even" : "odd")
            .setBody(ByteString.copyFromUtf8(body))
            .build();
    var out = new ByteArrayOutputStream();
    try {
      message.writeDelimitedTo(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return ByteBuffer.wrap(out.toByteArray());
  }

  /** Delayed and half messages that wait, and half messages that were decided. */
  private void hold() {
    long due = replica.replica().state().applied().timeMillis() + THIRTY_DAYS_MILLIS;
    for (int i = 0; i < 3; i++) {
      send(TopicType.DELAY, i % 2, Placing.at(due + i));
    }
    HeldId recalled = held(send(TopicType.DELAY, 0, Placing.at(due)));
    replica.apply(
        Optional.of(new CommandOrigin(77, 2)),
        Reply.Done.class,
        new Command.RecallMessage(topic(TopicType.DELAY), recalled));
    var halves = new ArrayList<HeldId>();
    for (int i = 0; i < 4; i++) {
      halves.add(held(send(TopicType.TRANSACTION, i % 2, Placing.onCommit(HALF_DAY_MILLIS))));
    }
    String topic = topic(TopicType.TRANSACTION);
    replica.apply(Reply.Stored.class, new Command.EndTransaction(topic, halves.get(0), true));
    replica.apply(Reply.Done.class, new Command.EndTransaction(topic, halves.get(1), false));
  }

  private static HeldId held(Reply.Stored stored) {
    return stored.held().get(0).orElseThrow();
  }

  /** Leases that run, batches that wait to be delivered again, dead letters, message groups. */
  private void consume() {
    String topic = topic(TopicType.NORMAL);
    replica.apply(
        Reply.Done.class, new Command.CreateConsumerGroup("golden-leases", GroupKind.LEASE));
    replica.apply(Reply.Done.class, new Command.SubscribeGroup("golden-leases", topic));
    List<LeaseId> leases = new ArrayList<>();
    for (int from = 0; from < 50; from += 10) {
      var grant =
          new FromCursor(from, from + 10, List.of(new Candidates(0, OffsetSet.range(from, 9))));
      leases.add(lease("golden-leases", topic, grant));
    }
    var settlements =
        List.of(
            new Settlement(SettlementKind.ACK, leases.get(0), OffsetSet.range(0, 4), 0),
            new Settlement(SettlementKind.ACK, leases.get(1), OffsetSet.EMPTY, 0),
            new Settlement(SettlementKind.NACK, leases.get(2), OffsetSet.EMPTY, 0),
            new Settlement(SettlementKind.DEAD_LETTER, leases.get(3), OffsetSet.range(30, 3), 0));
    replica.apply(
        Reply.Settled.class, new Command.SettleLeases("golden-leases", topic, 0, 0, settlements));

    String fifo = topic(TopicType.FIFO);
    replica.apply(
        Reply.Done.class,
        new Command.CreateConsumerGroup(
            "golden-fifo", new GroupSettings(GroupKind.LEASE, true, 3, false)));
    replica.apply(Reply.Done.class, new Command.SubscribeGroup("golden-fifo", fifo));
    lease(
        "golden-fifo",
        fifo,
        new FromCursor(
            0,
            4,
            List.of(
                new Candidates(11, OffsetSet.range(0, 2)),
                new Candidates(12, OffsetSet.range(2, 2)))));
    // Of a message group that is out: it is held back.
    replica.apply(
        Reply.Leased.class,
        grant(
            "golden-fifo",
            fifo,
            new FromCursor(4, 6, List.of(new Candidates(11, OffsetSet.range(4, 2))))));
  }

  private LeaseId lease(String group, String topic, Grant grant) {
    return replica.apply(Reply.Leased.class, grant(group, topic, grant)).leases().get(0).id();
  }

  private static Command grant(String group, String topic, Grant grant) {
    return new Command.GrantLeases(
        group, topic, 0, 0, "golden-client", "", HALF_DAY_MILLIS, List.of(grant));
  }

  /** Committed offsets, and a group that was moved. */
  private void offsets() {
    String topic = topic(TopicType.NORMAL);
    replica.apply(
        Reply.Done.class,
        new Command.CommitOffsets(
            "golden-offsets", topic, 0, List.of(new QueueOffset(0, 40), new QueueOffset(1, 7))));
    replica.apply(
        Optional.of(new CommandOrigin(77, 3)),
        Reply.Epoch.class,
        new Command.SeekOffsets("golden-offsets", topic, List.of(new QueueOffset(0, 10))));
  }
}
