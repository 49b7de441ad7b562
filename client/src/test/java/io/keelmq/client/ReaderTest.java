package io.keelmq.client;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.testing.FakeGroup;
import io.keelmq.v1.Code;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReaderTest {

  private static final int QUEUES = 2;

  private FakeGroup group;
  private KeelClient client;

  @BeforeEach
  void start() throws Exception {
    group = new FakeGroup().withTopic("orders", QUEUES);
    client = KeelClient.builder().endpoints(group.nameServer.address()).build();
  }

  @AfterEach
  void stop() {
    client.close();
    group.close();
  }

  @Test
  void readsToTheEndInTheOrderOfOffsets() {
    fill(300, 100);
    try (Reader reader = client.reader("orders").maxPoll(7).open()) {
      var next = new TreeMap<Integer, Long>();
      int read = 0;
      for (ReadMessage message : reader) {
        assertEquals(next.getOrDefault(message.queue(), 0L), message.offset());
        next.put(message.queue(), message.offset() + 1);
        assertEquals("m" + message.queue() + "-" + message.offset(), text(message));
        read++;
      }

      assertEquals(300, read);
      assertTrue(reader.atEnd());
      assertEquals(next, reader.nextOffsets());
    }
  }

  @Test
  void keepsItsPlaceOverBrokenStreamsAndLeaders() {
    fill(2_000, 100);
    try (Reader reader =
        client.reader("orders").follow(true).prefetchBytes(64 << 10).maxPoll(50).open()) {
      var next = new TreeMap<Integer, Long>();
      for (int read = 0, polls = 0; read < 2_000; polls++) {
        if (polls % 5 == 1) {
          int opened = group.openedReads.get();
          group.lead(polls % 3);
          await()
              .atMost(Duration.ofSeconds(60))
              .until(
                  () -> {
                    // Again and again: a stream that is just being opened is not there to be
                    // broken.
                    group.breakStreams();
                    return group.openedReads.get() > opened;
                  });
        }
        for (ReadMessage message : reader.poll(Duration.ofSeconds(20))) {
          assertEquals(next.getOrDefault(message.queue(), 0L), message.offset());
          next.put(message.queue(), message.offset() + 1);
          read++;
        }
      }

      assertTrue(group.openedReads.get() > 3, "streams: " + group.openedReads);
    }
  }

  @Test
  void fetchesNoMoreThanItMay() {
    int bodyBytes = 8 << 10;
    fill(2_000, bodyBytes);
    try (Reader reader = client.reader("orders").prefetchBytes(64 << 10).open()) {
      int read = 0;
      long most = 0;
      while (!reader.atEnd()) {
        read += reader.poll(Duration.ofSeconds(20)).size();
        most = Math.max(most, reader.fetchedBytes());
      }

      assertEquals(2_000, read);
      // What is allowed, and the responses that were on their way: 16 messages each.
      long bound = (64 << 10) + (ReadStream.RESPONSES_ASKED_FOR + 1) * 16L * (bodyBytes + 200);
      assertTrue(most <= bound, "held " + most + " of " + bound);
    }
  }

  @Test
  void tellsWhatRetentionTookAndGoesOn() {
    fill(40, 10);
    try (Reader reader = client.reader("orders").queues(0).open()) {
      reader.iterator().next();
      reader.commitSync("billing");
    }
    group.log.trim("orders", 0, 15);

    try (Reader reader =
        client.reader("orders").queues(0).from(StartAt.committed("billing")).open()) {
      long committed = reader.nextOffsets().get(0);
      var lost = assertThrows(MessagesTrimmed.class, () -> reader.poll(Duration.ofSeconds(20)));
      ReadMessage next = reader.poll(Duration.ofSeconds(20)).get(0);

      assertEquals(0, lost.queue());
      assertEquals(committed, lost.fromOffset());
      assertEquals(15, lost.toOffset());
      assertEquals(15, next.offset());
    }
  }

  @Test
  void startsWhereTheGroupCommitted() {
    fill(40, 10);
    try (Reader reader = client.reader("orders").queues(1).maxPoll(5).open()) {
      reader.poll(Duration.ofSeconds(20));
      reader.commitSync("billing");
    }

    try (Reader reader = client.reader("orders").from(StartAt.committed("billing")).open()) {
      assertEquals(5, reader.nextOffsets().get(1));
      assertEquals(0, reader.nextOffsets().get(0));
    }
  }

  @Test
  void latestSeesWhatIsStoredAfterOpening() {
    fill(10, 10);
    try (Reader reader =
            client.reader("orders").from(StartAt.latest()).follow(true).anyReplica(true).open();
        Producer producer = client.producer().open()) {
      var sent = producer.sendSync(OutgoingMessage.of("orders", "new"));
      // The fake does not push what is stored later; a new stream shows that the place was kept.
      var read = new ArrayList<ReadMessage>();
      while (read.isEmpty()) {
        group.breakStreams();
        read.addAll(reader.poll(Duration.ofSeconds(5)));
      }

      assertEquals(List.of("new"), read.stream().map(ReadMessage::bodyText).toList());
      assertEquals(sent.offset(), read.get(0).offset());
    }
  }

  @Test
  void refusesAMissingTopicAtOnce() {
    var failure = assertThrows(RequestRejected.class, () -> client.reader("nowhere").open());

    assertEquals(Code.TOPIC_NOT_FOUND, failure.code());
    assertTrue(failure.isNotFound());
  }

  @Test
  void doesNotReadOnAfterClosing() {
    fill(10, 10);
    Reader reader = client.reader("orders").follow(true).open();

    reader.close();

    assertThrows(ClientClosed.class, () -> reader.poll(Duration.ofSeconds(1)));
  }

  private void fill(int messages, int bodyBytes) {
    try (Producer producer = client.producer().open()) {
      for (int i = 0; i < messages; i++) {
        String text = "m" + i % QUEUES + "-" + i / QUEUES;
        var body = new StringBuilder(text);
        while (body.length() < bodyBytes) {
          body.append(' ');
        }
        producer.send(
            OutgoingMessage.builder("orders").queue(i % QUEUES).body(body.toString()).build());
      }
      assertTrue(producer.flush(Duration.ofMinutes(1)));
    }
  }

  private static String text(ReadMessage message) {
    return message.bodyText().strip();
  }
}
