import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientException;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.FilterExpressionType;
import org.apache.rocketmq.client.apis.consumer.MessageListener;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;
import org.apache.rocketmq.client.apis.producer.Transaction;
import org.apache.rocketmq.client.apis.producer.TransactionResolution;

/** The scenarios of README.md with the Java SDK, any version from 5.0.8 on. */
final class SdkScenarios {

  private static final ClientServiceProvider PROVIDER = ClientServiceProvider.loadService();
  private static final FilterExpression ALL = new FilterExpression("*", FilterExpressionType.TAG);
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration QUIET = Duration.ofMillis(300);

  /** What the SDK waits for an answer: its three seconds are short where others build. */
  private static final Duration BUSY_MACHINE = Duration.ofSeconds(15);

  private final ClientConfiguration configuration;
  private final String prefix;

  private SdkScenarios(String endpoints, String prefix, boolean plaintext) {
    var builder =
        ClientConfiguration.newBuilder().setEndpoints(endpoints).setRequestTimeout(BUSY_MACHINE);
    // TLS is what the SDK does by itself, and verifies nothing.
    this.configuration = (plaintext ? builder.enableSsl(false) : builder).build();
    this.prefix = prefix;
  }

  public static void main(String[] args) throws Exception {
    var scenarios = new SdkScenarios(args[0], args[1], args.length > 2 && args[2].equals("plaintext"));
    Map<String, Callable<String>> all = new LinkedHashMap<>();
    all.put("normal", scenarios::normal);
    all.put("push", scenarios::push);
    all.put("two-topics", scenarios::twoTopics);
    all.put("fifo", scenarios::fifo);
    all.put("delay", scenarios::delay);
    all.put("transaction", scenarios::transaction);
    all.put("dlq", scenarios::dlq);
    all.put("tag", scenarios::tag);
    all.put("sql", scenarios::sql);
    all.put("priority", scenarios::priority);
    ExecutorService threads = Executors.newFixedThreadPool(all.size());
    List<Future<?>> running = new ArrayList<>();
    all.forEach((name, scenario) -> running.add(threads.submit(() -> report(name, scenario))));
    for (Future<?> one : running) {
      one.get();
    }
    System.out.flush();
    // Clients leave threads behind that are no daemons.
    Runtime.getRuntime().halt(0);
  }

  private static void report(String name, Callable<String> scenario) {
    long start = System.nanoTime();
    String line;
    try {
      String lacks = scenario.call();
      line =
          lacks.isEmpty()
              ? "PASS " + name + " " + (System.nanoTime() - start) / 1_000_000
              : "SKIP " + name + " " + lacks;
    } catch (Throwable e) {
      line = "FAIL " + name + " " + (e + " at " + e.getStackTrace()[0]).replaceAll("\\s+", " ");
      e.printStackTrace();
    }
    System.out.println(line);
  }

  // The scenarios; each returns what the SDK lacks for it, or nothing.

  private String normal() throws Exception {
    String topic = prefix + "-normal";
    try (Producer producer = producer(topic);
        SimpleConsumer consumer = simple(topic, topic, ALL)) {
      Set<String> sent = new HashSet<>();
      for (int i = 0; i < 20; i++) {
        Message message =
            builder(topic, "normal " + i).setTag("t").setKeys("k" + i).addProperty("i", "" + i).build();
        sent.add(producer.send(message).getMessageId().toString());
      }
      List<MessageView> got = receive(consumer, 20);
      check(sent.equals(ids(got)), "sent " + sent.size() + ", got " + ids(got).size());
      for (MessageView one : got) {
        String i = one.getProperties().get("i");
        check(body(one).equals("normal " + i), body(one));
        check(one.getTag().orElse("").equals("t"), "tag " + one.getTag());
        check(List.copyOf(one.getKeys()).equals(List.of("k" + i)), "keys " + one.getKeys());
        check(one.getDeliveryAttempt() == 1, "attempt " + one.getDeliveryAttempt());
      }
      checkNothingMore(consumer);
    }
    return "";
  }

  private String push() throws Exception {
    String topic = prefix + "-push";
    var got = new ConcurrentLinkedQueue<MessageView>();
    push(topic, Map.of(topic, ALL), collect(got));
    try (Producer producer = producer(topic)) {
      List<String> bodies = IntStream.range(0, 50).mapToObj(i -> "push " + i).toList();
      for (String body : bodies) {
        producer.send(builder(topic, body).build());
      }
      awaitBodies(got, bodies);
    }
    return "";
  }

  private String twoTopics() throws Exception {
    String one = prefix + "-two-topics";
    String two = prefix + "-two-topics-2";
    var got = new ConcurrentLinkedQueue<MessageView>();
    push(one, Map.of(one, ALL, two, ALL), collect(got));
    try (Producer producer = producer(one, two)) {
      List<String> bodies = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        String topic = i % 2 == 0 ? one : two;
        bodies.add(topic + " " + i);
        producer.send(builder(topic, topic + " " + i).build());
      }
      awaitBodies(got, bodies);
      for (MessageView view : got) {
        check(body(view).startsWith(view.getTopic() + " "), body(view) + " in " + view.getTopic());
      }
    }
    return "";
  }

  private String fifo() throws Exception {
    String topic = prefix + "-fifo";
    var got = new ConcurrentLinkedQueue<MessageView>();
    push(topic, Map.of(topic, ALL), collect(got));
    try (Producer producer = producer(topic)) {
      List<String> bodies = new ArrayList<>();
      for (int i = 0; i < 30; i++) {
        String group = "group-" + i % 3;
        bodies.add(group + " " + i / 3);
        producer.send(builder(topic, group + " " + i / 3).setMessageGroup(group).build());
      }
      awaitBodies(got, bodies);
      Map<String, List<String>> byGroup =
          got.stream()
              .collect(
                  Collectors.groupingBy(
                      view -> view.getMessageGroup().orElse("none"),
                      Collectors.mapping(SdkScenarios::body, Collectors.toList())));
      for (int group = 0; group < 3; group++) {
        String name = "group-" + group;
        List<String> order = IntStream.range(0, 10).mapToObj(i -> name + " " + i).toList();
        check(order.equals(byGroup.get(name)), name + ": " + byGroup.get(name));
      }
    }
    return "";
  }

  private String delay() throws Exception {
    String topic = prefix + "-delay";
    try (Producer producer = producer(topic);
        SimpleConsumer consumer = simple(topic, topic, ALL)) {
      long due = System.currentTimeMillis() + 8_000;
      producer.send(builder(topic, "kept").setDeliveryTimestamp(due).build());
      SendReceipt recalled = producer.send(builder(topic, "recalled").setDeliveryTimestamp(due).build());
      check(!recalled.getRecallHandle().isEmpty(), "no recall handle");
      var recall = producer.recallMessage(topic, recalled.getRecallHandle());
      check(recall.getMessageId().equals(recalled.getMessageId()), "recalled " + recall.getMessageId());
      List<MessageView> got = receive(consumer, 1);
      check(body(got.get(0)).equals("kept"), body(got.get(0)));
      check(System.currentTimeMillis() >= due, "delivered too early");
      check(got.get(0).getDeliveryTimestamp().orElse(0L) == due, "due " + got.get(0).getDeliveryTimestamp());
      checkNothingMore(consumer);
    }
    return "";
  }

  private String transaction() throws Exception {
    String topic = prefix + "-transaction";
    var asked = new ConcurrentLinkedQueue<String>();
    try (Producer producer =
            PROVIDER
                .newProducerBuilder()
                .setClientConfiguration(configuration)
                .setTopics(topic)
                .setTransactionChecker(
                    view -> {
                      asked.add(body(view));
                      return TransactionResolution.COMMIT;
                    })
                .build();
        SimpleConsumer consumer = simple(topic, topic, ALL)) {
      Transaction committed = producer.beginTransaction();
      producer.send(builder(topic, "committed").build(), committed);
      committed.commit();
      Transaction rolledBack = producer.beginTransaction();
      producer.send(builder(topic, "rolled back").build(), rolledBack);
      rolledBack.rollback();
      producer.send(builder(topic, "undecided").build(), producer.beginTransaction());
      Set<String> bodies = bodies(receive(consumer, 2));
      check(bodies.equals(Set.of("committed", "undecided")), bodies.toString());
      check(Set.copyOf(asked).equals(Set.of("undecided")), "asked about " + asked);
      checkNothingMore(consumer);
    }
    return "";
  }

  private String dlq() throws Exception {
    String topic = prefix + "-dlq";
    String deadLetters = "%DLQ%" + topic;
    var attempts = new ConcurrentLinkedQueue<Integer>();
    push(
        topic,
        Map.of(topic, ALL),
        view -> {
          attempts.add(view.getDeliveryAttempt());
          return ConsumeResult.FAILURE;
        });
    try (Producer producer = producer(topic)) {
      producer.send(builder(topic, "doomed").addProperty("p", "v").build());
      List<MessageView> got;
      try (SimpleConsumer dead = onceThere(() -> simple(topic + "-dead", deadLetters, ALL))) {
        got = receive(dead, 1);
      }
      check(body(got.get(0)).equals("doomed"), body(got.get(0)));
      check("v".equals(got.get(0).getProperties().get("p")), got.get(0).getProperties().toString());
      check(List.copyOf(attempts).equals(List.of(1, 2)), "attempts " + attempts);
    }
    return "";
  }

  private String tag() throws Exception {
    return filtered(
        "tag", new FilterExpression("a || b", FilterExpressionType.TAG), Set.of("a1", "b2", "a4"));
  }

  private String sql() throws Exception {
    return filtered(
        "sql",
        new FilterExpression("(TAGS = 'a' AND n > 1) OR n BETWEEN 2.5 AND 9", FilterExpressionType.SQL92),
        Set.of("c3", "a4"));
  }

  /** Sends a1 b2 c3 a4: tag and number of each message. */
  private String filtered(String scenario, FilterExpression filter, Set<String> expected)
      throws Exception {
    String topic = prefix + "-" + scenario;
    try (Producer producer = producer(topic);
        SimpleConsumer consumer = simple(topic, topic, filter)) {
      for (String each : List.of("a1", "b2", "c3", "a4")) {
        producer.send(
            builder(topic, each).setTag(each.substring(0, 1)).addProperty("n", each.substring(1)).build());
      }
      Set<String> bodies = bodies(receive(consumer, expected.size()));
      check(bodies.equals(expected), bodies.toString());
      checkNothingMore(consumer);
    }
    return "";
  }

  private String priority() throws Exception {
    String topic = prefix + "-priority";
    java.lang.reflect.Method set;
    java.lang.reflect.Method get;
    try {
      set = MessageBuilder.class.getMethod("setPriority", int.class);
      get = MessageView.class.getMethod("getPriority");
    } catch (NoSuchMethodException e) {
      return "no priority in this version";
    }
    try (Producer producer = producer(topic);
        SimpleConsumer consumer = simple(topic, topic, ALL)) {
      MessageBuilder urgent = builder(topic, "urgent");
      set.invoke(urgent, 3);
      producer.send(urgent.build());
      MessageView got = receive(consumer, 1).get(0);
      check(get.invoke(got).toString().contains("3"), "priority " + get.invoke(got));
    }
    return "";
  }

  // What the scenarios are made of.

  private Producer producer(String... topics) throws ClientException {
    return PROVIDER
        .newProducerBuilder()
        .setClientConfiguration(configuration)
        .setTopics(topics)
        .build();
  }

  private SimpleConsumer simple(String group, String topic, FilterExpression filter)
      throws ClientException {
    return PROVIDER
        .newSimpleConsumerBuilder()
        .setClientConfiguration(configuration)
        .setConsumerGroup(group)
        .setAwaitDuration(Duration.ofSeconds(5))
        .setSubscriptionExpressions(Map.of(topic, filter))
        .build();
  }

  /** It ends with this process: its close waits for polls, which take 20 s. */
  private void push(
      String group, Map<String, FilterExpression> subscriptions, MessageListener listener)
      throws ClientException {
    PROVIDER
        .newPushConsumerBuilder()
        .setClientConfiguration(configuration)
        .setConsumerGroup(group)
        .setSubscriptionExpressions(new HashMap<>(subscriptions))
        .setMessageListener(listener)
        .build();
  }

  /** The first dead letter makes their topic, and nothing can be subscribed to before. */
  private static SimpleConsumer onceThere(Callable<SimpleConsumer> consumer) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        return consumer.call();
      } catch (ClientException | RuntimeException e) {
        if (System.nanoTime() > deadline) {
          throw e;
        }
        TimeUnit.MILLISECONDS.sleep(500);
      }
    }
  }

  private static MessageListener collect(ConcurrentLinkedQueue<MessageView> got) {
    return view -> {
      got.add(view);
      return ConsumeResult.SUCCESS;
    };
  }

  private static MessageBuilder builder(String topic, String body) {
    return PROVIDER
        .newMessageBuilder()
        .setTopic(topic)
        .setBody(body.getBytes(StandardCharsets.UTF_8));
  }

  /** Receives and acknowledges until there are so many. */
  private static List<MessageView> receive(SimpleConsumer consumer, int count) throws ClientException {
    List<MessageView> got = new ArrayList<>();
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (got.size() < count) {
      check(System.nanoTime() < deadline, "got " + got.size() + " of " + count + " in " + PATIENCE);
      for (MessageView view : consumer.receive(16, Duration.ofSeconds(30))) {
        consumer.ack(view);
        got.add(view);
      }
    }
    return got;
  }

  private static void checkNothingMore(SimpleConsumer consumer) throws Exception {
    // One poll lasts for as long as a poll may; its end shows that nothing came.
    List<MessageView> more = consumer.receive(16, Duration.ofSeconds(30));
    check(more.isEmpty(), "more than expected: " + bodies(more));
  }

  /** Waits for all bodies, then a little for what should not come. */
  private static void awaitBodies(ConcurrentLinkedQueue<MessageView> got, List<String> bodies)
      throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (got.size() < bodies.size() && System.nanoTime() < deadline) {
      TimeUnit.MILLISECONDS.sleep(20);
    }
    TimeUnit.MILLISECONDS.sleep(QUIET.toMillis());
    List<String> sorted = got.stream().map(SdkScenarios::body).sorted().toList();
    check(sorted.equals(bodies.stream().sorted().toList()), "got " + sorted);
  }

  private static Set<String> ids(List<MessageView> views) {
    return views.stream().map(view -> view.getMessageId().toString()).collect(Collectors.toSet());
  }

  private static Set<String> bodies(List<MessageView> views) {
    return views.stream().map(SdkScenarios::body).collect(Collectors.toSet());
  }

  private static String body(MessageView view) {
    return StandardCharsets.UTF_8.decode(view.getBody().duplicate()).toString();
  }

  private static void check(boolean holds, String found) {
    if (!holds) {
      throw new AssertionError(found);
    }
  }
}
