package io.keelmq.chaos;

import io.keelmq.client.ConsumedMessage;
import io.keelmq.client.Consumer;
import io.keelmq.client.KeelClient;
import io.keelmq.client.OutgoingMessage;
import io.keelmq.client.Producer;
import io.keelmq.client.Unavailable;
import io.keelmq.common.Json;
import io.keelmq.local.ClusterFailure;
import io.keelmq.local.LocalCluster;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.ScratchCluster;
import io.keelmq.local.Waiting;
import io.keelmq.v1.ConsumerGroup;
import io.keelmq.v1.ConsumerGroupKind;
import io.keelmq.v1.QueueProgress;
import io.keelmq.v1.TopicType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures what one message group that stands still costs the others of its queue: the time in
 * which a FIFO consumer group takes and acknowledges messages of other message groups, once with
 * nothing before them, once with a message that its consumer never settles and very many of its
 * message group behind it. Both in turn, some times, each with a topic of one queue.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.BlockedGroupBench}
 */
@Command(
    name = "blocked-group-bench",
    description = "Throughput beside a blocked message group and without one, as JSON.")
public final class BlockedGroupBench implements Callable<Integer> {

  private static final int OTHER_GROUPS = 256;
  private static final int MAX_IN_FLIGHT = 4_096;
  private static final int MAX_RECEIVE = 512;
  private static final Duration DEADLINE = Duration.ofMinutes(5);

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(
      names = "--blocked",
      defaultValue = "1000000",
      description = "Messages of the blocked message group (default: ${DEFAULT-VALUE}).")
  int blocked;

  @Option(
      names = "--messages",
      defaultValue = "100000",
      description = "Of other message groups, in each measurement (default: ${DEFAULT-VALUE}).")
  int messages;

  @Option(
      names = "--rounds",
      defaultValue = "3",
      description = "Measurements of each kind (default: ${DEFAULT-VALUE}).")
  int rounds;

  @Option(
      names = "--body",
      defaultValue = "256",
      description = "Bytes of a message (default: ${DEFAULT-VALUE}).")
  int bodyBytes;

  private BlockedGroupBench() {}

  public static void main(String[] args) {
    LocalProgram.main(new BlockedGroupBench(), args);
  }

  @Override
  public Integer call() {
    try (var scratch = ScratchCluster.create(options -> options)) {
      LocalCluster cluster = scratch.cluster();
      cluster.start(LocalCluster.START_DEADLINE);
      try (var client = KeelClient.connect(cluster.endpoints())) {
        var free = new ArrayList<Double>();
        var beside = new ArrayList<Double>();
        // The first of all warms up and does not count.
        measure(client, "warm-up", false);
        for (int i = 0; i < rounds; i++) {
          free.add(told("none blocked", measure(client, "free-" + i, false)));
          beside.add(told("one blocked", measure(client, "beside-" + i, true)));
        }
        System.out.println(
            new Json()
                .put("blocked_messages", blocked)
                .put("messages", messages)
                .put("body_bytes", bodyBytes)
                .put("none_blocked_per_second", median(free))
                .put("one_blocked_per_second", median(beside))
                .put("ratio", Math.round(median(beside) / median(free) * 1e3) / 1e3)
                .putNumbers("none_blocked_each", free)
                .putNumbers("one_blocked_each", beside));
      }
    }
    return 0;
  }

  private double measure(KeelClient client, String topic, boolean block) {
    client.admin().createTopic(topic, TopicType.FIFO, 1, Duration.ZERO);
    client
        .admin()
        .createConsumerGroup(
            ConsumerGroup.newBuilder()
                .setConsumerGroup(topic)
                .setKind(ConsumerGroupKind.LEASE)
                .setFifo(true)
                .build());
    if (!block) {
      send(client, topic, messages, OTHER_GROUPS);
      return consume(client, topic);
    }
    try (Consumer holder = consumer(client, topic, 1)) {
      send(client, topic, 1, 0);
      // Never settled while the others are measured.
      receive(holder, 1);
      send(client, topic, blocked, 0);
      try (Consumer scout = consumer(client, topic, MAX_IN_FLIGHT)) {
        awaitBlocked(client, topic, scout);
      }
      send(client, topic, messages, OTHER_GROUPS);
      return consume(client, topic);
    }
  }

  /** Messages a second, from the opening of the consumer to the last acknowledgement. */
  private double consume(KeelClient client, String topic) {
    long beganNanos = System.nanoTime();
    var unanswered = new Semaphore(0);
    try (Consumer consumer = consumer(client, topic, MAX_IN_FLIGHT)) {
      for (int taken = 0; taken < messages; ) {
        List<ConsumedMessage> some = receive(consumer, MAX_RECEIVE);
        taken += some.size();
        for (ConsumedMessage message : some) {
          message
              .ack()
              .whenComplete(
                  (nothing, failure) -> {
                    if (failure == null) {
                      unanswered.release();
                    }
                  });
        }
      }
      acquire(unanswered);
      return messages / ((System.nanoTime() - beganNanos) / 1e9);
    }
  }

  private void acquire(Semaphore acked) {
    try {
      if (!acked.tryAcquire(messages, DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
        throw new ClusterFailure(
            ClusterFailure.Kind.FAILED, acked.availablePermits() + " acks of " + messages);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClusterFailure(ClusterFailure.Kind.FAILED, "interrupted", e);
    }
  }

  private void awaitBlocked(KeelClient client, String topic, Consumer scout) {
    boolean inspected =
        Waiting.until(
            DEADLINE,
            () -> {
              if (!scout.receive(1, Duration.ofMillis(1)).isEmpty()) {
                throw new ClusterFailure(
                    ClusterFailure.Kind.FAILED, "a message of the blocked group was delivered");
              }
              QueueProgress queue = client.admin().describeConsumerGroup(topic).getQueues(0);
              return queue.getBlocked() >= blocked;
            });
    if (!inspected) {
      throw new ClusterFailure(
          ClusterFailure.Kind.FAILED,
          "not blocked in "
              + DEADLINE
              + ": "
              + client.admin().describeConsumerGroup(topic).getQueues(0));
    }
  }

  private static Consumer consumer(KeelClient client, String topic, int maxInFlight) {
    return client.consumer().group(topic).topic(topic).maxInFlight(maxInFlight).open();
  }

  private static List<ConsumedMessage> receive(Consumer consumer, int max) {
    long endNanos = System.nanoTime() + DEADLINE.toNanos();
    while (System.nanoTime() - endNanos < 0) {
      try {
        List<ConsumedMessage> some = consumer.receive(max, Duration.ofSeconds(1));
        if (!some.isEmpty()) {
          return some;
        }
      } catch (Unavailable e) {
        // It keeps trying.
        Thread.onSpinWait();
      }
    }
    throw new ClusterFailure(ClusterFailure.Kind.FAILED, "no message in " + DEADLINE);
  }

  /**
   * @param groups message groups in turn; 0: all of the one that is blocked
   */
  private void send(KeelClient client, String topic, int count, int groups) {
    byte[] body = new byte[bodyBytes];
    var inFlight = new Semaphore(20_000);
    try (Producer producer = client.producer().deliveryTimeout(DEADLINE).open()) {
      for (int i = 0; i < count; i++) {
        inFlight.acquire();
        producer
            .send(
                OutgoingMessage.builder(topic)
                    .messageGroup(groups == 0 ? "blocked" : "g" + i % groups)
                    .body(body)
                    .build())
            .whenComplete((receipt, failure) -> inFlight.release());
      }
      producer.flush(DEADLINE);
      if (producer.stats().failedMessages() > 0) {
        throw new ClusterFailure(ClusterFailure.Kind.FAILED, "sends failed");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClusterFailure(ClusterFailure.Kind.FAILED, "interrupted", e);
    }
  }

  private static double told(String what, double perSecond) {
    System.err.printf(Locale.ROOT, "%s: %.0f messages/s%n", what, perSecond);
    return Math.round(perSecond);
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().toList().get((values.size() - 1) / 2);
  }
}
