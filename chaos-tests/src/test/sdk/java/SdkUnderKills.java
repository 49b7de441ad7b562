import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;

/**
 * Sends and consumes for a while, whatever is killed meanwhile, and says what came of it: {@code
 * ENDPOINTS SECONDS}. Topics {@code kills-normal} (push consumer) and {@code kills-fifo} (simple
 * consumer of the FIFO group {@code kills-fifo}). One line of JSON; exit code 1 if a send failed,
 * or a message was lost, out of order, or came again behind its acknowledgement.
 */
final class SdkUnderKills {

  private static final ClientServiceProvider PROVIDER = ClientServiceProvider.loadService();
  private static final Duration EVERY = Duration.ofMillis(20);
  private static final Duration DRAIN = Duration.ofSeconds(90);
  private static final int MESSAGE_GROUPS = 4;
  private static final long[] PAUSES = {100, 300, 1_000, 2_000, 3_000, 5_000, Long.MAX_VALUE};

  private final ClientConfiguration configuration;
  private final long endNanos;
  private final Set<String> owed = ConcurrentHashMap.newKeySet();
  private final Set<String> acknowledged = ConcurrentHashMap.newKeySet();
  private final Map<String, Integer> next = new HashMap<>();
  private final AtomicInteger sends = new AtomicInteger();
  private final AtomicInteger sendErrors = new AtomicInteger();
  private final AtomicInteger afterAck = new AtomicInteger();
  private final AtomicInteger outOfOrder = new AtomicInteger();
  private final AtomicInteger receiveErrors = new AtomicInteger();
  private final AtomicInteger ackErrors = new AtomicInteger();
  private final AtomicInteger[] slowSends = new AtomicInteger[PAUSES.length];
  private volatile long slowestMillis;
  private volatile boolean drained;

  private SdkUnderKills(String endpoints, long seconds) {
    configuration = ClientConfiguration.newBuilder().setEndpoints(endpoints).build();
    endNanos = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
    for (int i = 0; i < slowSends.length; i++) {
      slowSends[i] = new AtomicInteger();
    }
  }

  public static void main(String[] args) throws Exception {
    int code = new SdkUnderKills(args[0], Long.parseLong(args[1])).run();
    System.out.flush();
    // Clients leave threads behind that are no daemons.
    Runtime.getRuntime().halt(code);
  }

  private int run() throws Exception {
    PROVIDER
        .newPushConsumerBuilder()
        .setClientConfiguration(configuration)
        .setConsumerGroup("kills-push")
        .setSubscriptionExpressions(Map.of("kills-normal", FilterExpression.SUB_ALL))
        .setMessageListener(
            message -> {
              took(text(message));
              acknowledged.add(text(message));
              return ConsumeResult.SUCCESS;
            })
        .build();
    var consuming = start(this::consumeInOrder);
    var senders = List.of(start(this::sendNormal), start(this::sendInOrder));
    for (Thread sender : senders) {
      sender.join();
    }
    long deadline = System.nanoTime() + DRAIN.toNanos();
    while (!owed.isEmpty() && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(EVERY.toNanos());
    }
    drained = true;
    consuming.join(DRAIN.toMillis());
    var pauses = new ArrayList<String>();
    for (int i = 0; i < PAUSES.length; i++) {
      pauses.add(slowSends[i].toString());
    }
    System.out.printf(
        "{\"sdk\":\"java\",\"sent\":%d,\"send_errors\":%d,\"lost\":%d,\"again_after_ack\":%d,"
            + "\"out_of_order\":%d,\"receive_errors\":%d,\"ack_errors\":%d,\"slowest_send_ms\":%d,"
            + "\"sends_up_to_100_300_1000_2000_3000_5000_more_ms\":[%s]}%n",
        sends.get(),
        sendErrors.get(),
        owed.size(),
        afterAck.get(),
        outOfOrder.get(),
        receiveErrors.get(),
        ackErrors.get(),
        slowestMillis,
        String.join(",", pauses));
    boolean holds =
        sendErrors.get() == 0 && owed.isEmpty() && afterAck.get() == 0 && outOfOrder.get() == 0;
    return holds ? 0 : 1;
  }

  private interface Work {
    void run() throws Exception;
  }

  private static Thread start(Work work) {
    var thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (Exception e) {
                e.printStackTrace();
                Runtime.getRuntime().halt(2);
              }
            });
    thread.start();
    return thread;
  }

  private static String text(MessageView message) {
    return StandardCharsets.UTF_8.decode(message.getBody()).toString();
  }

  private void took(String text) {
    owed.remove(text);
    if (acknowledged.contains(text)) {
      afterAck.incrementAndGet();
      System.err.println("came again behind its acknowledgement: " + text);
    }
  }

  private void sendNormal() throws Exception {
    send("kills-normal", Optional.empty());
  }

  private void sendInOrder() throws Exception {
    send("kills-fifo", Optional.of("group-"));
  }

  private void send(String topic, Optional<String> messageGroup) throws Exception {
    Producer producer =
        PROVIDER
            .newProducerBuilder()
            .setClientConfiguration(configuration)
            .setTopics(topic)
            .build();
    for (int i = 0; System.nanoTime() - endNanos < 0; i++) {
      int group = i % MESSAGE_GROUPS;
      String body = messageGroup.map(name -> name + group + ":").orElse("") + i / MESSAGE_GROUPS;
      String text = messageGroup.isPresent() ? body : "normal:" + i;
      var message =
          PROVIDER
              .newMessageBuilder()
              .setTopic(topic)
              .setBody(text.getBytes(StandardCharsets.UTF_8));
      messageGroup.ifPresent(name -> message.setMessageGroup(name + group));
      long began = System.nanoTime();
      // Before the send: it may be delivered before its receipt comes.
      owed.add(text);
      sends.incrementAndGet();
      try {
        producer.send(message.build());
      } catch (Exception e) {
        sendErrors.incrementAndGet();
        System.err.println("send of " + text + ": " + e);
        owed.remove(text);
      }
      noteMillis((System.nanoTime() - began) / 1_000_000);
      LockSupport.parkNanos(EVERY.toNanos());
    }
  }

  private synchronized void noteMillis(long millis) {
    slowestMillis = Math.max(slowestMillis, millis);
    int i = 0;
    while (millis > PAUSES[i]) {
      i++;
    }
    slowSends[i].incrementAndGet();
  }

  private void consumeInOrder() throws Exception {
    SimpleConsumer consumer =
        PROVIDER
            .newSimpleConsumerBuilder()
            .setClientConfiguration(configuration)
            .setConsumerGroup("kills-fifo")
            .setAwaitDuration(Duration.ofSeconds(5))
            .setSubscriptionExpressions(Map.of("kills-fifo", FilterExpression.SUB_ALL))
            .build();
    while (!drained) {
      try {
        for (MessageView message : consumer.receive(16, Duration.ofSeconds(15))) {
          inOrder(text(message));
          ack(consumer, message);
        }
      } catch (Exception e) {
        receiveErrors.incrementAndGet();
        System.err.println("receive: " + e);
      }
    }
  }

  /** A message may come again when its acknowledgement failed; it may not come before its turn. */
  private void inOrder(String text) {
    took(text);
    String group = text.substring(0, text.indexOf(':'));
    int number = Integer.parseInt(text.substring(text.indexOf(':') + 1));
    int expected = next.getOrDefault(group, 0);
    if (number > expected) {
      outOfOrder.incrementAndGet();
      System.err.println("expected number " + expected + " of its message group: " + text);
    }
    next.put(group, Math.max(expected, number + 1));
  }

  private void ack(SimpleConsumer consumer, MessageView message) {
    try {
      consumer.ack(message);
      acknowledged.add(text(message));
    } catch (Exception e) {
      ackErrors.incrementAndGet();
      System.err.println("ack of " + text(message) + ": " + e);
    }
  }
}
