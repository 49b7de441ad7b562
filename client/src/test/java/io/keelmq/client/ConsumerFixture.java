package io.keelmq.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.testing.FakeGroup;
import io.keelmq.v1.Code;
import java.time.Duration;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * A client at a fake group with the topic "orders" of two queues, and what tests of consumers
 * share.
 */
abstract class ConsumerFixture {
  static final Duration LONG = Duration.ofSeconds(60);

  FakeGroup group;
  KeelClient client;

  @BeforeEach
  void start() throws Exception {
    group = new FakeGroup().withTopic("orders", 2);
    client = KeelClient.connect(group.nameServer.address());
  }

  @AfterEach
  void stop() {
    client.close();
    group.close();
    assertEquals(List.of(), group.consumers.breaches);
  }

  final Consumer.Builder consumer() {
    return client.consumer().group("billing").topic("orders");
  }

  static ConsumedMessage receiveOne(Consumer consumer) {
    List<ConsumedMessage> received = consumer.receive(1, LONG);
    assertEquals(1, received.size());
    return received.get(0);
  }

  static void assertLeaseLost(CompletableFuture<?> future) {
    var failure = assertThrows(ExecutionException.class, () -> future.get(60, TimeUnit.SECONDS));
    assertInstanceOf(LeaseLost.class, failure.getCause());
    assertEquals(Code.LEASE_NOT_FOUND, ((LeaseLost) failure.getCause()).code());
  }

  final void fill(int messages) {
    try (Producer producer = client.producer().open()) {
      for (int i = 0; i < messages; i++) {
        producer.send(OutgoingMessage.builder("orders").queue(i % 2).body("m" + i).build());
      }
      assertTrue(producer.flush(LONG));
    }
  }

  /** Messages of one queue. */
  final void fill(int queue, String... bodies) {
    try (Producer producer = client.producer().open()) {
      for (String body : bodies) {
        producer.sendSync(OutgoingMessage.builder("orders").queue(queue).body(body).build());
      }
    }
    assertEquals(new TreeSet<>(List.of(bodies)), new TreeSet<>(group.log.bodies("orders", queue)));
  }
}
