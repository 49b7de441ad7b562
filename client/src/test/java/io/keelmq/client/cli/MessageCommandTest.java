package io.keelmq.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.keelmq.client.StartAt;
import io.keelmq.v1.Message;
import io.keelmq.v1.Topic;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MessageCommandTest {
  private final CommandLineRun keelmq = new CommandLineRun();

  @BeforeEach
  void fill() {
    keelmq.cluster.topics.put("orders", Topic.newBuilder().setTopic("orders").setQueues(1).build());
    for (int i = 0; i < 10; i++) {
      keelmq.cluster.store(
          Message.newBuilder()
              .setMessageId("m" + i)
              .addKeys("k" + i % 3)
              .setTag("t" + i % 2)
              .setBody(ByteString.copyFromUtf8("body " + i))
              .build());
    }
  }

  @Test
  void getsOneMessage() {
    assertEquals(0, keelmq.run("message get orders 0 4 -o json".split(" ")));

    assertEquals(1, keelmq.outLines().size());
    assertTrue(keelmq.out().contains("\"body\":\"body 4\""), keelmq::out);
    assertEquals(StartAt.offset(4), keelmq.cluster.lastSource.from());
    assertEquals(List.of(0), keelmq.cluster.lastSource.queues());
    assertEquals(1, keelmq.cluster.lastSource.maxPoll());
  }

  @Test
  void tellsThatThereIsNoneYet() {
    assertEquals(5, keelmq.run("message get orders 0 10 -o json".split(" ")));
    assertEquals("", keelmq.out());
    assertTrue(keelmq.errLines().get(1).contains("OFFSET_OUT_OF_RANGE"));
  }

  @Test
  void findsWhatFitsInEveryRespect() {
    assertEquals(0, keelmq.run("message query orders --key k1 --tag t1 -o json".split(" ")));

    // 1 and 7; not 4, whose tag is t0.
    assertEquals(3, keelmq.outLines().size());
    assertTrue(keelmq.outLines().get(1).contains("\"m7\""), keelmq::out);
    assertEquals(
        "{\"looked_at\":10,\"found\":2,\"complete\":true,\"trimmed\":0}", keelmq.outLines().get(2));
  }

  @Test
  void saysThatItDidNotLookAtAll() {
    assertEquals(0, keelmq.run("message query orders --scan 4 -o json".split(" ")));
    assertTrue(
        keelmq.out().contains("{\"looked_at\":4,\"found\":4,\"complete\":false"), keelmq::out);

    assertEquals(0, keelmq.run("message query orders --max 1 --tag t0 -o json".split(" ")));
    assertTrue(
        keelmq.out().contains("{\"looked_at\":1,\"found\":1,\"complete\":false"), keelmq::out);
  }

  @Test
  void looksFromAndToATime() {
    assertEquals(
        0,
        keelmq.run(
            "message query orders --begin 2026-01-31T12:00:00Z --end 2026-02-01T00:00:00Z"
                .split(" ")));

    assertEquals(
        StartAt.time(Instant.parse("2026-01-31T12:00:00Z")), keelmq.cluster.lastSource.from());
    // The first one is behind the end, as all others of its queue are.
    assertEquals("looked at 1 messages, 0 fit\n", keelmq.out());
  }
}
