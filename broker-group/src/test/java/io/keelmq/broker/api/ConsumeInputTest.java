package io.keelmq.broker.api;

import static io.keelmq.broker.api.testing.ApiCluster.run;
import static io.keelmq.broker.api.testing.TestConsumer.consumer;
import static io.keelmq.broker.api.testing.TestConsumer.settlement;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.TestConsumer;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.broker.state.Command;
import io.keelmq.broker.state.GroupKind;
import io.keelmq.v1.Code;
import io.keelmq.v1.ConsumeRequest;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.OffsetRange;
import io.keelmq.v1.OpenConsumer;
import io.keelmq.v1.Settle;
import io.keelmq.v1.Settlement;
import io.keelmq.v1.SettlementKind;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What does not fit gets its code, at the leader and through a follower. */
class ConsumeInputTest {

  private ApiCluster cluster;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(1, 2);
    cluster.createTopic("t", 1);
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private static OpenConsumer.Builder fine() {
    return consumer("c", "g", "t");
  }

  private static LeaseRef.Builder lease(int queue, int generation, long index, int ordinal) {
    return LeaseRef.newBuilder()
        .setQueue(queue)
        .setGeneration(generation)
        .setLogIndex(index)
        .setOrdinal(ordinal);
  }

  @Test
  void refusesToOpenWithEachCode() throws Exception {
    cluster.group.apply(new Command.CreateConsumerGroup("offsets", GroupKind.OFFSET));
    var tooManyTags = String.join("||", java.util.Collections.nCopies(65, "x"));
    var cases =
        List.of(
            Map.entry(fine().setClientId(""), Code.INVALID_ARGUMENT),
            Map.entry(fine().setClientId("x".repeat(256)), Code.INVALID_ARGUMENT),
            Map.entry(fine().setConsumerGroup("no spaces"), Code.ILLEGAL_CONSUMER_GROUP),
            Map.entry(fine().setConsumerGroup(""), Code.ILLEGAL_CONSUMER_GROUP),
            Map.entry(fine().setConsumerGroup("offsets"), Code.CONSUMER_GROUP_KIND_CONFLICT),
            Map.entry(fine().setTopic("no/slash"), Code.ILLEGAL_TOPIC),
            Map.entry(fine().setTopic("absent"), Code.TOPIC_NOT_FOUND),
            Map.entry(fine().setTags("a||"), Code.ILLEGAL_FILTER_EXPRESSION),
            Map.entry(fine().setTags("a || *"), Code.ILLEGAL_FILTER_EXPRESSION),
            Map.entry(fine().setTags("a|b"), Code.ILLEGAL_FILTER_EXPRESSION),
            Map.entry(fine().setTags("a\nb"), Code.ILLEGAL_FILTER_EXPRESSION),
            Map.entry(fine().setTags(tooManyTags), Code.ILLEGAL_FILTER_EXPRESSION),
            Map.entry(fine().setTags("x".repeat(4_097)), Code.ILLEGAL_FILTER_EXPRESSION),
            Map.entry(fine().setInvisibleMillis(999), Code.ILLEGAL_INVISIBLE_TIME),
            Map.entry(fine().setInvisibleMillis(-1), Code.ILLEGAL_INVISIBLE_TIME),
            Map.entry(fine().setInvisibleMillis(43_200_001), Code.ILLEGAL_INVISIBLE_TIME),
            Map.entry(fine().setMaxBatchMessages(-1), Code.INVALID_ARGUMENT),
            Map.entry(fine().setMaxBatchMessages(257), Code.INVALID_ARGUMENT),
            Map.entry(fine().addHeld(lease(-1, 0, 1, 0)), Code.INVALID_ARGUMENT),
            Map.entry(fine().addHeld(lease(1_024, 0, 1, 0)), Code.INVALID_ARGUMENT),
            Map.entry(fine().addHeld(lease(0, -1, 1, 0)), Code.INVALID_ARGUMENT),
            Map.entry(fine().addHeld(lease(0, 0, 0, 0)), Code.INVALID_ARGUMENT),
            Map.entry(fine().addHeld(lease(0, 0, 1, -1)), Code.INVALID_ARGUMENT),
            Map.entry(
                fine().addHeld(lease(0, 0, 1, 0)).addHeld(lease(0, 0, 1, 0)),
                Code.INVALID_ARGUMENT));
    for (int node = 0; node < 2; node++) {
      for (var one : cases) {
        var refused = TestConsumer.start(cluster.asyncStreams(node), one.getKey()).error();
        assertEquals(one.getValue(), refused.getCode(), one.getKey() + " at " + node);
        assertTrue(!refused.getMessage().isEmpty());
      }
    }
    assertEquals(0, cluster.stats(0).openConsumers());
  }

  @Test
  void refusesRequestsOutOfPlace() throws Exception {
    var close =
        ConsumeRequest.newBuilder().setClose(io.keelmq.v1.CloseConsumer.getDefaultInstance());
    var open = ConsumeRequest.newBuilder().setOpen(fine());
    var bad =
        List.of(
            ConsumeRequest.newBuilder(),
            open,
            credit(0),
            credit(-5),
            credit(ConsumeChecks.MAX_CREDIT + 1),
            settle(1),
            settle(0, settlement(SettlementKind.ACK, lease(0, 0, 1, 0).build())),
            settle(
                1,
                java.util.stream.Stream.generate(
                        () -> settlement(SettlementKind.ACK, lease(0, 0, 1, 0).build()))
                    .limit(257)
                    .toArray(Settlement.Builder[]::new)));
    for (int node = 0; node < 2; node++) {
      for (ConsumeRequest.Builder request : bad) {
        var consumer = TestConsumer.open(cluster.asyncStreams(node), fine(), 0);
        consumer.send(request);
        assertEquals(Code.INVALID_ARGUMENT, consumer.error().getCode(), request.toString());
      }
      var afterClose = TestConsumer.open(cluster.asyncStreams(node), fine(), 0);
      afterClose.send(close);
      afterClose.completed();
      var halfClosed = TestConsumer.open(cluster.asyncStreams(node), fine(), 0);
      halfClosed.halfClose();
      halfClosed.completed();
    }
    var falling = TestConsumer.open(cluster.asyncStreams(0), fine(), 0);
    falling.send(settle(5, settlement(SettlementKind.ACK, lease(0, 0, 1, 0).build())));
    falling.send(settle(5, settlement(SettlementKind.ACK, lease(0, 0, 1, 0).build())));
    TestConsumer.Event event = falling.next();
    if (event.error() == null) {
      event = falling.next();
    }
    assertEquals(Code.INVALID_ARGUMENT, event.error().getCode());
    var tooMuch = TestConsumer.open(cluster.asyncStreams(0), fine(), ConsumeChecks.MAX_CREDIT);
    tooMuch.credit(1);
    assertEquals(Code.INVALID_ARGUMENT, tooMuch.error().getCode());
  }

  private static ConsumeRequest.Builder credit(int messages) {
    return ConsumeRequest.newBuilder()
        .setCredit(io.keelmq.v1.Credit.newBuilder().setMessages(messages));
  }

  private static ConsumeRequest.Builder settle(long sequence, Settlement.Builder... settlements) {
    var settle = Settle.newBuilder().setSequence(sequence);
    for (Settlement.Builder settlement : settlements) {
      settle.addSettlements(settlement);
    }
    return ConsumeRequest.newBuilder().setSettle(settle);
  }

  @Test
  void aBadSettlementIsToldInItsResultAndTheOthersAreDone() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
    producer.publish(1, run("t", 0, "a", "b"));
    producer.receipt();
    var consumer = TestConsumer.open(cluster.asyncStreams(1), fine(), 10);
    Delivery delivery = consumer.delivery();
    var big = OffsetRange.newBuilder().setFirst(0).setCount(1_025);
    var twice = OffsetRange.newBuilder().setFirst(0).setCount(1);

    consumer.settle(
        settlement(SettlementKind.SETTLEMENT_KIND_UNSPECIFIED, delivery),
        Settlement.newBuilder().setKind(SettlementKind.ACK),
        settlement(SettlementKind.NACK, delivery).setMillis(-1),
        settlement(SettlementKind.NACK, delivery).setMillis(43_200_001),
        settlement(SettlementKind.EXTEND, delivery).setMillis(999),
        settlement(SettlementKind.EXTEND, delivery),
        settlement(SettlementKind.ACK, delivery).setMillis(5),
        settlement(SettlementKind.ACK, delivery).addOffsets(twice).addOffsets(twice),
        settlement(SettlementKind.ACK, delivery)
            .addOffsets(OffsetRange.newBuilder().setFirst(-1).setCount(1)),
        settlement(SettlementKind.ACK, delivery).addOffsets(OffsetRange.newBuilder().setFirst(1)),
        settlement(SettlementKind.ACK, delivery)
            .addOffsets(OffsetRange.newBuilder().setFirst(Long.MAX_VALUE).setCount(1)),
        settlement(SettlementKind.ACK, delivery).addOffsets(big),
        settlement(SettlementKind.ACK, lease(9, 0, 1, 0).build()),
        settlement(SettlementKind.ACK, lease(0, 7, 1, 0).build()),
        settlement(SettlementKind.ACK, delivery));

    assertEquals(
        List.of(
            Code.INVALID_ARGUMENT,
            Code.INVALID_ARGUMENT,
            Code.ILLEGAL_INVISIBLE_TIME,
            Code.ILLEGAL_INVISIBLE_TIME,
            Code.ILLEGAL_INVISIBLE_TIME,
            Code.ILLEGAL_INVISIBLE_TIME,
            Code.INVALID_ARGUMENT,
            Code.ILLEGAL_OFFSET,
            Code.ILLEGAL_OFFSET,
            Code.ILLEGAL_OFFSET,
            Code.ILLEGAL_OFFSET,
            Code.INVALID_ARGUMENT,
            Code.QUEUE_NOT_FOUND,
            Code.LEASE_NOT_FOUND,
            Code.OK),
        consumer.receipt().getResultsList().stream().map(result -> result.getCode()).toList());
  }

  @Test
  void saysThatThereIsNoLeaderWhenItIsHeldForTooLong() throws Exception {
    var consumer = TestConsumer.open(cluster.asyncStreams(1), fine(), 10);
    var atLeader = TestConsumer.open(cluster.asyncStreams(0), fine().setClientId("d"), 10);

    cluster.group.elect(-1);

    assertEquals(Code.NO_LEADER, consumer.error().getCode());
    assertEquals(Code.NO_LEADER, atLeader.error().getCode());
    var late = TestConsumer.start(cluster.asyncStreams(1), fine());
    cluster.group.elect(1);
    late.opened();
    cluster.group.elect(0);
    var hinted = late.error();
    assertEquals(Code.NO_LEADER, hinted.getCode());
    assertEquals("n0", hinted.getLeaderNode());
  }

  @Test
  void refusesWithoutAGroupAndWhenItStops() throws Exception {
    var consumer = TestConsumer.open(cluster.asyncStreams(1), fine(), 10);
    cluster.server(1).setReady(false);
    Thread stopping =
        new Thread(
            () -> {
              try {
                cluster.server(1).stop(java.time.Duration.ofSeconds(5));
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    stopping.start();
    assertEquals(Code.SHUTTING_DOWN, consumer.error().getCode());
    stopping.join();

    cluster.group.uninitialize();
    assertEquals(
        Code.NOT_INITIALIZED,
        TestConsumer.start(cluster.asyncStreams(0), fine()).error().getCode());
  }
}
