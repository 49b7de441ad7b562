package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.v1.BatchReceipt;
import io.keelmq.v1.Message;
import io.keelmq.v1.ReadRequest;
import io.keelmq.v1.ReadResponse;
import io.keelmq.v1.Run;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * Goal: through any replica, while leadership moves and proposals are turned away, every batch that
 * got its receipt is stored once, in order, at the offsets that the receipt says.
 *
 * <p>Method: three producers, each over another replica and each with its own queue, keep up to 16
 * batches in flight; after every so many receipts the lead is taken away and given to somebody
 * else. A producer opens its stream again where the edge gives up, and publishes what has no
 * receipt, as the protocol says. At the end each queue is read and compared.
 */
class PublishFaultsTest {

  private static final int BATCHES = 400;
  private static final int IN_FLIGHT = 16;
  private static final int RECEIPTS_BETWEEN_ELECTIONS = 60;

  private final AtomicLong receipts = new AtomicLong();
  private final AtomicInteger reopened = new AtomicInteger();

  @Test
  void storesEveryBatchOnceAndInOrder() throws Exception {
    for (long seed : seeds()) {
      run(seed);
    }
  }

  private static long[] seeds() {
    String given = System.getProperty("seed");
    return given == null ? new long[] {11, 12, 13, 14, 15, 16} : new long[] {Long.parseLong(given)};
  }

  private void run(long seed) throws Exception {
    try (var cluster = new ApiCluster(seed, 3)) {
      cluster.createTopic("t", 3);
      cluster.group.overloadPercent(2);
      ExecutorService threads = Executors.newCachedThreadPool();
      var done = new CountDownLatch(3);
      var producers = new ArrayList<Future<List<Long>>>();
      for (int node = 0; node < 3; node++) {
        int at = node;
        producers.add(
            threads.submit(
                () -> {
                  try {
                    return produce(cluster, at);
                  } finally {
                    done.countDown();
                  }
                }));
      }
      int elections = elect(cluster, seed, done);

      for (int node = 0; node < 3; node++) {
        List<Long> offsets = producers.get(node).get(60, TimeUnit.SECONDS);
        List<String> stored = stored(cluster, node);
        assertEquals(BATCHES * 2, stored.size(), "seed " + seed + " queue " + node);
        for (int batch = 0; batch < BATCHES; batch++) {
          assertEquals(2L * batch, offsets.get(batch), "seed " + seed + " batch " + batch);
          assertEquals("b" + batch + ".0", stored.get(2 * batch), "seed " + seed);
          assertEquals("b" + batch + ".1", stored.get(2 * batch + 1), "seed " + seed);
        }
      }
      threads.shutdownNow();
      long republished = 0;
      long forwards = 0;
      for (int node = 0; node < 3; node++) {
        republished += cluster.stats(node).republished();
        forwards += cluster.stats(node).forwards();
      }
      System.out.printf(
          "seed=%d elections=%d republished=%d forwards=%d reopened=%d%n",
          seed, elections, republished, forwards, reopened.get());
      // Otherwise the faults did not hit and the run has shown nothing.
      assertTrue(elections > 3 && republished > 0 && forwards > 3, "seed " + seed);
    }
  }

  private int elect(ApiCluster cluster, long seed, CountDownLatch done) throws Exception {
    var random = new SplittableRandom(seed);
    int elections = 0;
    long next = receipts.get() + RECEIPTS_BETWEEN_ELECTIONS;
    while (!done.await(1, TimeUnit.MILLISECONDS)) {
      if (receipts.get() >= next) {
        next = receipts.get() + random.nextInt(RECEIPTS_BETWEEN_ELECTIONS * 2);
        if (random.nextBoolean()) {
          cluster.group.elect(-1);
          done.await(random.nextInt(30), TimeUnit.MILLISECONDS);
        }
        cluster.group.elect(random.nextInt(3));
        elections++;
      }
    }
    return elections;
  }

  /** Returns the first offset that the receipt of each batch told. */
  private List<Long> produce(ApiCluster cluster, int node) throws Exception {
    var offsets = new ArrayList<Long>();
    while (offsets.size() < BATCHES) {
      var producer = TestProducer.open(cluster.asyncStreams(node), "p" + node, 0);
      if (producer.next().response() == null) {
        continue;
      }
      if (publish(producer, node, offsets)) {
        producer.requests.onCompleted();
      } else {
        reopened.incrementAndGet();
        producer.requests.onError(new IllegalStateException("opened again"));
      }
    }
    return offsets;
  }

  /** False if something came back after which the producer has to open again. */
  private boolean publish(TestProducer producer, int node, List<Long> offsets) throws Exception {
    int published = offsets.size();
    while (offsets.size() < BATCHES) {
      while (published < BATCHES && published - offsets.size() < IN_FLIGHT) {
        producer.publish(published + 1, batch(node, published));
        published++;
      }
      TestProducer.Event event = producer.next();
      if (event.response() == null) {
        return false;
      }
      BatchReceipt receipt = event.response().getReceipt();
      assertEquals(offsets.size() + 1, receipt.getSequence());
      switch (receipt.getCode()) {
        case OK -> {
          offsets.add(receipt.getFirstOffsets(0));
          receipts.incrementAndGet();
        }
        case NO_LEADER, OUTCOME_UNKNOWN, TOO_MANY_REQUESTS -> {
          return false;
        }
        default -> throw new AssertionError("node " + node + ": " + receipt);
      }
    }
    return true;
  }

  private static Run batch(int node, int number) {
    return ApiCluster.run("t", node, "b" + number + ".0", "b" + number + ".1");
  }

  private static List<String> stored(ApiCluster cluster, int queue) throws IOException {
    var bodies = new ArrayList<String>();
    Iterator<ReadResponse> events =
        cluster
            .streams(queue)
            .read(
                ReadRequest.newBuilder()
                    .setTopic("t")
                    .addQueues(ReadRequest.QueueStart.newBuilder().setQueue(queue))
                    .build());
    while (events.hasNext()) {
      ReadResponse event = events.next();
      if (event.hasBatch()) {
        assertEquals(bodies.size(), event.getBatch().getFirstOffset());
        InputStream records = event.getBatch().getRecords().newInput();
        for (int i = 0; i < event.getBatch().getCount(); i++) {
          bodies.add(Message.parseDelimitedFrom(records).getBody().toStringUtf8());
        }
        assertEquals(0, records.available());
      }
    }
    return bodies;
  }
}
