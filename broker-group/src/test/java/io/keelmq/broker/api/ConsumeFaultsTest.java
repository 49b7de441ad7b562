package io.keelmq.broker.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.FakeGroup;
import io.keelmq.broker.api.testing.TestConsumer;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.v1.Code;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.LeaseRef;
import io.keelmq.v1.SettleReceipt;
import io.keelmq.v1.SettlementKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Goal: through any replica, while leadership moves and proposals are turned away, every message is
 * delivered and acknowledged, and none under two leases, because no lease ends here.
 *
 * <p>Method: three consumers of one group, each over another replica, acknowledge one lease after
 * the other; after every so many messages the lead is taken away and given to somebody else, at
 * times after a pause without one. A consumer whose stream ends opens it again with what it holds.
 * Time stands still, so that no lease ends by itself and no broken stream is cut.
 */
class ConsumeFaultsTest {

  private static final int QUEUES = 2;
  private static final int MESSAGES = 3_000;
  private static final int MESSAGES_BETWEEN_ELECTIONS = 250;

  private final AtomicInteger reopened = new AtomicInteger();

  @Test
  void deliversEveryMessageUnderOneLease() throws Exception {
    String given = System.getProperty("seed");
    long[] seeds = given == null ? new long[] {1, 2, 3, 4} : new long[] {Long.parseLong(given)};
    for (long seed : seeds) {
      run(seed);
    }
  }

  private void run(long seed) throws Exception {
    try (var cluster = new ApiCluster(new FakeGroup(seed, 3), 3, () -> 1_000_000L)) {
      cluster.createTopic("t", QUEUES);
      publish(cluster);
      cluster.group.overloadPercent(2);
      // By queue and offset: the lease under which it was delivered.
      var delivered = new ConcurrentHashMap<String, LeaseRef>();
      var acked = new AtomicInteger();
      ExecutorService threads =
          Executors.newCachedThreadPool(
              work -> {
                var thread = new Thread(work, "consumer");
                thread.setDaemon(true);
                return thread;
              });
      var done = new CountDownLatch(3);
      var running = new ArrayList<Future<Void>>();
      for (int node = 0; node < 3; node++) {
        int at = node;
        running.add(
            threads.submit(
                () -> {
                  try {
                    return consume(cluster, at, delivered, acked, seed);
                  } finally {
                    done.countDown();
                  }
                }));
      }
      var random = new SplittableRandom(seed);
      int elections = 0;
      int next = MESSAGES_BETWEEN_ELECTIONS;
      while (done.getCount() > 0) {
        if (acked.get() >= next) {
          next = acked.get() + random.nextInt(2 * MESSAGES_BETWEEN_ELECTIONS);
          if (random.nextBoolean()) {
            cluster.group.elect(-1);
          }
          cluster.group.elect(random.nextInt(3));
          elections++;
        }
        done.await(1, TimeUnit.MILLISECONDS);
        for (Future<Void> one : running) {
          if (one.isDone()) {
            // One that failed leaves the others waiting for what it has.
            one.get();
          }
        }
      }
      for (Future<Void> one : running) {
        one.get(60, TimeUnit.SECONDS);
      }
      threads.shutdown();

      assertEquals(MESSAGES, delivered.size(), "seed " + seed);
      long reopenedHere = 0;
      for (int node = 0; node < 3; node++) {
        reopenedHere += cluster.stats(node).reopenedConsumers();
      }
      System.out.printf(
          "seed=%d elections=%d reopenedByClients=%d reopenedByReplicas=%d%n",
          seed, elections, reopened.get(), reopenedHere);
      // Otherwise the faults did not hit and the run has shown nothing.
      assertTrue(elections > 3 && reopenedHere > 0, "seed " + seed);
    }
  }

  private static void publish(ApiCluster cluster) throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
    int sequence = 0;
    for (int from = 0; from < MESSAGES; from += 50) {
      String[] bodies =
          IntStream.range(from, from + 50).mapToObj(i -> "m" + i).toArray(String[]::new);
      producer.publish(++sequence, ApiCluster.run("t", sequence % QUEUES, bodies));
      assertEquals(Code.OK, producer.receipt().getCode());
    }
  }

  private Void consume(
      ApiCluster cluster, int node, Map<String, LeaseRef> delivered, AtomicInteger acked, long seed)
      throws Exception {
    // Leases without a receipt, and how many messages they have.
    var held = new LinkedHashMap<LeaseRef, Integer>();
    while (acked.get() < MESSAGES) {
      var open = TestConsumer.consumer("c" + node, "g", "t").setMaxBatchMessages(10);
      open.addAllHeld(held.keySet());
      var consumer = TestConsumer.start(cluster.asyncStreams(node), open);
      TestConsumer.Event event = consumer.next();
      if (event.error() != null) {
        reopened.incrementAndGet();
        continue;
      }
      // What is lost was acknowledged, and its receipt was lost.
      for (LeaseRef lease : event.response().getOpened().getLostList()) {
        acked.addAndGet(held.remove(lease));
      }
      consumer.credit(40);
      var asked = new HashMap<Long, LeaseRef>();
      List.copyOf(held.keySet()).forEach(lease -> asked.put(ack(consumer, lease), lease));
      while (acked.get() < MESSAGES) {
        var polled = consumer.poll(Duration.ofMillis(20));
        if (polled.isEmpty()) {
          continue;
        }
        if (polled.get().response() == null) {
          reopened.incrementAndGet();
          break;
        }
        var response = polled.get().response();
        if (response.hasDelivery()) {
          Delivery delivery = response.getDelivery();
          assertEquals(1, delivery.getAttempt(), "seed " + seed);
          for (long offset : TestConsumer.offsets(delivery)) {
            LeaseRef other =
                delivered.put(delivery.getLease().getQueue() + "/" + offset, delivery.getLease());
            if (other != null) {
              throw new AssertionError(
                  "seed " + seed + ": offset " + offset + " by " + other + " and " + delivery);
            }
          }
          held.put(delivery.getLease(), TestConsumer.messages(delivery));
          asked.put(ack(consumer, delivery.getLease()), delivery.getLease());
        } else if (response.hasReceipt()) {
          SettleReceipt receipt = response.getReceipt();
          // Nothing was leased any more if the acknowledgement was repeated by a replica.
          Integer messages = held.remove(asked.get(receipt.getSequence()));
          acked.addAndGet(messages);
          consumer.credit(messages);
        }
      }
      consumer.cancel();
    }
    return null;
  }

  private static long ack(TestConsumer consumer, LeaseRef lease) {
    return consumer.settle(TestConsumer.settlement(SettlementKind.ACK, lease));
  }
}
