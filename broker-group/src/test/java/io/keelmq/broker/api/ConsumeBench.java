package io.keelmq.broker.api;

import com.google.protobuf.ByteString;
import io.keelmq.broker.api.testing.ApiCluster;
import io.keelmq.broker.api.testing.TestConsumer;
import io.keelmq.broker.api.testing.TestProducer;
import io.keelmq.v1.ConsumeResponse;
import io.keelmq.v1.Delivery;
import io.keelmq.v1.Message;
import io.keelmq.v1.SettlementKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Not a test: how fast consumers get and acknowledge 256-byte messages, with the real edge, gRPC
 * and state machine, and neither Raft nor disk below.
 *
 * <pre>
 * ConsumeBench [messages=400000] [queues=1] [consumers=1] [credit=2048] [acks=batch|each] [tags=*]
 * </pre>
 */
public final class ConsumeBench {

  private static final int RUN_MESSAGES = 200;

  private ConsumeBench() {}

  public static void main(String[] args) throws Exception {
    int messages = Integer.parseInt(arg(args, 0, "400000"));
    int queues = Integer.parseInt(arg(args, 1, "1"));
    int consumers = Integer.parseInt(arg(args, 2, "1"));
    int credit = Integer.parseInt(arg(args, 3, "2048"));
    boolean each = arg(args, 4, "batch").equals("each");
    String tags = arg(args, 5, "*");
    try (var cluster = new ApiCluster(1, 1)) {
      cluster.createTopic("t", queues);
      long published = System.nanoTime();
      publish(cluster, messages, queues);
      System.out.printf("published=%d in %d ms%n", messages, millisSince(published));
      ExecutorService threads = Executors.newCachedThreadPool();
      for (int round = 0; round < 3; round++) {
        String group = "g" + round;
        long begin = System.nanoTime();
        var left = new CountDownLatch(messages);
        var running = new ArrayList<Future<Long>>();
        for (int i = 0; i < consumers; i++) {
          String client = "c" + i;
          running.add(
              threads.submit(() -> consume(cluster, group, client, left, credit, each, tags)));
        }
        for (Future<Long> one : running) {
          one.get();
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        var stats = cluster.stats(0);
        System.out.printf(
            "messages/s=%.0f seconds=%.2f grants=%d empty=%d settleCommands=%d%n",
            messages / seconds,
            seconds,
            stats.grants(),
            stats.emptyGrants(),
            stats.settleCommands());
      }
      threads.shutdownNow();
    }
    System.exit(0);
  }

  private static String arg(String[] args, int index, String otherwise) {
    return index < args.length ? args[index] : otherwise;
  }

  private static long millisSince(long nanos) {
    return (System.nanoTime() - nanos) / 1_000_000;
  }

  private static void publish(ApiCluster cluster, int messages, int queues) throws Exception {
    var producer = TestProducer.open(cluster.asyncStreams(0), "p", 0);
    producer.opened();
    var body = ByteString.copyFrom(new byte[256]);
    List<Message> batch = new ArrayList<>();
    for (int i = 0; i < RUN_MESSAGES; i++) {
      batch.add(Message.newBuilder().setTag("tag" + i % 10).setBody(body).build());
    }
    int batches = messages / RUN_MESSAGES;
    int answered = 0;
    for (int i = 0; i < batches; i++) {
      producer.publish(i + 1, ApiCluster.run("t", i % queues, batch));
      if (i - answered >= 32) {
        producer.receipt();
        answered++;
      }
    }
    while (answered < batches) {
      producer.receipt();
      answered++;
    }
  }

  private static long consume(
      ApiCluster cluster,
      String group,
      String client,
      CountDownLatch left,
      int credit,
      boolean each,
      String tags)
      throws Exception {
    var consumer =
        TestConsumer.open(
            cluster.asyncStreams(0),
            TestConsumer.consumer(client, group, "t").setTags(tags),
            credit);
    long got = 0;
    int open = 0;
    while (left.getCount() > 0 || open > 0) {
      Optional<TestConsumer.Event> polled = consumer.poll(Duration.ofMillis(20));
      if (polled.isEmpty()) {
        continue;
      }
      ConsumeResponse event = polled.get().response();
      if (event.hasReceipt()) {
        open--;
      } else if (event.hasDelivery()) {
        Delivery delivery = event.getDelivery();
        int count = TestConsumer.messages(delivery);
        got += count;
        for (int i = 0; i < count; i++) {
          left.countDown();
        }
        consumer.credit(count);
        if (each) {
          for (long offset : TestConsumer.offsets(delivery)) {
            consumer.settle(
                TestConsumer.settlement(SettlementKind.ACK, delivery)
                    .addOffsets(
                        io.keelmq.v1.OffsetRange.newBuilder().setFirst(offset).setCount(1)));
            open++;
          }
        } else {
          consumer.ack(delivery);
          open++;
        }
      }
    }
    return got;
  }
}
