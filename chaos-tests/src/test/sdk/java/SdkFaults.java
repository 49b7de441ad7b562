import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientException;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;
import org.apache.rocketmq.client.apis.producer.Transaction;
import org.apache.rocketmq.client.apis.producer.TransactionResolution;

/** The program of README.md that goes on while brokers die, with the Java SDK. */
final class SdkFaults {

  private static final ClientServiceProvider PROVIDER = ClientServiceProvider.loadService();
  private static final int MESSAGE_GROUPS = 4;
  private static final Duration INVISIBLE = Duration.ofSeconds(15);
  private static final Duration AWAIT = Duration.ofSeconds(5);

  private final ClientConfiguration configuration;
  private final String prefix;
  private final CountDownLatch stopping = new CountDownLatch(1);

  private interface Work<T> {
    T run() throws ClientException;
  }

  private SdkFaults(String endpoints, String prefix, boolean plaintext) {
    var builder = ClientConfiguration.newBuilder().setEndpoints(endpoints);
    // TLS is what the SDK does by itself, and verifies nothing.
    this.configuration = (plaintext ? builder.enableSsl(false) : builder).build();
    this.prefix = prefix;
  }

  public static void main(String[] args) throws Exception {
    new SdkFaults(args[0], args[1], args.length > 2 && args[2].equals("plaintext")).run();
    System.out.flush();
    // Clients leave threads behind that are no daemons.
    Runtime.getRuntime().halt(0);
  }

  private void run() throws Exception {
    Producer normal = producer("normal");
    Producer fifo = producer("fifo");
    Producer delay = producer("delay");
    Producer transaction = producer("transaction");
    startPush();
    SimpleConsumer simple = simple();
    start(() -> consume(simple));
    List<Thread> lanes = new ArrayList<>();
    lanes.add(start(() -> every(50, number -> normal(normal, number))));
    lanes.add(start(() -> every(50, number -> fifo(fifo, number))));
    lanes.add(start(() -> every(200, number -> delay(delay, number))));
    lanes.add(start(() -> every(200, number -> transaction(transaction, number))));
    say("open");
    var orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    orders.readLine();
    stopping.countDown();
    for (Thread lane : lanes) {
      lane.join();
    }
    say("stopped");
    orders.readLine();
  }

  private static Thread start(Runnable work) {
    var thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (Throwable e) {
                // A lane that ended unseen would leave less to check.
                e.printStackTrace();
                Runtime.getRuntime().halt(2);
              }
            });
    thread.start();
    return thread;
  }

  private static void say(Object... words) {
    var line = new ArrayList<String>();
    for (Object word : words) {
      line.add(word.toString());
    }
    System.out.println(String.join("\t", line));
  }

  /** Tells what came of it; null if it failed. */
  private static <T> T call(String kind, String key, Work<T> work) {
    long began = System.currentTimeMillis();
    T result = null;
    String told = "ok";
    try {
      result = work.run();
    } catch (ClientException | RuntimeException e) {
      told = e.toString().replaceAll("\\s+", " ");
    }
    say("call", kind, key, began, System.currentTimeMillis() - began, told);
    return result;
  }

  private void every(long millis, IntFunction<?> work) {
    try {
      for (int number = 0; !stopping.await(millis, TimeUnit.MILLISECONDS); number++) {
        work.apply(number);
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private String topic(String lane) {
    return prefix + "-" + lane;
  }

  private Producer producer(String lane) throws ClientException {
    var builder =
        PROVIDER.newProducerBuilder().setClientConfiguration(configuration).setTopics(topic(lane));
    if (lane.equals("transaction")) {
      builder.setTransactionChecker(half -> TransactionResolution.COMMIT);
    }
    return builder.build();
  }

  private MessageBuilder message(String lane, String key) {
    return PROVIDER
        .newMessageBuilder()
        .setTopic(topic(lane))
        .setBody(key.getBytes(StandardCharsets.UTF_8));
  }

  private SendReceipt normal(Producer producer, int number) {
    String key = "normal-" + number;
    return call("send-normal", key, () -> producer.send(message("normal", key).build()));
  }

  private SendReceipt fifo(Producer producer, int number) {
    String group = "fifo-" + number % MESSAGE_GROUPS;
    String key = group + "-" + number / MESSAGE_GROUPS;
    return call(
        "send-fifo",
        key,
        () -> producer.send(message("fifo", key).setMessageGroup(group).build()));
  }

  private SendReceipt delay(Producer producer, int number) {
    boolean recalls = number % 5 == 4;
    String key = (recalls ? "recall-" : "delay-") + number;
    long due = System.currentTimeMillis() + (recalls ? 30_000 : 3_000);
    SendReceipt receipt =
        call(
            "send-delay",
            key,
            () -> producer.send(message("delay", key).setDeliveryTimestamp(due).build()));
    if (receipt != null && recalls) {
      call("recall", key, () -> producer.recallMessage(topic("delay"), receipt.getRecallHandle()));
    }
    return receipt;
  }

  private SendReceipt transaction(Producer producer, int number) {
    String key = "transaction-" + number;
    Transaction[] begun = new Transaction[1];
    SendReceipt receipt =
        call(
            "send-transaction",
            key,
            () -> {
              begun[0] = producer.beginTransaction();
              return producer.send(message("transaction", key).build(), begun[0]);
            });
    if (receipt != null) {
      call(
          "commit",
          key,
          () -> {
            begun[0].commit();
            return true;
          });
    }
    return receipt;
  }

  private void startPush() throws ClientException {
    PROVIDER
        .newPushConsumerBuilder()
        .setClientConfiguration(configuration)
        .setConsumerGroup(prefix + "-push")
        .setSubscriptionExpressions(
            Map.of(
                topic("normal"), FilterExpression.SUB_ALL,
                topic("delay"), FilterExpression.SUB_ALL,
                topic("transaction"), FilterExpression.SUB_ALL))
        .setMessageListener(
            view -> {
              say("got", "push", key(view), System.currentTimeMillis());
              return ConsumeResult.SUCCESS;
            })
        .build();
  }

  private SimpleConsumer simple() throws ClientException {
    return PROVIDER
        .newSimpleConsumerBuilder()
        .setClientConfiguration(configuration)
        .setConsumerGroup(prefix + "-fifo")
        .setAwaitDuration(AWAIT)
        .setSubscriptionExpressions(Map.of(topic("fifo"), FilterExpression.SUB_ALL))
        .build();
  }

  private void consume(SimpleConsumer consumer) {
    while (true) {
      long began = System.currentTimeMillis();
      List<MessageView> views;
      try {
        views = consumer.receive(16, INVISIBLE);
      } catch (ClientException | RuntimeException e) {
        String told = e.toString().replaceAll("\\s+", " ");
        say("call", "receive", "-", began, System.currentTimeMillis() - began, told);
        continue;
      }
      for (MessageView view : views) {
        say("got", "simple", key(view), System.currentTimeMillis());
        call(
            "ack",
            key(view),
            () -> {
              consumer.ack(view);
              return true;
            });
      }
    }
  }

  private static String key(MessageView view) {
    return StandardCharsets.UTF_8.decode(view.getBody().duplicate()).toString();
  }
}
