package io.keelmq.broker.api;

import static io.keelmq.broker.api.testing.ApiCluster.run;
import static io.keelmq.broker.api.testing.TestConsumer.consumer;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.broker.api.testing.TestConsumer;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.v1.Code;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.Message;
import io.keelmq.v1.Run;
import io.keelmq.v1.StreamsGrpc;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What consumers cost that read nothing, wait for long, or are very many. */
class ConsumeBoundsTest {

  private static final int BIG = 100 << 10;

  private final AtomicLong skippedNanos = new AtomicLong();
  private final List<ManagedChannel> channels = new ArrayList<>();
  private ApiCluster cluster;
  private TestProducer producer;
  private long sequence;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(new FakeGroup(1, 1), 1, () -> System.nanoTime() + skippedNanos.get());
    cluster.createTopic("t", 1);
    producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
  }

  @AfterEach
  void stop() {
    channels.forEach(ManagedChannel::shutdownNow);
    cluster.close();
  }

  /** A connection of its own, so that what is not read there holds up nobody else. */
  private StreamsGrpc.StreamsStub connect() {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", cluster.port(0))
            .usePlaintext()
            .flowControlWindow(64 << 10)
            .build();
    channels.add(channel);
    return StreamsGrpc.newStub(channel);
  }

  private void publish(Run run) throws Exception {
    producer.publish(++sequence, run);
    assertEquals(Code.OK, producer.receipt().getCode());
  }

  private void publishBig(String topic, int messages) throws Exception {
    Message big = Message.newBuilder().setBody(ByteString.copyFrom(new byte[BIG])).build();
    for (int i = 0; i < messages; i += 10) {
      publish(run(topic, 0, Collections.nCopies(10, big)));
    }
  }

  private static void eventually(Callable<Boolean> condition) {
    Awaitility.await().atMost(Duration.ofSeconds(60)).until(condition);
  }

  @Test
  void aConsumerThatNeverReadsCostsItsWindowAndNoMore() throws Exception {
    publishBig("t", 200);
    var idle = TestConsumer.start(connect(), consumer("idle", "g", "t"), 1);
    idle.opened();
    idle.credit(100_000);
    eventually(() -> cluster.stats(0).undeliveredBytes() >= DeliveryPlanner.MAX_UNSENT_BYTES / 2);

    var reading = TestConsumer.open(connect(), consumer("reading", "g", "t"), 10);

    int got = 0;
    while (cluster.stats(0).deliveredMessages() < 200 || reading.waitingEvents() > 0) {
      Optional<TestConsumer.Event> event = reading.poll(Duration.ofMillis(20));
      if (event.isPresent() && event.get().response().hasDelivery()) {
        Delivery delivery = event.get().response().getDelivery();
        got += TestConsumer.messages(delivery);
        reading.ack(delivery);
        reading.credit(TestConsumer.messages(delivery));
      }
    }
    assertTrue(200 - got < 15, "the idle one has " + (200 - got));
    assertTrue(
        cluster.stats(0).undeliveredBytes()
            < 2 * DeliveryPlanner.MAX_UNSENT_BYTES + 2 * LeaseDeliveries.MAX_DELIVERY_BYTES);
  }

  @Test
  void consumersThatReadNothingMakeRoomForOthers() throws Exception {
    publishBig("t", 800);
    var idle = new ArrayList<TestConsumer>();
    var connection = connect();
    while (cluster.stats(0).undeliveredBytes() < DeliveryPlanners.MAX_UNSENT_BYTES) {
      long before = cluster.stats(0).deliveredMessages();
      var one = TestConsumer.start(connection, consumer("idle" + idle.size(), "g", "t"), 1);
      one.opened();
      one.credit(100_000);
      idle.add(one);
      assertTrue(idle.size() < 400, "consumers " + idle.size());
      eventually(
          () ->
              cluster.stats(0).deliveredMessages() > before
                  || cluster.stats(0).undeliveredBytes() >= DeliveryPlanners.MAX_UNSENT_BYTES);
    }
    var reading = TestConsumer.open(connect(), consumer("reading", "g", "t"), 500);

    skippedNanos.addAndGet(Duration.ofSeconds(11).toNanos());

    TestConsumer.messages(reading.delivery());
    eventually(() -> cluster.stats(0).refused().get(Code.TOO_MANY_REQUESTS) > 0);
  }

  @Test
  void aMessageTouchesFewOfTenThousandThatWait() throws Exception {
    int consumers = 10_000;
    int messages = 50;
    cluster.createTopic("idle", 1);
    var all = new ArrayList<TestConsumer>();
    var stubs = List.of(connect(), connect(), connect());
    for (int i = 0; i < consumers; i++) {
      // One in a hundred in a group of its own at another topic, where nothing happens.
      boolean aside = i % 100 == 0;
      var open = consumer("c" + i, aside ? "g" + i : "g", aside ? "idle" : "t");
      all.add(TestConsumer.start(stubs.get(i % stubs.size()), open));
    }
    for (TestConsumer one : all) {
      one.opened();
      one.credit(1);
    }
    eventually(() -> cluster.stats(0).parkedConsumers() == consumers);
    eventually(() -> isStill(cluster.stats(0)));
    long before = cluster.stats(0).deliveryTurns();
    long proposed = cluster.group.applied();

    for (int i = 0; i < messages; i++) {
      publish(run("t", 0, "m" + i));
    }

    eventually(() -> cluster.stats(0).deliveredMessages() == messages);
    eventually(() -> all.stream().filter(one -> one.waitingEvents() > 0).count() == messages);
    assertEquals(consumers - messages, cluster.stats(0).parkedConsumers());
    long turns = cluster.stats(0).deliveryTurns() - before;
    assertTrue(turns <= 4L * messages, "turns " + turns);
    // Each message once and its grant, and nothing for those who wait.
    assertTrue(cluster.group.applied() - proposed <= 2L * messages);
  }

  private static boolean isStill(ApiStats stats) throws InterruptedException {
    long before = stats.deliveryTurns();
    Thread.onSpinWait();
    Awaitility.await().pollDelay(Duration.ofMillis(200)).until(() -> true);
    return stats.deliveryTurns() == before;
  }

  @Test
  void anOverloadedReplicaIsNotAskedInALoop() throws Exception {
    publish(run("t", 0, "a"));
    var consumer = TestConsumer.open(connect(), consumer("c", "g", "t"), 0);
    cluster.group.overload(true);
    consumer.credit(10);
    eventually(() -> cluster.stats(0).grants() >= 8);
    // Doubling pauses from 10 ms: the ninth grant comes after more than a second.
    long refused = cluster.stats(0).grants();
    assertTrue(refused < 12, "grants " + refused);

    cluster.group.overload(false);

    assertEquals(List.of("a"), TestConsumer.bodies(consumer.delivery()));
  }
}
