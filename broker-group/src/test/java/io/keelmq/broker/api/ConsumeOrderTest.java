package io.keelmq.broker.api;

import static io.keelmq.broker.api.testing.ApiCluster.run;
import static io.keelmq.broker.api.testing.TestConsumer.bodies;
import static io.keelmq.broker.api.testing.TestConsumer.consumer;
import static io.keelmq.broker.api.testing.TestConsumer.settlement;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.broker.api.testing.TestConsumer;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.broker.state.GroupSettings;
import io.keelmq.broker.state.StateView;
import io.keelmq.broker.state.TopicType;
import io.keelmq.v1.Code;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.Message;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.Run;
import io.keelmq.v1.SettlementKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Which messages a planner gives out, and in which order. */
class ConsumeOrderTest {

  private final AtomicLong skippedNanos = new AtomicLong();
  private ApiCluster cluster;
  private TestProducer producer;
  private long sequence;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(new FakeGroup(1, 2), 2, () -> System.nanoTime() + skippedNanos.get());
    cluster.createTopic("t", 1);
    producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private void publish(Run... runs) throws Exception {
    producer.publish(++sequence, runs);
    assertEquals(Code.OK, producer.receipt().getCode());
  }

  private static Message message(String body, String tag, String group) {
    return Message.newBuilder()
        .setTag(tag)
        .setMessageGroup(group)
        .setBody(ByteString.copyFromUtf8(body))
        .build();
  }

  private static List<Message> messages(int from, int to, String tag) {
    return IntStream.range(from, to).mapToObj(i -> message("m" + i, tag, "")).toList();
  }

  private void fifoGroup() {
    cluster.group.apply(
        new Command.CreateConsumerGroup("g", new GroupSettings(GroupKind.LEASE, true, 17, false)));
  }

  private TestConsumer open(String clientId, int credit) throws Exception {
    return TestConsumer.open(cluster.asyncStreams(1), consumer(clientId, "g", "t"), credit);
  }

  private StateView.Cursor cursor() {
    StateView state = cluster.group.state();
    return state.cursor(state.consumerGroup("g").orElseThrow().id(), 1, 0).orElseThrow();
  }

  private static void eventually(Callable<Boolean> condition) {
    Awaitility.await().atMost(Duration.ofSeconds(60)).until(condition);
  }

  @Test
  void givesOutWhatTheFilterTakesAndCountsTheRestAsConsumed() throws Exception {
    publish(
        run(
            "t",
            0,
            List.of(
                message("a", "red", ""),
                message("b", "blue", ""),
                message("c", "", ""),
                message("d", "green", ""),
                message("e", "redder", ""))));
    var consumer =
        TestConsumer.open(
            cluster.asyncStreams(1), consumer("c", "g", "t").setTags("red || green"), 10);

    Delivery delivery = consumer.delivery();

    assertEquals(List.of("a", "d"), bodies(delivery));
    assertEquals(List.of(0L, 3L), TestConsumer.offsets(delivery));
    assertEquals(2, delivery.getStoreTimesMillisCount());
    assertEquals(2, cursor().leased());
    consumer.ack(delivery);
    consumer.receipt();
    // The last one is told to the state only when some time has passed.
    skippedNanos.addAndGet(Duration.ofSeconds(3).toNanos());
    eventually(() -> cursor().nextOffset() == 5);
    assertEquals(0, cursor().batches());
  }

  @Test
  void movesOverManyFilteredMessagesInBigSteps() throws Exception {
    for (int i = 0; i < 50; i++) {
      publish(run("t", 0, messages(i * 1_000, (i + 1) * 1_000, "no")));
    }
    publish(run("t", 0, List.of(message("wanted", "yes", ""))));

    var consumer =
        TestConsumer.open(cluster.asyncStreams(1), consumer("c", "g", "t").setTags("yes"), 10);

    assertEquals(List.of("wanted"), bodies(consumer.delivery()));
    assertEquals(50_001, cursor().nextOffset());
    assertEquals(1, cursor().batches());
    assertTrue(cluster.stats(0).grants() < 20, "grants " + cluster.stats(0).grants());
  }

  @Test
  void keepsTheOrderOfAMessageGroupWhenMessagesComeAgain() throws Exception {
    fifoGroup();
    publish(
        run(
            "t",
            0,
            List.of(
                message("a1", "", "a"),
                message("b1", "", "b"),
                message("a2", "", "a"),
                message("x", "", ""),
                message("a3", "", "a"))));
    var consumer = open("c", 100);
    Map<String, Delivery> first = new HashMap<>();
    consumer.deliveries(5).forEach(one -> first.put(bodies(one).toString(), one));
    assertEquals(List.of("[a1, a2, a3]", "[b1]", "[x]"), first.keySet().stream().sorted().toList());
    publish(run("t", 0, List.of(message("a4", "", "a"), message("b2", "", "b"))));
    consumer.ack(first.get("[b1]"));
    consumer.receipt();
    Delivery b2 = consumer.delivery();
    assertEquals(List.of("b2"), bodies(b2));

    Delivery a = first.get("[a1, a2, a3]");
    long a2 = TestConsumer.offsets(a).get(1);
    consumer.settle(
        settlement(SettlementKind.ACK, a)
            .addOffsets(OffsetRange.newBuilder().setFirst(0).setCount(1)),
        settlement(SettlementKind.NACK, a)
            .addOffsets(OffsetRange.newBuilder().setFirst(a2).setCount(1)));
    consumer.credit(100);

    var order = new ArrayList<String>();
    while (!order.contains("a4 1")) {
      var response = consumer.response();
      if (response.hasDelivery()) {
        Delivery delivery = response.getDelivery();
        bodies(delivery).forEach(body -> order.add(body + " " + delivery.getAttempt()));
        consumer.ack(delivery);
      }
    }
    assertEquals(List.of("a2 2", "a3 1", "a4 1"), order);
  }

  @Test
  void aBlockedMessageGroupDoesNotHoldUpTheOthers() throws Exception {
    fifoGroup();
    publish(run("t", 0, List.of(message("first", "", "blocked"))));
    var holder = open("holder", 1);
    Delivery first = holder.delivery();
    for (int i = 0; i < 20; i++) {
      publish(
          run(
              "t",
              0,
              IntStream.range(0, 1_000).mapToObj(n -> message("z", "", "blocked")).toList()));
    }
    publish(run("t", 0, List.of(message("other", "", "free"))));

    var consumer = open("c", 10);

    Delivery other = consumer.delivery();
    assertEquals(List.of("other"), bodies(other));
    assertEquals(20_000, cursor().blocked());
    // Each is looked at once, and many of them with one grant.
    assertTrue(cluster.stats(0).grants() < 60, "grants " + cluster.stats(0).grants());
    consumer.ack(other);
    consumer.receipt();
    publish(run("t", 0, List.of(message("other2", "", "free"))));
    assertEquals(List.of("other2"), bodies(consumer.delivery()));
    holder.ack(first);
    holder.receipt();
    assertEquals(8, TestConsumer.messages(consumer.delivery()));
  }

  @Test
  void prefersHigherPrioritiesAndStarvesNone() throws Exception {
    cluster.createTopic("prio", TopicType.PRIORITY, 3);
    for (int queue = 0; queue < 3; queue++) {
      publish(run("prio", queue, messages(0, 100, "")));
    }
    var consumer =
        TestConsumer.open(
            cluster.asyncStreams(0), consumer("c", "g", "prio").setMaxBatchMessages(1), 0);

    var queues = new ArrayList<Integer>();
    for (int i = 0; i < 80; i++) {
      consumer.credit(1);
      queues.add(consumer.delivery().getLease().getQueue());
    }

    assertEquals(2, queues.get(0));
    long highest = queues.stream().filter(queue -> queue == 2).count();
    assertTrue(highest >= 70 && highest < 80, "of the highest priority: " + highest);
    assertTrue(queues.contains(0) && queues.contains(1), queues.toString());
  }

  @Test
  void tellsWhatRetentionTookAndGoesOn() throws Exception {
    cluster.group.apply(new Command.CreateTopic("short", TopicType.NORMAL, 1, 60_000));
    publish(run("short", 0, messages(0, 5, "")));
    var early = TestConsumer.open(cluster.asyncStreams(0), consumer("c", "g", "short"), 2);
    assertEquals(List.of("m0", "m1"), bodies(early.delivery()));
    cluster.group.passTime(200_000);
    cluster.group.apply(new Command.AdvanceTime());
    publish(run("short", 0, messages(5, 7, "")));

    early.credit(10);

    // Those that were delivered and not settled, too: their lease has ended, and they cannot come
    // again.
    var trimmed = early.response().getTrimmed();
    assertEquals(0, trimmed.getWantedOffset());
    assertEquals(5, trimmed.getFirstOffset());
    assertEquals(List.of("m5", "m6"), bodies(early.delivery()));
  }

  @Test
  void tellsWhatRetentionTookOfWhatWasGivenBack() throws Exception {
    cluster.group.apply(new Command.CreateTopic("short", TopicType.NORMAL, 1, 60_000));
    publish(run("short", 0, messages(0, 3, "")));
    var early = TestConsumer.open(cluster.asyncStreams(0), consumer("c", "g", "short"), 3);
    var delivery = early.delivery();
    assertEquals(List.of("m0", "m1", "m2"), bodies(delivery));
    early.close();
    cluster.group.passTime(200_000);
    cluster.group.apply(new Command.AdvanceTime());
    cluster.group.apply(new Command.AdvanceTime());

    var late = TestConsumer.open(cluster.asyncStreams(0), consumer("d", "g", "short"), 3);

    var trimmed = late.response().getTrimmed();
    assertEquals(0, trimmed.getWantedOffset());
    assertEquals(3, trimmed.getFirstOffset());
  }

  @Test
  void waitsForAnEntryThatIsAppliedAndNotInTheLog() throws Exception {
    cluster.group.hideEntries(true);
    publish(run("t", 0, messages(0, 3, "yes")));
    var plain = open("c", 10);
    var filtered =
        TestConsumer.open(
            cluster.asyncStreams(0), consumer("c", "filtering", "t").setTags("yes"), 10);
    eventually(() -> cursor().leased() == 3);

    cluster.group.hideEntries(false);

    assertEquals(List.of("m0", "m1", "m2"), bodies(plain.delivery()));
    assertEquals(List.of("m0", "m1", "m2"), bodies(filtered.delivery()));
  }

  @Test
  void aSeekMovesTheGroupAndVoidsItsLeases() throws Exception {
    publish(run("t", 0, messages(0, 5, "")));
    var consumer = open("c", 100);
    Delivery before = consumer.delivery();

    cluster.group.apply(new Command.SeekOffsets("g", "t", List.of(new Command.QueueOffset(0, 3))));

    Delivery after = consumer.delivery();
    assertEquals(List.of("m3", "m4"), bodies(after));
    assertEquals(1, after.getLease().getGeneration());
    consumer.ack(before);
    assertEquals(Code.LEASE_NOT_FOUND, consumer.receipt().getResults(0).getCode());
    consumer.ack(after);
    assertEquals(2, consumer.receipt().getResults(0).getMessages());
  }

  @Test
  void takesUpQueuesThatAreAddedAndEndsWithTheTopic() throws Exception {
    var consumer = open("c", 100);
    cluster.group.apply(new Command.AlterTopic("t", OptionalInt.of(3), OptionalLong.empty()));
    publish(run("t", 2, messages(0, 1, "")));
    assertEquals(2, consumer.delivery().getLease().getQueue());

    cluster.group.apply(new Command.DeleteTopic("t"));

    assertEquals(Code.TOPIC_NOT_FOUND, consumer.error().getCode());
  }
}
