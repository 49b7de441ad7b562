package io.keelmq.broker.api;

import static io.keelmq.broker.api.testing.ApiCluster.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.v1.Code;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PublishTest {

  private ApiCluster cluster;

  @BeforeEach
  void start() throws Exception {
    cluster = new ApiCluster(1, 3);
    cluster.createTopic("t", 2);
  }

  @AfterEach
  void stop() throws Exception {
    cluster.close();
  }

  @Test
  void answersBatchesInTheirOrderWithOffsets() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    assertEquals(64, producer.opened().getMaxInFlightBatches());

    producer.publish(1, run("t", 0, "a", "b"), run("t", 1, "c"));
    producer.publish(2, run("t", 0, "d"));
    var first = producer.receipt();
    var second = producer.receipt();

    assertEquals(List.of(0L, 0L), first.getFirstOffsetsList());
    assertEquals(2, second.getSequence());
    assertEquals(List.of(2L), second.getFirstOffsetsList());
    assertFalse(second.getDuplicate());
  }

  @Test
  void givesTheFirstReceiptToABatchPublishedAgainElsewhere() throws Exception {
    var before = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    before.opened();
    before.publish(1, run("t", 0, "a"));
    before.receipt();

    var after = TestProducer.open(cluster.asyncStreams(1), "p", 0);
    assertEquals(1, after.opened().getLastSequence());
    after.publish(1, run("t", 0, "a"));

    var receipt = after.receipt();
    assertEquals(Code.OK, receipt.getCode());
    assertTrue(receipt.getDuplicate());
    assertEquals(1, cluster.stats(1).forwards());
  }

  @Test
  void tellsAGapThatIsTheProducersOwn() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
    producer.publish(1, run("t", 0, "a"));
    producer.publish(3, run("t", 0, "c"));

    producer.receipt();
    assertEquals(Code.SEQUENCE_GAP, producer.receipt().getCode());
  }

  @Test
  void rejectsABatchAndLetsTheProducerGoOn() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(1), "p", 0);
    producer.opened();
    producer.publish(1, run("nowhere", 0, "a"));
    producer.publish(2, run("t", 0, "b"));

    assertEquals(Code.TOPIC_NOT_FOUND, producer.receipt().getCode());
    assertEquals(Code.PRODUCER_UNKNOWN, producer.receipt().getCode());
    producer.publish(1, run("t", 0, "b"));
    assertEquals(Code.OK, producer.receipt().getCode());
  }

  @Test
  void fencesAnOlderEpochAtOpen() throws Exception {
    var newer = TestProducer.open(cluster.asyncStreams(0), "p", 5);
    newer.opened();
    newer.publish(1, run("t", 0, "a"));
    newer.receipt();

    var older = TestProducer.open(cluster.asyncStreams(2), "p", 4);

    assertEquals(Code.PRODUCER_FENCED, older.error().getCode());
  }

  @Test
  void holdsBatchesUntilALeaderIsElected() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(1), "p", 0);
    producer.opened();
    cluster.group.elect(-1);
    producer.publish(1, run("t", 0, "a"));
    Awaitility.await().until(() -> cluster.stats(1).holds() == 1);

    cluster.group.elect(2);

    assertEquals(Code.OK, producer.receipt().getCode());
  }

  @Test
  void saysNoLeaderOfABatchThatWasNeverProposed() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(1), "p", 0);
    producer.opened();
    cluster.group.elect(-1);
    producer.publish(1, run("t", 0, "a"));

    assertEquals(Code.NO_LEADER, producer.receipt().getCode());
  }

  @Test
  void saysOutcomeUnknownOfABatchThatMayBeStored() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
    cluster.group.pauseApply(true);
    producer.publish(1, run("t", 0, "a"));
    Awaitility.await().until(() -> cluster.stats(0).inFlightBytes() > 0);
    cluster.group.elect(-1);

    assertEquals(Code.OUTCOME_UNKNOWN, producer.receipt().getCode());
    cluster.group.pauseApply(false);
    cluster.group.elect(1);
    producer.publish(1, run("t", 0, "a"));
    assertEquals(Code.OK, producer.receipt().getCode());
    assertEquals(1, cluster.group.state().bounds(1, 0).endOffset());
  }

  @Test
  void saysTooManyRequestsWhenOverloadDoesNotEnd() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(1), "p", 0);
    producer.opened();
    cluster.group.overload(true);
    producer.publish(1, run("t", 0, "a"));

    assertEquals(Code.TOO_MANY_REQUESTS, producer.receipt().getCode());
  }

  @Test
  void saysDiskFullAtOnce() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
    cluster.group.fillDisk(true);
    producer.publish(1, run("t", 0, "a"));

    assertEquals(Code.DISK_FULL, producer.receipt().getCode());
  }

  @Test
  void takesNoMoreBatchesThanTheWindowHolds() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
    cluster.group.pauseApply(true);
    for (int sequence = 1; sequence <= 200; sequence++) {
      producer.publish(sequence, run("t", 0, "x".repeat(1_000)));
    }

    Awaitility.await().until(() -> cluster.stats(0).inFlightBytes() >= 64 * 1_000);
    // No condition tells that no more will come; that none has come is told by what follows.
    cluster.group.pauseApply(false);
    for (int sequence = 1; sequence <= 200; sequence++) {
      assertEquals(sequence, producer.receipt().getSequence());
    }
    assertTrue(cluster.group.mostQueued() <= 64, "queued: " + cluster.group.mostQueued());
  }

  @Test
  void endsStreamsWithShuttingDownAfterTheirReceipts() throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
    producer.publish(1, run("t", 0, "a"));
    assertEquals(Code.OK, producer.receipt().getCode());

    cluster.server(0).stop(Duration.ofSeconds(5));

    assertEquals(Code.SHUTTING_DOWN, producer.error().getCode());
    assertEquals(0, cluster.stats(0).openProducers());
    assertEquals(0, cluster.stats(0).inFlightBytes());
  }

  @Test
  void wantsTheProducerOpenedFirst() throws Exception {
    var producer = new TestProducer(cluster.asyncStreams(0));
    producer.publish(1, run("t", 0, "a"));

    assertEquals(Code.INVALID_ARGUMENT, producer.error().getCode());
  }
}
